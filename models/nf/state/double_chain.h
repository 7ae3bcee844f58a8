// Hands out indices and takes them back in the order in which they were last used: allocator A of
// Bolt (NSDI'19 §5.3), after libVig's double chain. Using an index moves it to the end of its
// chain, so the oldest is always at the front and no call has a loop. Several chains share the
// indices, one for each time-out: a chain is in order of time only if one time-out rules it.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/time.h"
#include "models/nf/state/flow_map.h"

namespace twinpath {

enum class ChainId : std::uint8_t {};  // 0 to chains - 1

class DoubleChain {
 public:
  static constexpr std::uint32_t kChainsMax = 16;

  struct Options {
    std::uint32_t entries_max = 1;  // at most kEntriesMax
    std::uint32_t chains = 1;       // at most kChainsMax
  };
  explicit DoubleChain(const Options& options);

  // kNoIndex when all are in use.
  [[nodiscard, gnu::noinline]] Index allocate(Instant now, ChainId chain = ChainId{0});
  // Used now, and from now on in `chain`. Requires: the index is in use, `now` never goes back.
  [[gnu::noinline]] void rejuvenate(Index index, Instant now, ChainId chain = ChainId{0});
  // Takes back the chain's oldest if it was last used before `before`; else kNoIndex.
  [[nodiscard, gnu::noinline]] Index expire_one(Instant before, ChainId chain = ChainId{0});
  // Requires: the index is in use.
  [[gnu::noinline]] void release(Index index);

  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] Instant last_used(Index index) const { return cells_[index].used; }

 private:
  struct Cell {
    std::uint32_t previous = 0;
    std::uint32_t next = 0;
    Instant used{};
  };
  static_assert(sizeof(Cell) == 16);

  [[nodiscard]] std::uint32_t anchor(ChainId chain) const {
    return entries_max_ + static_cast<std::uint32_t>(chain);
  }
  void append(Index index, Instant now, ChainId chain);
  void unlink(Index index);

  // Behind the entries one anchor for each chain, used at kNever: an empty chain's oldest is never
  // old, without a branch.
  std::vector<Cell> cells_;
  std::uint32_t entries_max_;
  std::uint32_t free_ = 0;  // first of those linked by `next`; kNoIndex at the end
  std::uint32_t size_ = 0;
};

}  // namespace twinpath
