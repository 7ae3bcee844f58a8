// Slow start that ends before the queue overflows.
#include "models/tcp/hystart.h"

#include <algorithm>

namespace twinpath::tcp {

void HyStart::on_ack(const AckSample& sample) {
  if (!has_round_ || sample.acked_to > window_end_) begin_round(sample);
  if (!sample.rtt) return;
  round_min_ = std::min(round_min_, *sample.rtt);
  if (samples_ < kRttSamples) ++samples_;
  if (samples_ == kRttSamples) judge_round();
}

// RFC 9406 §4.2: "When the window acknowledged [...] ends, a new round begins." A round cut short
// by the change to CSS counts among its rounds.
void HyStart::begin_round(const AckSample& sample) {
  if (in_css_ && css_rounds_ < kCssRounds) ++css_rounds_;
  has_round_ = true;
  window_end_ = sample.sent_to;
  last_round_min_ = round_min_;
  round_min_ = Duration::max();
  samples_ = 0;
}

void HyStart::judge_round() {
  if (in_css_) {
    if (round_min_ >= css_baseline_) return;
    css_baseline_ = Duration::max();
    css_rounds_ = 0;
    in_css_ = false;
    return;
  }
  if (last_round_min_ == Duration::max()) return;
  const Duration threshold =
      std::clamp(last_round_min_ / kMinRttDivisor, kMinRttThreshold, kMaxRttThreshold);
  if (round_min_ < last_round_min_ + threshold) return;
  css_baseline_ = round_min_;
  in_css_ = true;
}

}  // namespace twinpath::tcp
