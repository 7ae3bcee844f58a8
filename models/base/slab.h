// Objects by index, in chunks that double: an object never moves, memory follows how many there
// are, and making or ending one asks no allocator in the steady state. Indices are reused last in,
// first out.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "models/base/check.h"

namespace twinpath {

// The owner bounds the size.
template <typename T>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    for (std::uint32_t index = 0; index < slots_; ++index) {
      if (is_taken(index)) std::destroy_at(&(*this)[index]);
    }
  }

  // Indices below this were taken at some time.
  [[nodiscard]] std::uint32_t slots() const { return slots_; }
  [[nodiscard]] std::uint32_t size() const {
    return slots_ - static_cast<std::uint32_t>(free_.size());
  }
  [[nodiscard]] bool is_taken(std::uint32_t index) const {
    return index < slots_ && (taken_[index / kWordBits] >> index % kWordBits & 1) != 0;
  }
  // Requires: is_taken(index).
  [[nodiscard]] T& operator[](std::uint32_t index) const {
    return *std::launder(reinterpret_cast<T*>(storage(index)));
  }
  // The index the next add() will use.
  [[nodiscard]] std::uint32_t next() const { return free_.empty() ? slots_ : free_.back(); }
  template <typename... Args>
  T& add(Args&&... args) {
    const std::uint32_t index = next();
    if (free_.empty()) {
      grow();
    } else {
      free_.pop_back();
    }
    T* made = new (storage(index)) T(std::forward<Args>(args)...);
    taken_[index / kWordBits] |= std::uint64_t{1} << index % kWordBits;
    return *made;
  }
  // Requires: is_taken(index).
  void remove(std::uint32_t index) {
    CHECK(is_taken(index));
    taken_[index / kWordBits] &= ~(std::uint64_t{1} << index % kWordBits);
    std::destroy_at(&(*this)[index]);
    free_.push_back(index);
  }

 private:
  static constexpr std::uint32_t kWordBits = 64;
  static constexpr std::align_val_t kAlign{alignof(T)};
  struct FreeChunk {
    void operator()(std::byte* chunk) const { ::operator delete(chunk, kAlign); }
  };
  // Chunk k holds 2^k objects, the first of them at index 2^k - 1.
  [[nodiscard]] std::byte* storage(std::uint32_t index) const {
    const auto chunk = static_cast<std::uint32_t>(std::bit_width(index + 1)) - 1;
    return chunks_[chunk].get() + std::size_t{index + 1 - (1U << chunk)} * sizeof(T);
  }
  void grow() {
    if (std::has_single_bit(slots_ + 1)) {
      const std::size_t bytes = std::size_t{slots_ + 1} * sizeof(T);
      chunks_.emplace_back(static_cast<std::byte*>(::operator new(bytes, kAlign)));
    }
    if (slots_ % kWordBits == 0) taken_.push_back(0);
    ++slots_;
  }

  std::vector<std::unique_ptr<std::byte, FreeChunk>> chunks_;
  std::vector<std::uint64_t> taken_;
  std::vector<std::uint32_t> free_;
  std::uint32_t slots_ = 0;
};

}  // namespace twinpath
