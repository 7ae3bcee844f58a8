// A safety limit: how fast a port may send at most, whatever models ask of it. No shaper: frames
// are held back, one burst ahead at most, so that a mistake cannot flood a laboratory.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/base/time.h"

namespace twinpath::emu {

class RateCap {
 public:
  RateCap() = default;  // no limit
  explicit RateCap(std::int64_t bits_per_s) : bits_per_s_(bits_per_s) {}

  [[nodiscard]] bool is_set() const { return bits_per_s_ > 0; }
  [[nodiscard]] bool is_open(Instant now) const { return free_at_ <= now; }
  // When sending is allowed again.
  [[nodiscard]] Instant opens_at() const { return free_at_; }
  // Requires: is_set().
  void spend(Instant now, std::uint32_t frame_bytes) {
    const std::int64_t bits = std::int64_t{8} * (frame_bytes + kWireBytes);
    free_at_ = std::max(free_at_, now) + Duration(bits * kNsPerSecond / bits_per_s_);
  }

 private:
  static constexpr std::uint32_t kWireBytes = 24;  // preamble, check sequence, gap
  static constexpr std::int64_t kNsPerSecond = 1'000'000'000;

  std::int64_t bits_per_s_ = 0;
  Instant free_at_{};
};

}  // namespace twinpath::emu
