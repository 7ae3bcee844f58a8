// Hands out indices and takes back old ones by sweeping an array of times: allocator B of Bolt
// (NSDI'19 §5.3), to be compared with the double chain. Using an index is one store. The price is
// paid when nothing is free: then up to all entries are looked at for an old one.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/time.h"
#include "models/nf/state/flow_map.h"

namespace twinpath {

class SweepPool {
 public:
  static constexpr std::size_t kPcvSwept = 0;  // expire_one: entries looked at

  // Requires: 0 < entries_max <= kEntriesMax.
  explicit SweepPool(std::uint32_t entries_max);

  // kNoIndex when all are in use.
  [[nodiscard, gnu::noinline]] Index allocate(Instant now);
  // Requires: the index is in use.
  [[gnu::noinline]] void rejuvenate(Index index, Instant now);
  // Takes back one that was last used before `before`, if it finds one: looks at one entry while
  // others are free, at all of them when none is. Counts kPcvSwept.
  [[nodiscard, gnu::noinline]] Index expire_one(Instant before, Pcvs pcvs);

  [[nodiscard]] std::uint32_t size() const {
    return static_cast<std::uint32_t>(used_.size()) - free_count_;
  }

 private:
  std::vector<Instant> used_;  // kNever when free, which is never old
  std::vector<Index> free_;    // a stack of free_count_
  std::uint32_t free_count_;
  std::uint32_t hand_ = 0;  // where the sweep goes on
};

}  // namespace twinpath
