// What most network functions keep: a map, and a chain that says which entries are old. Small calls
// around both, so that the functions read as what they do.
#pragma once

#include "models/nf/state/double_chain.h"
#include "models/nf/state/flow_map.h"

namespace twinpath {

class FlowTable {
 public:
  // The table's counts in a Probe; the same for every function that has one.
  static constexpr std::size_t kPcvVisited = 0;     // slots looked at to find
  static constexpr std::size_t kPcvCollisions = 1;  // of them equal in hash, not in key
  static constexpr std::size_t kPcvPassed = 2;      // slots passed by to insert
  static constexpr std::size_t kPcvExpired = 3;     // entries that had become old
  static constexpr std::size_t kPcvUnpassed = 4;    // slots passed by to erase
  static constexpr std::size_t kPcvs = 5;           // the first that is the function's own

  struct Options {
    std::uint32_t entries_max = 65536;
    std::uint64_t seed = 0;
    Duration timeout = std::chrono::seconds(60);  // of an entry that is not used
    std::uint32_t expired_per_packet_max = kEntriesMax;
  };
  explicit FlowTable(const Options& options)
      : map_({options.entries_max, options.seed}),
        chain_({options.entries_max, 1}),
        entries_max_(options.entries_max),
        timeout_(options.timeout),
        expired_max_(options.expired_per_packet_max) {}

  // Calls gone(index) for each entry that had become old, the key still there. A function with a
  // second table counts its entries at a place of its own: their cost differs.
  template <typename Gone>
  void expire(Instant now, Probe& probe, Gone gone, std::size_t expired = kPcvExpired) {
    const Instant before = now - timeout_;
    for (std::uint32_t i = 0; i < expired_max_; ++i) {
      const Index index = chain_.expire_one(before);
      if (index == kNoIndex) break;
      probe.count(expired);
      gone(index);
      map_.erase(index, Pcvs(probe, kPcvUnpassed));
    }
  }
  void expire(Instant now, Probe& probe) {
    expire(now, probe, [](Index) {});
  }
  [[nodiscard]] Index find(MapKey key, Probe& probe) const {
    return map_.find(key, Pcvs(probe, kPcvVisited));
  }
  void touch(Index index, Instant now) { chain_.rejuvenate(index, now); }
  // kNoIndex when the table is full. Requires: find(key) finds nothing.
  [[nodiscard]] Index add(MapKey key, Instant now, Probe& probe) {
    const Index index = chain_.allocate(now);
    if (index != kNoIndex) map_.insert(key, index, Pcvs(probe, kPcvPassed));
    return index;
  }
  // Before its time. Requires: the index is in use.
  void remove(Index index, Probe& probe) {
    map_.erase(index, Pcvs(probe, kPcvUnpassed));
    chain_.release(index);
  }
  [[nodiscard]] MapKey key(Index index) const { return map_.key(index); }
  void prefetch(MapKey key) const { map_.prefetch(key); }
  [[nodiscard]] std::uint32_t size() const { return chain_.size(); }
  [[nodiscard]] bool is_full() const { return chain_.size() == entries_max_; }
  [[nodiscard]] const FlowMap& map() const { return map_; }

 private:
  FlowMap map_;
  DoubleChain chain_;
  std::uint32_t entries_max_;
  Duration timeout_;
  std::uint32_t expired_max_;
};

}  // namespace twinpath
