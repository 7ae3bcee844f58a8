// A rate limit in integers: `per_second` on average, `burst` at once.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/base/time.h"

namespace twinpath {

struct TokenBucketOptions {
  std::uint32_t per_second = 0;
  std::uint32_t burst = 1;
};

class TokenBucket {
 public:
  // Starts full.
  explicit TokenBucket(const TokenBucketOptions& options) : options_(options), credit_(full()) {}

  // True when one more may pass now.
  bool take(Instant now) {
    // One token is a second's worth of nanoseconds, so a nanosecond earns `per_second`. A pause
    // longer than this fills any bucket, and the product stays below 2^63.
    constexpr Duration kPauseMax = std::chrono::seconds(1000);
    const auto pause = std::min(now - last_, kPauseMax).count();
    last_ = now;
    credit_ = std::min(credit_ + pause * options_.per_second, full());
    if (credit_ < kToken) return false;
    credit_ -= kToken;
    return true;
  }

 private:
  static constexpr std::int64_t kToken = 1'000'000'000;
  [[nodiscard]] std::int64_t full() const { return kToken * options_.burst; }

  TokenBucketOptions options_;
  std::int64_t credit_;
  Instant last_{};
};

}  // namespace twinpath
