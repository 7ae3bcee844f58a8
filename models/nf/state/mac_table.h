// A table of link addresses nobody can fill with collisions: the hash has a secret seed, and when a
// search for a place passes more slots than a threshold, the table takes a new seed and places
// every entry anew. After Bolt's bridge (NSDI'19 §5.3): the threshold trades the cost of a rehash,
// a cliff of thousands of instructions, against the length of ordinary searches.
#pragma once

#include "models/base/rng.h"
#include "models/nf/state/double_chain.h"
#include "models/nf/state/flow_map.h"
#include "models/nf/state/state_vector.h"

namespace twinpath {

class MacTable {
 public:
  static constexpr std::uint16_t kNoPort = 0xffff;

  // Counts in a Probe.
  static constexpr std::size_t kPcvVisited = 0;     // slots looked at to find
  static constexpr std::size_t kPcvCollisions = 1;  // of them equal in hash, not in key
  static constexpr std::size_t kPcvPassed = 2;      // slots passed by to insert
  static constexpr std::size_t kPcvExpired = 3;     // stations that had become old
  static constexpr std::size_t kPcvUnpassed = 4;    // slots passed by to erase
  static constexpr std::size_t kPcvMoved = 5;       // stations placed anew by a rehash
  static constexpr std::size_t kPcvRepassed = 6;    // slots passed by to do so

  struct Options {
    std::uint32_t entries_max = 65536;
    Duration timeout = std::chrono::seconds(300);  // IEEE 802.1Q §8.8.3, ageing time
    std::uint32_t rehash_threshold = 6;
    std::uint32_t expired_per_packet_max = kEntriesMax;
    std::uint64_t seed = 1;
  };
  explicit MacTable(const Options& options);

  enum class Learned : std::uint8_t { kKnown, kNew, kNewRehashed, kFull };

  // A station is seen at a port: remembered, or moved there. `mac` as MacAddress::to_u64().
  Learned learn(std::uint64_t mac, std::uint16_t port, Instant now, Probe& probe);
  // Where a station was seen last; kNoPort when it was not.
  [[nodiscard]] std::uint16_t port_of(std::uint64_t mac, Probe& probe) const;
  void expire(Instant now, Probe& probe);
  void prefetch(std::uint64_t mac) const { map_.prefetch({mac, 0}); }
  [[nodiscard]] std::uint32_t size() const { return chain_.size(); }
  [[nodiscard]] std::uint32_t rehashes() const { return rehashes_; }
  [[nodiscard]] const FlowMap& map() const { return map_; }

 private:
  FlowMap map_;
  DoubleChain chain_;
  StateVector<std::uint16_t> ports_;
  Duration timeout_;
  std::uint32_t threshold_;
  std::uint32_t expired_max_;
  std::uint32_t rehashes_ = 0;
  Rng seeds_;
};

}  // namespace twinpath
