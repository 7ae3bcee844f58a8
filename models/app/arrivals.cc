// See arrivals.h.
#include "models/app/arrivals.h"

#include <charconv>
#include <numeric>

namespace twinpath {

std::optional<NumberCycle::Numbers> NumberCycle::parse(std::string_view text) {
  Numbers numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::uint64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    const bool ends_well = next == end || *next == ' ';
    if (error != std::errc() || !ends_well || numbers.size() == kItemsMax) return std::nullopt;
    numbers.push_back(number);
    at = next == end ? end : next + 1;
  }
  return numbers;
}

std::uint64_t NumberCycle::sum() const {
  return std::accumulate(numbers_.begin(), numbers_.end(), std::uint64_t{0});
}

std::vector<Problem> validate(const ArrivalLists& lists) {
  std::vector<Problem> problems;
  constexpr const char* kList = "up to 1000000 whole numbers with a space between";
  constexpr std::uint64_t kGapMax = 1'000'000'000'000'000;  // 11 days, as every duration
  const auto gaps = NumberCycle::parse(lists.gaps);
  if (!gaps) problems.push_back({"gaps", "", "is no list of numbers", kList});
  const auto sizes = NumberCycle::parse(lists.sizes);
  if (!sizes) problems.push_back({"sizes", "", "is no list of numbers", kList});
  for (const std::uint64_t size : sizes.value_or(NumberCycle::Numbers())) {
    if (!problems.empty()) return problems;
    check_limits("sizes", static_cast<double>(size), lists.size_limits, problems);
  }
  // A list that takes no time would be gone through for ever at one instant.
  std::uint64_t total = 0;
  for (const std::uint64_t gap : gaps.value_or(NumberCycle::Numbers())) {
    if (gap > kGapMax) problems.push_back({"gaps", std::to_string(gap), "is too long", "0..1e15"});
    if (!problems.empty()) return problems;
    total += gap;
  }
  if (lists.arrivals == ArrivalKind::kTrace && gaps && total == 0) {
    problems.push_back({"gaps", lists.gaps.substr(0, 20), "takes no time", "gaps above 0 ns"});
  }
  return problems;
}

}  // namespace twinpath
