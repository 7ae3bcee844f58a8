// The mappings of a NAT: an internal address and port (or ICMP query identifier) to an external
// one, the same whatever the destination. Read RFC 4787 §4 (mapping, port preservation, parity) and
// RFC 5508 §3 (ICMP queries). External ports are found by an array, not by a hash.
#pragma once

#include <array>
#include <vector>

#include "models/nf/state/double_chain.h"
#include "models/nf/state/flow_map.h"
#include "models/nf/state/state_vector.h"

namespace twinpath {

enum class NatProtocol : std::uint8_t { kUdp, kTcp, kIcmp };

struct NatEnd {
  std::uint32_t address = 0;
  std::uint16_t port = 0;  // or query identifier
  NatProtocol protocol = NatProtocol::kUdp;
};

struct NatMapping {
  NatEnd internal;
  NatEnd external;
  std::uint32_t serial = 0;  // of all mappings there ever were
  bool answered = false;     // TCP: somebody outside has sent more than a SYN
};

class NatTable {
 public:
  static constexpr std::uint32_t kAddressesMax = 64;
  static constexpr std::uint32_t kPortTriesMax = 256;  // then the port space counts as full
  static constexpr std::size_t kChains = 4;            // time-outs

  // Counts in a Probe.
  static constexpr std::size_t kPcvVisited = 0;     // slots looked at to find
  static constexpr std::size_t kPcvCollisions = 1;  // of them equal in hash, not in key
  static constexpr std::size_t kPcvPassed = 2;      // slots passed by to insert
  static constexpr std::size_t kPcvExpired = 3;     // mappings that had become old
  static constexpr std::size_t kPcvUnpassed = 4;    // slots passed by to erase
  static constexpr std::size_t kPcvPortTries = 5;   // external ports found taken

  struct Options {
    std::uint32_t entries_max = 65536;
    std::uint64_t seed = 0;
    std::uint32_t address_first = 0;  // external
    std::uint32_t addresses = 1;
    std::array<Duration, kChains> timeouts{};
    std::uint32_t expired_per_packet_max = kEntriesMax;
  };
  explicit NatTable(const Options& options);

  void expire(Instant now, Probe& probe);
  // The mapping of an internal end; kNoIndex when there is none.
  [[nodiscard]] Index find_internal(const NatEnd& internal, Probe& probe) const {
    return map_.find(key_of(internal), Pcvs(probe, kPcvVisited));
  }
  // The mapping of an external end. Requires: is_external(external.address).
  [[nodiscard]] Index find_external(const NatEnd& external) const {
    return owners_[place(external)];
  }
  [[nodiscard]] bool is_external(std::uint32_t address) const {
    return address - address_first_ < addresses_;
  }
  // kNoIndex when mappings or ports are used up. Requires: find_internal(internal) finds nothing.
  [[nodiscard, gnu::noinline]] Index add(const NatEnd& internal, Instant now, Probe& probe);
  void touch(Index index, Instant now, ChainId chain) { chain_.rejuvenate(index, now, chain); }

  [[nodiscard]] NatMapping& operator[](Index index) { return mappings_[index]; }
  [[nodiscard]] const NatMapping& operator[](Index index) const { return mappings_[index]; }
  void prefetch(const NatEnd& internal) const { map_.prefetch(key_of(internal)); }
  [[nodiscard]] std::uint32_t size() const { return chain_.size(); }

 private:
  static MapKey key_of(const NatEnd& end) {
    return {std::uint64_t{end.address} << 32 | std::uint64_t{end.port} << 16 |
                static_cast<std::uint64_t>(end.protocol),
            0};
  }
  [[nodiscard]] std::size_t place(const NatEnd& end) const {
    const std::size_t row =
        std::size_t{end.address - address_first_} * 3 + static_cast<std::size_t>(end.protocol);
    return row << 16 | end.port;
  }
  [[nodiscard]] bool choose_port(NatEnd& external, Probe& probe);
  void remove(Index index, Probe& probe);

  FlowMap map_;  // of internal ends
  DoubleChain chain_;
  StateVector<NatMapping> mappings_;
  std::vector<Index> owners_;  // of external ports, by place()
  std::array<Duration, kChains> timeouts_;
  std::uint32_t address_first_;
  std::uint32_t addresses_;
  std::uint32_t expired_max_;
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
  std::uint32_t serial_ = 0;
};

}  // namespace twinpath
