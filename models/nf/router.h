// An IPv4 router between two ports: longest-prefix match, TTL, errors to the sender, options on a
// slow path. Read RFC 1812 §4.2.2, §4.3 and §5.2. Neighbours are configured, not asked for.
//
// Deviates from RFC 1812 §5.2.6: never fragments; what is too long is the port's to refuse.
#pragma once

#include <array>
#include <optional>
#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/nf/ipv4_frame.h"
#include "models/nf/network_function.h"
#include "models/nf/state/lpm.h"
#include "models/nf/state/rate_meter.h"

namespace twinpath {

enum class LpmKind : std::uint8_t { kDir24, kTrie };
inline constexpr const char* kLpmKindNames[] = {"dir24", "trie"};

struct RouterInterface {
  MacAddress mac;
  Ipv4Address address;  // the source of its errors
};
struct RouterNextHop {
  PortId port = 0;
  MacAddress mac;
};

struct RouterConfig {
  static constexpr std::size_t kInterfacesMax = 64;
  static constexpr std::size_t kRoutesMax = 1U << 20;

  std::vector<RouterInterface> interfaces;  // by port
  std::vector<RouterNextHop> next_hops;
  std::vector<LpmRoute> routes;  // next_hop is an index into next_hops
  LpmKind lpm = LpmKind::kDir24;
  std::uint64_t error_bytes_per_s = 1'000'000;  // RFC 1812 §4.3.2.8: errors are limited
  std::uint64_t error_burst_bytes = 100'000;

  static constexpr auto fields() {
    using C = RouterConfig;
    return std::tuple(
        Field{"lpm", "how routes are looked up", &C::lpm, Limits{.choices = kLpmKindNames}},
        Field{"error_bytes_per_s", "ICMP errors sent on average", &C::error_bytes_per_s,
              Limits{.unit = "bytes/s", .min = 1, .max = 1e9}},
        Field{"error_burst_bytes", "ICMP errors sent at once", &C::error_burst_bytes,
              Limits{.unit = "bytes", .min = 1, .max = 1e9}});
  }
  // Everything wrong, all at once; empty when it can be used.
  [[nodiscard]] std::vector<Problem> validate() const;
};

class Router final : public NetworkFunction {
 public:
  enum Outcome : std::uint32_t {
    kNotIpv4,
    kMalformed,
    kBadChecksum,
    kBadAddress,   // a source or destination no packet on a wire has
    kForRouter,    // one of its own addresses: there is no host behind them
    kBadOptions,   // malformed, or a source route (RFC 7126 §4.3 and §4.4)
    kErrorUnsent,  // an error was due, and may not be sent
    kForwarded,    // from here on something goes out
    kForwardedOptions,
    kTimeExceeded,
    kUnreachable,
  };
  static constexpr std::size_t kPcvLookup = 0;   // second loads, or bits of the trie
  static constexpr std::size_t kPcvOptions = 1;  // options looked at
  static constexpr std::size_t kPcvQuoted = 2;   // bytes an error quotes

  // Requires: config.validate() is empty.
  explicit Router(const RouterConfig& config);

  Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) override;
  void prefetch(const PacketBuf& packet) override;

 private:
  struct Passage {
    Instant now;
    PortId in;
    PacketBuf& packet;
    Ipv4Frame frame;
    Probe& probe;
    PortId out = 0;
  };
  Outcome route(Passage& passage);
  Outcome forward(Passage& passage, NextHop next_hop, Outcome outcome);
  Outcome error(Passage& passage, Outcome outcome);
  [[nodiscard]] NextHop find(std::uint32_t address, Probe& probe) const;
  [[nodiscard]] bool is_own(std::uint32_t address) const;

  std::vector<RouterInterface> interfaces_;
  std::vector<RouterNextHop> next_hops_;
  std::optional<LpmDir24> dir24_;
  std::optional<LpmTrie> trie_;
  RateRule error_rule_;
  RateMeter errors_;
};

}  // namespace twinpath
