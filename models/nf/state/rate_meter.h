// Token buckets, one for each index: a rate in bytes each second, a burst. Integers only, and no
// division where packets pass.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/base/time.h"

namespace twinpath {

struct RateLimit {
  std::uint64_t bytes_per_s = 1'000'000;
  std::uint64_t burst_bytes = 65536;
};

// A limit as meters need it. Credit is counted in bytes times 10^9, so that a nanosecond earns
// `bytes_per_s` of it.
class RateRule {
 public:
  static constexpr std::uint64_t kBytesPerSMax = 125'000'000'000;  // 1 Tbit/s
  static constexpr std::uint64_t kBurstBytesMax = 4'000'000'000;

  // Requires: neither is 0 nor above its maximum.
  explicit constexpr RateRule(const RateLimit& limit)
      : rate_(limit.bytes_per_s),
        full_(limit.burst_bytes * kSecond),
        fill_time_(static_cast<std::int64_t>(full_ / rate_) + 1) {}

  // An empty bucket is full again after so long.
  [[nodiscard]] constexpr Duration fill_time() const { return fill_time_; }

 private:
  friend class RateMeter;
  static constexpr std::uint64_t kSecond = 1'000'000'000;

  std::uint64_t rate_;
  std::uint64_t full_;  // below 2^62
  Duration fill_time_;  // from empty; times rate_ it is full_ + rate_ at most: below 2^63
};

class RateMeter {
 public:
  RateMeter() = default;
  // Full: the first burst passes.
  RateMeter(const RateRule& rule, Instant now) : credit_(rule.full_), last_(now) {}

  // True when `bytes` may pass now; then they are paid for. Requires: `now` never goes back.
  bool pass(const RateRule& rule, std::uint32_t bytes, Instant now) {
    const Duration pause = std::min(now - last_, rule.fill_time_);
    last_ = now;
    const std::uint64_t earned = static_cast<std::uint64_t>(pause.count()) * rule.rate_;
    credit_ = std::min(credit_ + earned, rule.full_);
    const std::uint64_t cost = bytes * RateRule::kSecond;
    if (credit_ < cost) return false;
    credit_ -= cost;
    return true;
  }

 private:
  std::uint64_t credit_ = 0;
  Instant last_{};
};

}  // namespace twinpath
