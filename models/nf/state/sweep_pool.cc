// The stack of free indices, and the hand that goes round.
#include "models/nf/state/sweep_pool.h"

#include "models/base/check.h"

namespace twinpath {

SweepPool::SweepPool(std::uint32_t entries_max)
    : used_(entries_max, kNever), free_(entries_max), free_count_(entries_max) {
  CHECK(entries_max > 0 && entries_max <= kEntriesMax);
  for (std::uint32_t i = 0; i < entries_max; ++i) free_[i] = entries_max - 1 - i;
}

Index SweepPool::allocate(Instant now) {
  if (free_count_ == 0) return kNoIndex;
  --free_count_;
  const Index index = free_[free_count_];
  used_[index] = now;
  return index;
}

void SweepPool::rejuvenate(Index index, Instant now) { used_[index] = now; }

Index SweepPool::expire_one(Instant before, Pcvs pcvs) {
  const auto entries = static_cast<std::uint32_t>(used_.size());
  const std::uint32_t looks = free_count_ == 0 ? entries : 1;
  std::uint32_t swept = 0;
  Index found = kNoIndex;
  do {
    TWINPATH_LOOP_HEAD("swept");
    const Index index = hand_;
    hand_ = index + 1 == entries ? 0 : index + 1;
    ++swept;
    if (used_[index] < before) {
      used_[index] = kNever;
      free_[free_count_] = index;
      ++free_count_;
      found = index;
      break;
    }
  } while (swept < looks);
  pcvs.add(kPcvSwept, swept);
  return found;
}

}  // namespace twinpath
