// What every congestion control shares: slow start, the bounds of the window and what follows loss.
#include "models/tcp/congestion.h"

#include <algorithm>

namespace twinpath::tcp {
namespace {

// RFC 9406 §4.2: L = 8 for senders that do not pace. RFC 5681 §3.1's one segment per
// acknowledgement would starve a sender whose peer acknowledges a batch at a time.
constexpr std::uint32_t kSlowStartSegmentsMax = 8;
// RFC 5681 §3.1, equation 4: never below two segments.
constexpr std::uint32_t kSsthreshSegmentsMin = 2;

}  // namespace

CongestionControl::CongestionControl(CongestionKind kind, const CongestionWindow& window)
    : window_(window), kind_(kind) {
  if (kind == CongestionKind::kBbr) state();
}

CongestionControl::Ops CongestionControl::make(CongestionKind kind) {
  switch (kind) {
    case CongestionKind::kCubic:
      return Cubic{};
    case CongestionKind::kDctcp:
      return Dctcp{};
    case CongestionKind::kBbr:
      return Bbr{};
    default:
      return Reno{};
  }
}

// Version 1 of BBR does not hear marks.
void CongestionControl::on_mark(const LossSample& sample) {
  if (is_model_based()) return;
  if (kind_ != CongestionKind::kDctcp) return on_congestion(sample);
  window_.ssthresh_bytes = std::max(std::get<Dctcp>(state().ops).ssthresh_after_mark(window_),
                                    kSsthreshSegmentsMin * window_.mss_bytes);
  window_.cwnd_bytes = window_.ssthresh_bytes;
}

void CongestionControl::on_ack(const AckSample& sample) {
  if (is_model_based()) return;
  if (!sample.window_limited) return tell_app_limited(sample.now);
  AckSample rest = sample;
  if (in_slow_start() && !asks_in_slow_start()) rest.acked_bytes = slow_start(sample);
  if (rest.acked_bytes > 0) std::visit([&](auto& ops) { ops.on_ack(window_, rest); }, state().ops);
  // Below one segment nothing could be sent, nor acknowledged, ever again.
  window_.cwnd_bytes =
      std::clamp(window_.cwnd_bytes, window_.mss_bytes, CongestionWindow::kCwndMax);
}

// One that has no state yet knows of no time that this could interrupt.
void CongestionControl::tell_app_limited(Instant now) {
  if (state_ == nullptr) return;
  std::visit([now](auto& ops) { ops.on_app_limited(now); }, state_->ops);
}

// Returns what is left for congestion avoidance. RFC 9406 §4.3: only the first slow start, which
// knows nothing of the path, needs more than ssthresh to end it.
std::uint32_t CongestionControl::slow_start(const AckSample& sample) {
  std::uint32_t divisor = 1;
  if (in_first_slow_start()) {
    HyStart& hystart = state().hystart;
    hystart.on_ack(sample);
    divisor = hystart.growth_divisor();
    if (hystart.is_over()) window_.ssthresh_bytes = window_.cwnd_bytes;
  }
  const std::uint32_t room = window_.ssthresh_bytes - window_.cwnd_bytes;
  const std::uint32_t step =
      std::min(sample.acked_bytes, kSlowStartSegmentsMax * window_.mss_bytes) / divisor;
  window_.cwnd_bytes += std::min(step, room);
  return step > room ? step - room : 0;
}

void CongestionControl::on_congestion(const LossSample& sample) {
  if (is_model_based()) return model().on_loss(window_);
  const std::uint32_t ssthresh =
      std::visit([&](auto& ops) { return ops.ssthresh_after_loss(window_, sample); }, state().ops);
  window_.ssthresh_bytes = std::max(ssthresh, kSsthreshSegmentsMin * window_.mss_bytes);
  window_.cwnd_bytes = window_.ssthresh_bytes;
}

void CongestionControl::on_timeout(const LossSample& sample) {
  on_congestion(sample);
  std::visit([](auto& ops) { ops.on_timeout(); }, state().ops);
  window_.cwnd_bytes = window_.mss_bytes;  // RFC 5681 §3.1: the loss window is one segment
}

void CongestionControl::on_recovered(std::uint32_t flight_bytes) {
  if (is_model_based()) return;
  window_.cwnd_bytes = std::min(window_.ssthresh_bytes,
                                std::max(flight_bytes, window_.mss_bytes) + window_.mss_bytes);
}

// A window per round trip and some more, so that the window, not the pace, is what limits; twice as
// much while it doubles. The gains are Linux's.
std::uint64_t CongestionControl::pacing_bytes_per_s(Duration srtt) const {
  constexpr std::uint64_t kNsPerS = 1'000'000'000;
  if (is_model_based()) return model().pacing_bytes_per_s();
  if (srtt <= Duration::zero()) return 0;
  const std::uint64_t percent = window_.cwnd_bytes < window_.ssthresh_bytes / 2 ? 200 : 120;
  return window_.cwnd_bytes * kNsPerS / static_cast<std::uint64_t>(srtt.count()) * percent / 100;
}

void CongestionControl::on_idle(Instant now, std::uint32_t restart_bytes) {
  if (is_model_based()) return;
  tell_app_limited(now);
  window_.cwnd_bytes = std::min(window_.cwnd_bytes, restart_bytes);
}

}  // namespace twinpath::tcp
