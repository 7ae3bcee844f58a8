// A learning bridge between two ports: filters what need not cross. Read IEEE 802.1Q §8.7
// (learning) and §8.6 (forwarding). With two ports, flooding is sending to the other one.
#pragma once

#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/nf/network_function.h"
#include "models/nf/state/mac_table.h"

namespace twinpath {

struct BridgeConfig {
  std::uint32_t stations_max = 65536;
  Duration ageing_time = std::chrono::seconds(300);  // IEEE 802.1Q §8.8.3
  std::uint32_t rehash_threshold = 6;
  std::uint32_t expired_per_packet_max = kEntriesMax;
  std::uint64_t seed = 1;

  static constexpr auto fields() {
    using C = BridgeConfig;
    constexpr Limits kEntries{.min = 1, .max = double{kEntriesMax}};
    return std::tuple(
        Field{"stations_max", "link addresses remembered", &C::stations_max, kEntries},
        Field{"ageing_time", "until a station that is not heard is forgotten", &C::ageing_time,
              Limits{.unit = "ns", .min = 1, .max = 1e15}},
        Field{"rehash_threshold", "slots passed by to insert, beyond which the hash is changed",
              &C::rehash_threshold, Limits{.unit = "slots", .min = 1, .max = 65536}},
        Field{"expired_per_packet_max", "old stations forgotten for one frame",
              &C::expired_per_packet_max, kEntries},
        Field{"seed", "of the hash", &C::seed});
  }
  // Everything wrong, all at once; empty when it can be used.
  [[nodiscard]] std::vector<Problem> validate() const { return validate_fields(*this); }
};

class Bridge final : public NetworkFunction {
 public:
  // What became of the frame, and of its sender: outcome = forwarding * kLearnings + learning.
  enum Forwarding : std::uint32_t {
    kUnicast,    // to the port where the receiver was seen
    kSamePort,   // dropped: the receiver was seen where the frame came from
    kFlooded,    // the receiver is not known
    kGroup,      // broadcast or multicast
    kReserved,   // dropped: 802.1Q §8.6.3, addresses no bridge forwards
    kBadSource,  // dropped: a group address cannot send
    kTruncated,  // dropped: no whole Ethernet header
  };
  enum Learning : std::uint32_t { kKnown, kNew, kNewRehashed, kFull };
  static constexpr std::uint32_t kLearnings = 4;
  static constexpr std::uint32_t outcome(Forwarding forwarding, Learning learning) {
    return forwarding * kLearnings + learning;
  }

  static constexpr std::size_t kPcvVisited = MacTable::kPcvVisited;
  static constexpr std::size_t kPcvCollisions = MacTable::kPcvCollisions;
  static constexpr std::size_t kPcvPassed = MacTable::kPcvPassed;
  static constexpr std::size_t kPcvExpired = MacTable::kPcvExpired;
  static constexpr std::size_t kPcvUnpassed = MacTable::kPcvUnpassed;
  static constexpr std::size_t kPcvMoved = MacTable::kPcvMoved;
  static constexpr std::size_t kPcvRepassed = MacTable::kPcvRepassed;

  // Requires: config.validate() is empty.
  explicit Bridge(const BridgeConfig& config);

  Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) override;
  void prefetch(const PacketBuf& packet) override;
  [[nodiscard]] const MacTable& table() const { return table_; }

 private:
  MacTable table_;
};

}  // namespace twinpath
