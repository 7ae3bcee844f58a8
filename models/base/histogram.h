// A log-linear histogram of non-negative integers: 128 buckets per power of two, so a bucket is at
// most 1/128 (0.8 %) of its lower edge wide. Up to 2^7 every value has its own bucket.
// Merging is adding counts.
#pragma once

#include <cstdint>
#include <vector>

namespace twinpath {

class Histogram {
 public:
  struct Bucket {
    std::uint64_t lo;  // inclusive
    std::uint64_t hi;  // exclusive
    std::uint64_t count;
  };

  void add(std::uint64_t value);
  void merge(const Histogram& other);
  // What came since. Requires: `earlier` is what this one was at an earlier time.
  void subtract(const Histogram& earlier);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // The lower edge of the bucket that holds the value of rank ceil(fraction * count); 0 when empty.
  // Requires: 0 <= fraction <= 1.
  [[nodiscard]] std::uint64_t quantile(double fraction) const;
  // Non-empty buckets in rising order.
  [[nodiscard]] std::vector<Bucket> buckets() const;

 private:
  static constexpr unsigned kSubBits = 7;  // 128 exact values, then 128 per power of two
  static std::size_t index_of(std::uint64_t value);
  static std::uint64_t lower_edge(std::size_t index);

  std::vector<std::uint64_t> counts_;  // grown on demand
  std::uint64_t count_ = 0;
};

}  // namespace twinpath
