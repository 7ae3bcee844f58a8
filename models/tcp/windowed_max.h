// The largest value of the latest `window` ticks in three words instead of all of them: the best of
// the whole window, of its later three quarters and of its later half. Each becomes the next one's
// successor when it grows too old. The idea is Kathleen Nichols's, as in Linux's lib/win_minmax.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace twinpath::tcp {

class WindowedMax {
 public:
  explicit WindowedMax(std::uint32_t window) : window_(window) {}

  [[nodiscard]] std::uint64_t max() const { return best_[0].value; }
  // Requires: `tick` never goes back (modulo 2^32).
  void add(std::uint32_t tick, std::uint64_t value) {
    const Sample sample{value, tick};
    if (value >= best_[0].value || tick - best_[2].tick > window_) {
      best_.fill(sample);
      return;
    }
    if (value >= best_[1].value) {
      best_[1] = best_[2] = sample;
    } else if (value >= best_[2].value) {
      best_[2] = sample;
    }
    age(sample);
  }

  template <typename Visit>
  void visit(Visit&& visitor) {
    for (Sample& sample : best_) visitor(sample.value), visitor(sample.tick);
  }

 private:
  struct Sample {
    std::uint64_t value = 0;
    std::uint32_t tick = 0;
  };

  void age(const Sample& sample) {
    const std::uint32_t old = sample.tick - best_[0].tick;
    if (old > window_) {
      succeed(sample);
      if (sample.tick - best_[0].tick > window_) succeed(sample);
    } else if (best_[1].tick == best_[0].tick && old > window_ / 4) {
      best_[1] = best_[2] = sample;
    } else if (best_[2].tick == best_[1].tick && old > window_ / 2) {
      best_[2] = sample;
    }
  }
  void succeed(const Sample& sample) { best_ = {best_[1], best_[2], sample}; }

  std::array<Sample, 3> best_{};
  std::uint32_t window_;
};

}  // namespace twinpath::tcp
