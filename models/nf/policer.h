// A policer: what comes from outside (port 1) may not exceed a rate for each inside address; what
// goes out passes. Read RFC 2475 §2.3.3.4. Policing, not shaping: what is too much is dropped at
// once.
#pragma once

#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/nf/ipv4_frame.h"
#include "models/nf/network_function.h"
#include "models/nf/state/flow_table.h"
#include "models/nf/state/rate_meter.h"
#include "models/nf/state/state_vector.h"

namespace twinpath {

struct PolicerConfig {
  std::uint64_t rate_bytes_per_s = 1'250'000;  // 10 Mbit/s
  std::uint64_t burst_bytes = 65536;
  std::uint32_t addresses_max = 65536;
  Duration address_timeout = std::chrono::seconds(60);
  std::uint32_t expired_per_packet_max = kEntriesMax;
  std::uint64_t seed = 1;

  static constexpr auto fields() {
    using C = PolicerConfig;
    constexpr Limits kEntries{.min = 1, .max = double{kEntriesMax}};
    return std::tuple(
        Field{"rate_bytes_per_s", "towards one address, on average", &C::rate_bytes_per_s,
              Limits{.unit = "bytes/s", .min = 1, .max = double{RateRule::kBytesPerSMax}}},
        Field{"burst_bytes", "towards one address, at once", &C::burst_bytes,
              Limits{.unit = "bytes", .min = 1, .max = double{RateRule::kBurstBytesMax}}},
        Field{"addresses_max", "addresses metered at once", &C::addresses_max, kEntries},
        Field{"address_timeout", "until an address without traffic is forgotten",
              &C::address_timeout, Limits{.unit = "ns", .min = 1, .max = 1e15}},
        Field{"expired_per_packet_max", "old addresses forgotten for one packet",
              &C::expired_per_packet_max, kEntries},
        Field{"seed", "of the hash", &C::seed});
  }
  // Everything wrong, all at once; empty when it can be used.
  [[nodiscard]] std::vector<Problem> validate() const;
};

class Policer final : public NetworkFunction {
 public:
  static constexpr PortId kInside = 0;

  enum Outcome : std::uint32_t {
    kMalformed,
    kExceeded,
    kTableFull,  // an address that finds no meter is refused
    kNotIpv4,    // from here on forwarded
    kOutbound,
    kKnown,
    kNew,
  };
  static constexpr std::size_t kPcvVisited = FlowTable::kPcvVisited;
  static constexpr std::size_t kPcvCollisions = FlowTable::kPcvCollisions;
  static constexpr std::size_t kPcvPassed = FlowTable::kPcvPassed;
  static constexpr std::size_t kPcvExpired = FlowTable::kPcvExpired;
  static constexpr std::size_t kPcvUnpassed = FlowTable::kPcvUnpassed;

  // Requires: config.validate() is empty.
  explicit Policer(const PolicerConfig& config);

  Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) override;
  void prefetch(const PacketBuf& packet) override;

 private:
  Outcome judge(const Ipv4Frame& frame, Instant now, Probe& probe);

  FlowTable addresses_;
  StateVector<RateMeter> meters_;
  RateRule rule_;
};

}  // namespace twinpath
