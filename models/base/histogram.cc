// Bucket arithmetic. Below 2^7 every value has its own bucket; above, the seven bits after the
// leading one choose among 128 buckets of that power of two: width / lower edge = 1/128 < 1 %.
#include "models/base/histogram.h"

#include <bit>

#include "models/base/check.h"

namespace twinpath {

std::size_t Histogram::index_of(std::uint64_t value) {
  constexpr std::uint64_t kExact = 1ULL << kSubBits;
  if (value < kExact) return static_cast<std::size_t>(value);
  const unsigned power = static_cast<unsigned>(std::bit_width(value)) - 1;  // >= kSubBits
  const std::uint64_t fraction = (value >> (power - kSubBits)) & (kExact - 1);
  return static_cast<std::size_t>((power - kSubBits + 1) * kExact + fraction);
}

std::uint64_t Histogram::lower_edge(std::size_t index) {
  constexpr std::uint64_t kExact = 1ULL << kSubBits;
  if (index < kExact) return index;
  const std::uint64_t octave = index / kExact - 1;
  return (kExact + index % kExact) << octave;
}

void Histogram::add(std::uint64_t value) {
  const std::size_t index = index_of(value);
  if (index >= counts_.size()) counts_.resize(index + 1);
  ++counts_[index];
  ++count_;
}

void Histogram::merge(const Histogram& other) {
  if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
  for (std::size_t index = 0; index < other.counts_.size(); ++index) {
    counts_[index] += other.counts_[index];
  }
  count_ += other.count_;
}

void Histogram::subtract(const Histogram& earlier) {
  CHECK(earlier.counts_.size() <= counts_.size());
  for (std::size_t index = 0; index < earlier.counts_.size(); ++index) {
    CHECK(earlier.counts_[index] <= counts_[index]);
    counts_[index] -= earlier.counts_[index];
  }
  count_ -= earlier.count_;
}

std::uint64_t Histogram::quantile(double fraction) const {
  CHECK(fraction >= 0.0 && fraction <= 1.0);
  if (count_ == 0) return 0;
  const double wanted = fraction * static_cast<double>(count_);
  std::uint64_t seen = 0;
  for (std::size_t index = 0; index < counts_.size(); ++index) {
    seen += counts_[index];
    if (counts_[index] > 0 && static_cast<double>(seen) >= wanted) return lower_edge(index);
  }
  return lower_edge(counts_.size() - 1);
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> result;
  for (std::size_t index = 0; index < counts_.size(); ++index) {
    if (counts_[index] == 0) continue;
    result.push_back({lower_edge(index), lower_edge(index + 1), counts_[index]});
  }
  return result;
}

}  // namespace twinpath
