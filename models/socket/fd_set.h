// Which descriptors are taken; hands out the lowest free one (POSIX.1 §2.14).
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

namespace twinpath {

class FdSet {
 public:
  explicit FdSet(std::uint32_t size_max) : size_max_(size_max) {}

  // Nothing when all are taken.
  std::optional<std::uint32_t> take() {
    if (taken_ == size_max_) return std::nullopt;
    while (lowest_word_ < words_.size() && words_[lowest_word_] == kAllTaken) ++lowest_word_;
    if (lowest_word_ == words_.size()) words_.push_back(0);
    const int bit = std::countr_one(words_[lowest_word_]);
    words_[lowest_word_] |= std::uint64_t{1} << bit;
    ++taken_;
    return static_cast<std::uint32_t>(lowest_word_ * 64 + static_cast<std::size_t>(bit));
  }
  // Requires: taken.
  void give_back(std::uint32_t number) {
    const std::size_t word = number / 64;
    words_[word] &= ~(std::uint64_t{1} << (number % 64));
    if (word < lowest_word_) lowest_word_ = word;
    --taken_;
  }
  [[nodiscard]] std::size_t size() const { return taken_; }

 private:
  static constexpr std::uint64_t kAllTaken = ~std::uint64_t{0};
  std::vector<std::uint64_t> words_;
  std::size_t lowest_word_ = 0;  // every word before it is full
  std::uint32_t taken_ = 0;
  std::uint32_t size_max_;
};

}  // namespace twinpath
