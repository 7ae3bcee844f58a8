// A first-in first-out queue over one block of memory that doubles up to a bound. std::deque is
// rejected because it allocates and frees a chunk every few frames while a queue merely passes
// frames along.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "models/base/check.h"

namespace twinpath {

template <typename T>
class Fifo {
 public:
  // Holds at most `bound` items. Requires: bound > 0.
  explicit Fifo(std::size_t bound) : bound_(bound) { CHECK(bound > 0); }

  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return end_ == begin_; }
  [[nodiscard]] bool full() const { return size() == bound_; }
  [[nodiscard]] std::size_t room() const { return bound_ - size(); }

  // Requires: !full().
  void push_back(T item) {
    CHECK(!full());
    if (size() == slots_.size()) grow();
    slots_[end_++ & mask()] = std::move(item);
  }
  // Requires: !empty().
  [[nodiscard]] T& front() {
    CHECK(!empty());
    return slots_[begin_ & mask()];
  }
  [[nodiscard]] const T& front() const {
    CHECK(!empty());
    return slots_[begin_ & mask()];
  }
  // The item `index` places behind the front. Requires: index < size().
  [[nodiscard]] const T& at(std::size_t index) const { return slots_[(begin_ + index) & mask()]; }
  // Requires: !empty().
  T pop_front() {
    T item = std::move(front());
    ++begin_;
    return item;
  }

 private:
  static constexpr std::size_t kFirstSlots = 16;

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  void grow() {
    std::vector<T> larger(slots_.empty() ? kFirstSlots : 2 * slots_.size());
    const std::size_t count = size();
    for (std::size_t i = 0; i < count; ++i) larger[i] = std::move(slots_[(begin_ + i) & mask()]);
    slots_ = std::move(larger);
    begin_ = 0;
    end_ = count;
  }

  std::vector<T> slots_;   // a power of two of them, or none
  std::size_t begin_ = 0;  // both count up for ever; slots are taken modulo the size
  std::size_t end_ = 0;
  std::size_t bound_;
};

}  // namespace twinpath
