// Places in an open-addressing table of any size: linear probing from a place that follows the hash
// evenly, so that a table need not double to grow. Four fifths full at most, which is some thirteen
// places looked at for what is not there, and half as much memory as powers of two take at worst.
#pragma once

#include <cstddef>
#include <cstdint>

namespace twinpath {

class DenseSlots {
 public:
  explicit DenseSlots(std::size_t slots) : slots_(slots) {}

  // Where a search begins. Requires: slots > 0.
  [[nodiscard]] std::size_t home(std::uint32_t hash) const {
    return static_cast<std::size_t>(std::uint64_t{hash} * slots_ >> 32);
  }
  [[nodiscard]] std::size_t next(std::size_t at) const { return at + 1 == slots_ ? 0 : at + 1; }
  // Whether what stands at `at` and belongs at `home` may move to the free place before it.
  struct Move {
    std::size_t home;
    std::size_t hole;
    std::size_t at;
  };
  [[nodiscard]] bool may_move(const Move& move) const {
    return distance({move.home, move.at}) >= distance({move.hole, move.at});
  }
  // Whether `entries` leave room for the searches to be short.
  [[nodiscard]] bool holds(std::size_t entries) const { return entries * 5 <= slots_ * 4; }
  [[nodiscard]] std::size_t larger() const {
    constexpr std::size_t kMin = 8;
    return slots_ < kMin ? kMin : slots_ + slots_ / 4;
  }

 private:
  struct Way {
    std::size_t from;
    std::size_t to;
  };
  [[nodiscard]] std::size_t distance(const Way& way) const {
    return way.to >= way.from ? way.to - way.from : way.to + slots_ - way.from;
  }

  std::size_t slots_;
};

}  // namespace twinpath
