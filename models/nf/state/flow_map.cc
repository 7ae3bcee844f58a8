// Search, placing and removal. Each loop ends within mask_ + 1 turns: a search by its count, the
// others because at most half of the slots are busy.
#include "models/nf/state/flow_map.h"

#include "models/base/check.h"

namespace twinpath {

FlowMap::FlowMap(const FlowMapOptions& options)
    : slots_(std::bit_ceil(2 * options.entries_max)),
      slot_of_(options.entries_max),
      mask_(static_cast<std::uint32_t>(slots_.size() - 1)),
      seed_(options.seed),
      spare_(options.rehashes ? slots_.size() : 0) {
  CHECK(options.entries_max > 0 && options.entries_max <= kEntriesMax);
}

Index FlowMap::find(MapKey key, Pcvs pcvs) const {
  const std::uint32_t hash = hash_of(key);
  std::uint32_t visited = 0;
  std::uint32_t collisions = 0;
  Index found = kNoIndex;
  do {
    TWINPATH_LOOP_HEAD("visited");
    const Slot& slot = slots_[(hash + visited) & mask_];
    ++visited;
    if (slot.hash == hash) {
      const std::uint64_t differs = (slot.key.first ^ key.first) | (slot.key.second ^ key.second);
      if (differs == 0) {
        found = slot.index;
        break;
      }
      TWINPATH_LOOP_HEAD("collisions");
      ++collisions;
    }
    if (slot.beyond == 0) break;
  } while (visited <= mask_);
  pcvs.add(kPcvVisited, visited);
  pcvs.add(kPcvCollisions, collisions);
  return found;
}

void FlowMap::insert(MapKey key, Index index, Pcvs pcvs) {
  const std::uint32_t hash = hash_of(key);
  std::uint32_t passed = 0;
  std::uint32_t at = hash & mask_;
  while (slots_[at].hash != 0) {
    TWINPATH_LOOP_HEAD("passed");
    ++slots_[at].beyond;
    ++passed;
    at = (at + 1) & mask_;
  }
  Slot& slot = slots_[at];
  slot.key = key;
  slot.hash = hash;
  slot.index = index;
  slot_of_[index] = at;
  ++size_;
  pcvs.add(kPcvPassed, passed);
}

void FlowMap::erase(Index index, Pcvs pcvs) {
  const std::uint32_t end = slot_of_[index];
  std::uint32_t passed = 0;
  std::uint32_t at = slots_[end].hash & mask_;
  while (at != end) {
    TWINPATH_LOOP_HEAD("passed");
    --slots_[at].beyond;
    ++passed;
    at = (at + 1) & mask_;
  }
  slots_[end].hash = 0;
  --size_;
  pcvs.add(kPcvPassed, passed);
}

// Every slot of the old array is looked at, in order, so the new places do not depend on history
// beyond what the old array held.
void FlowMap::rehash(std::uint64_t seed, Pcvs pcvs) {
  seed_ = seed;
  slots_.swap(spare_);
  size_ = 0;
  for (std::uint32_t i = 0; i <= mask_; ++i) {
    TWINPATH_LOOP_HEAD("slots");
    Slot& old = spare_[i];
    old.beyond = 0;
    if (old.hash == 0) continue;
    TWINPATH_LOOP_HEAD("moved");
    old.hash = 0;
    insert(old.key, old.index, pcvs);
  }
}

}  // namespace twinpath
