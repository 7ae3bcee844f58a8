// A bounded first-in first-out queue. Empty it owns no memory, so an idle host stays small; a
// std::deque would hold half a kilobyte each.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "models/base/check.h"
#include "models/base/packet_buf.h"

namespace twinpath {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::uint32_t size_max) : size_max_(size_max) {}

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return size_ == size_max_; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  // Requires: !empty().
  [[nodiscard]] T& front() { return slots_[first_]; }
  [[nodiscard]] const T& front() const { return slots_[first_]; }

  // From the first to the last.
  template <typename Visit>
  void visit(Visit&& visitor) const {
    for (std::uint32_t i = 0; i < size_; ++i) visitor(slots_[(first_ + i) & (slots_.size() - 1)]);
  }

  // Requires: !full().
  void push(T value) {
    CHECK(!full());
    if (size_ == slots_.size()) grow();
    slots_[(first_ + size_) & (slots_.size() - 1)] = std::move(value);
    ++size_;
  }
  // Requires: !empty().
  T pop() {
    CHECK(!empty());
    T value = std::move(slots_[first_]);
    first_ = (first_ + 1) & (slots_.size() - 1);
    --size_;
    return value;
  }

 private:
  // Doubles, so the number of slots stays a power of two.
  void grow() {
    constexpr std::size_t kSlotsMin = 8;
    std::vector<T> larger(slots_.empty() ? kSlotsMin : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) {
      larger[i] = std::move(slots_[(first_ + i) & (slots_.size() - 1)]);
    }
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> slots_;
  std::size_t first_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t size_max_;
};

using FrameQueue = BoundedQueue<BufPtr>;

}  // namespace twinpath
