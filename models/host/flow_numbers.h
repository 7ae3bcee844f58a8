// Which number a living flow has, by the hash that events carry: open addressing with
// backward-shift deletion in 16 bytes a slot. A node of std::unordered_map and its bucket take 40,
// and two calls of the allocator for every connection there is. The hashes are mixed already, so
// their low bits are places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

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
    if ((size_ + 1) * 8 > slots_.size() * 7) grow();
    Slot& slot = slots_[place_of(entry.flow)];
    if (slot.number_plus_1 == 0) ++size_;
    slot = {entry.flow, entry.number + 1};
  }
  // Harmless when it has none.
  void erase(std::uint64_t flow) {
    if (size_ == 0) return;
    std::size_t hole = place_of(flow);
    if (slots_[hole].number_plus_1 == 0) return;
    // What follows moves back unless that would put it before its own place.
    for (std::size_t at = next(hole); slots_[at].number_plus_1 != 0; at = next(at)) {
      const std::size_t home = slots_[at].flow & mask();
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = Slot();
    --size_;
  }

 private:
  static constexpr std::size_t kSlotsMin = 8;
  struct Slot {
    std::uint64_t flow = 0;
    std::uint64_t number_plus_1 = 0;  // 0: free
  };
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & mask(); }
  // Where it is, or would be. Requires: a free slot.
  [[nodiscard]] std::size_t place_of(std::uint64_t flow) const {
    std::size_t at = flow & mask();
    while (slots_[at].number_plus_1 != 0 && slots_[at].flow != flow) at = next(at);
    return at;
  }
  void grow() {
    std::vector<Slot> before(slots_.empty() ? kSlotsMin : slots_.size() * 2);
    before.swap(slots_);
    for (const Slot& slot : before) {
      if (slot.number_plus_1 != 0) slots_[place_of(slot.flow)] = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, or none
  std::size_t size_ = 0;
};

}  // namespace twinpath
