// HyStart++: slow start that notices a queue building up before it overflows. Read RFC 9406 §4.
//
// A round trip is a window of data. When the least round-trip time of a round exceeds that of the
// round before by an eighth (4 to 16 ms), slow start turns conservative (CSS): a quarter of the
// growth for five rounds. If the delay falls again meanwhile, it was jitter and slow start goes on;
// else congestion avoidance takes over at the window reached.
#pragma once

#include <cstdint>

#include "models/base/time.h"
#include "models/tcp/window_sample.h"

namespace twinpath::tcp {

class HyStart {
 public:
  // Requires: slow start, for the first time of the connection (RFC 9406 §4.3).
  void on_ack(const AckSample& sample);
  // By how much slow start is slower than doubling.
  [[nodiscard]] std::uint32_t growth_divisor() const { return in_css_ ? kCssGrowthDivisor : 1; }
  // Whether congestion avoidance shall take over.
  [[nodiscard]] bool is_over() const { return css_rounds_ >= kCssRounds; }
  [[nodiscard]] bool in_css() const { return in_css_; }

  template <typename Visit>
  void visit(Visit&& visitor) {
    visitor(window_end_), visitor(round_min_), visitor(last_round_min_), visitor(css_baseline_);
    visitor(samples_), visitor(css_rounds_), visitor(has_round_), visitor(in_css_);
  }

  // RFC 9406 §4.3, as recommended.
  static constexpr Duration kMinRttThreshold = std::chrono::milliseconds(4);
  static constexpr Duration kMaxRttThreshold = std::chrono::milliseconds(16);
  static constexpr std::int64_t kMinRttDivisor = 8;
  static constexpr std::uint32_t kRttSamples = 8;
  static constexpr std::uint32_t kCssGrowthDivisor = 4;
  static constexpr std::uint32_t kCssRounds = 5;

 private:
  void begin_round(const AckSample& sample);
  void judge_round();

  SeqNum window_end_;
  std::uint8_t samples_ = 0;  // of this round, at most kRttSamples
  std::uint8_t css_rounds_ = 0;
  bool has_round_ = false;
  bool in_css_ = false;
  Duration round_min_ = Duration::max();
  Duration last_round_min_ = Duration::max();
  Duration css_baseline_ = Duration::max();
};

}  // namespace twinpath::tcp
