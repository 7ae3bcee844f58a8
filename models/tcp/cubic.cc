// CUBIC in integers.
#include "models/tcp/cubic.h"

#include <algorithm>

namespace twinpath::tcp {
namespace {

constexpr std::uint64_t to_ticks(Duration duration) {
  if (duration <= Duration::zero()) return 0;
  // 2^20 / 10^9 = 2^11 / 5^9, exactly.
  constexpr std::int64_t kNsMax = static_cast<std::int64_t>(Cubic::kTicksMax) * 1000;
  const auto ns = static_cast<std::uint64_t>(std::min<std::int64_t>(duration.count(), kNsMax));
  return std::min((ns << 11) / 1953125, Cubic::kTicksMax);
}

}  // namespace

// One bit of the root at a time, from the highest.
std::uint64_t cube_root(Uint128 value) {
  std::uint64_t root = 0;
  for (int bit = 41; bit >= 0; --bit) {
    const std::uint64_t tried = root | (1ULL << bit);
    if (static_cast<Uint128>(tried) * tried * tried <= value) root = tried;
  }
  return root;
}

std::uint32_t Cubic::w_cubic_bytes(std::uint64_t ticks, std::uint32_t mss_bytes) const {
  const bool before = ticks < k_ticks_;
  const std::uint64_t distance = std::min(before ? k_ticks_ - ticks : ticks - k_ticks_, kTicksMax);
  const Uint128 cubed = static_cast<Uint128>(distance) * distance * distance;  // < 2^91
  const auto scaled = static_cast<std::uint64_t>(cubed >> 30) / 5 * 2;         // < 2^61
  const auto delta = static_cast<std::uint64_t>((static_cast<Uint128>(scaled) * mss_bytes) >> 30);
  if (before) return delta >= w_max_bytes_ ? 0 : w_max_bytes_ - static_cast<std::uint32_t>(delta);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(w_max_bytes_ + delta, CongestionWindow::kCwndMax));
}

void Cubic::on_ack(CongestionWindow& window, const AckSample& sample) {
  if (is_limited_ && has_epoch_) epoch_start_ += sample.now - limited_since_;
  is_limited_ = false;
  if (!has_epoch_) begin_epoch(window, sample.now);
  grow_reno_estimate(window, sample.acked_bytes);
  const std::uint64_t ticks = to_ticks(sample.now - epoch_start_);
  if (w_cubic_bytes(ticks, window.mss_bytes) < w_est_bytes_) {  // RFC 9438 §4.3: Reno-friendly
    window.cwnd_bytes = std::max(window.cwnd_bytes, w_est_bytes_);
    return;
  }
  // RFC 9438 §4.2, §4.4, §4.5: towards the window one round trip ahead, at most half as much again.
  const std::uint64_t ahead = std::min(ticks + to_ticks(sample.srtt), kTicksMax);
  const std::uint32_t cwnd = window.cwnd_bytes;
  const std::uint32_t target =
      std::clamp(w_cubic_bytes(ahead, window.mss_bytes), cwnd, cwnd + cwnd / 2);
  cwnd_credit_ += static_cast<std::uint64_t>(target - cwnd) * sample.acked_bytes;
  window.cwnd_bytes += static_cast<std::uint32_t>(cwnd_credit_ / cwnd);
  cwnd_credit_ %= cwnd;
}

std::uint32_t Cubic::ssthresh_after_loss(const CongestionWindow& window, const LossSample& sample) {
  const std::uint32_t cwnd = window.cwnd_bytes;
  // RFC 9438 §4.7, fast convergence: (1 + beta) / 2 = 17/20.
  const bool shrinking = cwnd < w_max_bytes_;
  w_max_bytes_ = shrinking ? static_cast<std::uint32_t>(std::uint64_t{cwnd} * 17 / 20) : cwnd;
  cwnd_prior_bytes_ = cwnd;
  has_epoch_ = false;
  // RFC 9438 §4.6: beta = 7/10.
  return static_cast<std::uint32_t>(std::uint64_t{sample.flight_bytes} * 7 / 10);
}

void Cubic::on_app_limited(Instant now) {
  if (is_limited_) return;
  is_limited_ = true;
  limited_since_ = now;
}

// RFC 9438 §4.2 and §4.8: an epoch starts where congestion avoidance does.
void Cubic::begin_epoch(const CongestionWindow& window, Instant now) {
  has_epoch_ = true;
  epoch_start_ = now;
  w_est_bytes_ = window.cwnd_bytes;
  w_est_credit_ = cwnd_credit_ = 0;
  if (w_max_bytes_ <= window.cwnd_bytes) {
    w_max_bytes_ = window.cwnd_bytes;
    k_ticks_ = 0;
    return;
  }
  const std::uint64_t gap = w_max_bytes_ - window.cwnd_bytes;
  k_ticks_ = cube_root((static_cast<Uint128>(gap) * 5 << 59) / window.mss_bytes);
}

// RFC 9438 §4.3: W_est += alpha * acked / cwnd segments, alpha = 3 (1 - beta) / (1 + beta) = 9/17
// until W_est reaches the window of the last loss, then 1.
void Cubic::grow_reno_estimate(const CongestionWindow& window, std::uint32_t acked_bytes) {
  const bool caught_up = w_est_bytes_ >= cwnd_prior_bytes_;
  const std::uint64_t numerator = caught_up ? 17 : 9;
  const std::uint64_t divisor = std::uint64_t{17} * window.cwnd_bytes;
  w_est_credit_ += numerator * acked_bytes * window.mss_bytes;
  w_est_bytes_ += static_cast<std::uint32_t>(w_est_credit_ / divisor);
  w_est_credit_ %= divisor;
}

}  // namespace twinpath::tcp
