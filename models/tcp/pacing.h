// Spreads what a window allows over the round trip: segments leave in short bursts, each released
// when the one before has left at the pacing rate. Read RFC 9002 §7.7 and RFC 6928 §5 for why;
// Linux's tcp_output.c for how much at once.
//
// A burst is a millisecond of the rate, so that timers are as many per connection and second as a
// busy host can afford, but never so much that a shallow queue would notice.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/base/time.h"

namespace twinpath::tcp {

// What leaves at once at that rate.
struct PacedBurst {
  std::uint64_t bytes_per_s = 0;
  std::uint32_t mss_bytes = 0;

  static constexpr std::uint32_t kSegmentsMax = 16;
  [[nodiscard]] std::uint32_t bytes() const {
    constexpr std::uint64_t kSlowBytesPerS = 150'000;  // 1.2 Mb/s: one segment takes 10 ms
    constexpr std::uint64_t kPerSecond = 1000;
    const std::uint64_t least = bytes_per_s < kSlowBytesPerS ? mss_bytes : 2 * mss_bytes;
    const std::uint64_t most = std::uint64_t{kSegmentsMax} * mss_bytes;
    return static_cast<std::uint32_t>(std::clamp(bytes_per_s / kPerSecond, least, most));
  }
};

class Pacer {
 public:
  // RFC 6928 §5 has found no harm in an initial window sent at once; nor does Linux pace it.
  static constexpr std::uint32_t kFreeSegments = 10;

  [[nodiscard]] bool may_send(Instant now) const { return burst_left_bytes_ > 0 || is_free(now); }
  // The burst before has left; the next one needs its rate from begin().
  [[nodiscard]] bool is_free(Instant now) const { return now >= release_at_; }
  void begin(Instant now, const PacedBurst& burst) {
    burst_left_bytes_ = burst.bytes();
    bytes_per_s_ = burst.bytes_per_s;
    // What a late timer missed is caught up with; silence is not.
    if (now - release_at_ > time_of(burst_left_bytes_) / 2) release_at_ = now;
  }
  void charge(std::uint32_t bytes) {
    burst_left_bytes_ -= std::min(burst_left_bytes_, bytes);
    release_at_ += time_of(bytes);
  }
  // Somebody waits for it.
  void wait() { waits_ = true; }
  void wake() { waits_ = false; }
  [[nodiscard]] Instant deadline() const { return waits_ ? release_at_ : kNever; }
  [[nodiscard]] std::uint64_t bytes_per_s() const { return bytes_per_s_; }

  template <typename Visit>
  void visit(Visit&& visitor) {
    visitor(release_at_), visitor(bytes_per_s_), visitor(burst_left_bytes_), visitor(waits_);
  }

 private:
  [[nodiscard]] Duration time_of(std::uint32_t bytes) const {
    constexpr std::uint64_t kNsPerS = 1'000'000'000;
    if (bytes_per_s_ == 0) return Duration::zero();
    return Duration(static_cast<std::int64_t>(bytes * kNsPerS / bytes_per_s_));
  }

  Instant release_at_{};
  std::uint64_t bytes_per_s_ = 0;
  std::uint32_t burst_left_bytes_ = 0;
  bool waits_ = false;
};

}  // namespace twinpath::tcp
