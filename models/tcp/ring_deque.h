// A growable queue on a power-of-two ring: no allocation in the steady state, and an empty one owns
// no memory, so an idle connection stays small. std::deque is rejected because it allocates a block
// even when empty and another every few elements.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "models/base/check.h"

namespace twinpath::tcp {

// The owner bounds the size.
template <typename T>
class RingDeque {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  // Requires: index < size().
  [[nodiscard]] T& operator[](std::uint32_t index) { return slots_[slot(index)]; }
  [[nodiscard]] const T& operator[](std::uint32_t index) const { return slots_[slot(index)]; }
  [[nodiscard]] T& front() { return (*this)[0]; }
  [[nodiscard]] const T& front() const { return (*this)[0]; }
  [[nodiscard]] T& back() { return (*this)[size_ - 1]; }
  [[nodiscard]] const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T item) {
    if (size_ == capacity_) grow();
    slots_[slot(size_)] = std::move(item);
    ++size_;
  }
  void pop_front() {
    CHECK(size_ > 0);
    slots_[head_] = T();
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
  }
  void pop_back() {
    CHECK(size_ > 0);
    back() = T();
    --size_;
  }
  // Before `index`; moves what follows. Requires: index <= size().
  void insert(std::uint32_t index, T item) {
    push_back(T());
    for (std::uint32_t at = size_ - 1; at > index; --at) (*this)[at] = std::move((*this)[at - 1]);
    (*this)[index] = std::move(item);
  }
  // Moves what follows. Requires: index < size().
  void erase(std::uint32_t index) {
    for (std::uint32_t at = index; at + 1 < size_; ++at) (*this)[at] = std::move((*this)[at + 1]);
    pop_back();
  }
  // Keeps the memory of a few.
  void clear() {
    if (capacity_ <= kCapacityMin) {
      while (size_ > 0) pop_front();
      return;
    }
    slots_.reset();
    capacity_ = head_ = size_ = 0;
  }

 private:
  static constexpr std::uint32_t kCapacityMin = 8;

  [[nodiscard]] std::uint32_t slot(std::uint32_t index) const {
    return (head_ + index) & (capacity_ - 1);
  }
  void grow() {
    const std::uint32_t capacity = capacity_ == 0 ? kCapacityMin : capacity_ * 2;
    auto slots = std::make_unique<T[]>(capacity);
    for (std::uint32_t index = 0; index < size_; ++index) slots[index] = std::move((*this)[index]);
    slots_ = std::move(slots);
    capacity_ = capacity;
    head_ = 0;
  }

  std::unique_ptr<T[]> slots_;
  std::uint32_t capacity_ = 0;
  std::uint32_t head_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace twinpath::tcp
