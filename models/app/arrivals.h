// When an application with a clock of its own sends, and how much: evenly, as a Poisson process, or
// by a list of the user's. Integers only, so that one seed means the same instants everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/base/field.h"
#include "models/base/rng.h"
#include "models/base/time.h"

namespace twinpath {

enum class ArrivalKind : std::uint8_t { kCbr, kPoisson, kTrace };
inline constexpr std::array<const char*, 3> kArrivalNames = {"cbr", "poisson", "trace"};

// Whole numbers from outside, gone through again and again: gaps in ns, sizes in bytes.
class NumberCycle {
 public:
  static constexpr std::size_t kItemsMax = 1'000'000;

  NumberCycle() = default;
  // "1200 64 1500". Empty when `text` is.
  // Requires: parse(text) has numbers.
  explicit NumberCycle(std::string_view text) : numbers_(parse(text).value_or(Numbers())) {}

  using Numbers = std::vector<std::uint64_t>;
  // Nothing when something else stands there or there are too many.
  static std::optional<Numbers> parse(std::string_view text);

  [[nodiscard]] bool empty() const { return numbers_.empty(); }
  [[nodiscard]] std::uint64_t sum() const;
  [[nodiscard]] std::uint64_t mean() const { return empty() ? 0 : sum() / numbers_.size(); }
  // Requires: not empty.
  [[nodiscard]] std::uint64_t operator[](std::uint64_t index) const {
    return numbers_[index % numbers_.size()];
  }

 private:
  Numbers numbers_;
};

// The lists of a configuration as it came: what is wrong with them.
struct ArrivalLists {
  ArrivalKind arrivals;
  const std::string& gaps;
  const std::string& sizes;
  Limits size_limits;
};
std::vector<Problem> validate(const ArrivalLists& lists);

}  // namespace twinpath
