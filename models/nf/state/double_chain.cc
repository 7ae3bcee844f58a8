// Links.
#include "models/nf/state/double_chain.h"

#include "models/base/check.h"

namespace twinpath {

DoubleChain::DoubleChain(const Options& options)
    : cells_(options.entries_max + options.chains), entries_max_(options.entries_max) {
  CHECK(options.entries_max > 0 && options.entries_max <= kEntriesMax);
  CHECK(options.chains > 0 && options.chains <= kChainsMax);
  for (std::uint32_t i = 0; i < entries_max_; ++i) cells_[i].next = i + 1;
  cells_[entries_max_ - 1].next = kNoIndex;
  for (std::uint32_t i = entries_max_; i < cells_.size(); ++i) cells_[i] = {i, i, kNever};
}

inline void DoubleChain::append(Index index, Instant now, ChainId chain) {
  Cell& end = cells_[anchor(chain)];
  cells_[index] = {end.previous, anchor(chain), now};
  cells_[end.previous].next = index;
  end.previous = index;
}

inline void DoubleChain::unlink(Index index) {
  const Cell& cell = cells_[index];
  cells_[cell.previous].next = cell.next;
  cells_[cell.next].previous = cell.previous;
}

Index DoubleChain::allocate(Instant now, ChainId chain) {
  const Index index = free_;
  if (index == kNoIndex) return kNoIndex;
  free_ = cells_[index].next;
  append(index, now, chain);
  ++size_;
  return index;
}

void DoubleChain::rejuvenate(Index index, Instant now, ChainId chain) {
  unlink(index);
  append(index, now, chain);
}

Index DoubleChain::expire_one(Instant before, ChainId chain) {
  const Index oldest = cells_[anchor(chain)].next;
  if (cells_[oldest].used >= before) return kNoIndex;
  release(oldest);
  return oldest;
}

void DoubleChain::release(Index index) {
  unlink(index);
  cells_[index].next = free_;
  free_ = index;
  --size_;
}

}  // namespace twinpath
