// Which number a living flow has, by the hash that events carry: open addressing with
// backward-shift deletion in 16 bytes a slot. A node of std::unordered_map and its bucket take 40,
// and two calls of the allocator for every connection there is. The hashes are mixed already, so
// their low bits are places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/base/dense_slots.h"

namespace twinpath {

class FlowNumbers {
 public:
  [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t flow) const {
    if (size_ == 0) return std::nullopt;
    const Slot& slot = slots_[place_of(flow)];
    if (slot.number_plus_1 == 0) return std::nullopt;
    return slot.number_plus_1 - 1;
  }
  struct Entry {
    std::uint64_t flow;
    std::uint64_t number;
  };
  // In place of the number the flow had, if it had one.
  void set(const Entry& entry) {
    if (!places().holds(size_ + 1)) grow();
    Slot& slot = slots_[place_of(entry.flow)];
    if (slot.number_plus_1 == 0) ++size_;
    slot = {entry.flow, entry.number + 1};
  }
  // Harmless when it has none.
  void erase(std::uint64_t flow) {
    if (size_ == 0) return;
    const DenseSlots way = places();
    std::size_t hole = place_of(flow);
    if (slots_[hole].number_plus_1 == 0) return;
    // What follows moves back unless that would put it before its own place.
    for (std::size_t at = way.next(hole); slots_[at].number_plus_1 != 0; at = way.next(at)) {
      if (!way.may_move({way.home(hash(slots_[at].flow)), hole, at})) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = Slot();
    --size_;
  }

 private:
  struct Slot {
    std::uint64_t flow = 0;
    std::uint64_t number_plus_1 = 0;  // 0: free
  };
  [[nodiscard]] DenseSlots places() const { return DenseSlots(slots_.size()); }
  static std::uint32_t hash(std::uint64_t flow) { return static_cast<std::uint32_t>(flow); }
  // Where it is, or would be. Requires: a free slot.
  [[nodiscard]] std::size_t place_of(std::uint64_t flow) const {
    const DenseSlots way = places();
    std::size_t at = way.home(hash(flow));
    while (slots_[at].number_plus_1 != 0 && slots_[at].flow != flow) at = way.next(at);
    return at;
  }
  void grow() {
    std::vector<Slot> before(places().larger());
    before.swap(slots_);
    for (const Slot& slot : before) {
      if (slot.number_plus_1 != 0) slots_[place_of(slot.flow)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace twinpath
