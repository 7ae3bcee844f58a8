// Control by a model of the path. Sections are those of
// draft-cardwell-iccrg-bbr-congestion-control-00.
#include "models/tcp/bbr.h"

#include <algorithm>
#include <array>

#include "models/base/hash.h"
#include "models/tcp/pacing.h"

namespace twinpath::tcp {
namespace {

constexpr std::uint64_t kNsPerS = 1'000'000'000;

// §4.3.4.3: ask for more, give back what queued up, then cruise.
constexpr std::array<std::uint32_t, BbrModel::kCycle> kCycleGains = {320, 192, 256, 256,
                                                                     256, 256, 256, 256};

// Octets at `bytes_per_s` in `time`, times a gain.
std::uint64_t product(std::uint64_t bytes_per_s, Duration time, std::uint32_t gain) {
  const auto ns = static_cast<std::uint64_t>(time.count());
  const Uint128 octets = static_cast<Uint128>(bytes_per_s) * ns / kNsPerS * gain / BbrModel::kUnit;
  return static_cast<std::uint64_t>(std::min<Uint128>(octets, CongestionWindow::kCwndMax));
}

}  // namespace

void BbrModel::on_delivery(CongestionWindow& window, const DeliverySample& sample) {
  update_bandwidth(sample);
  advance_cycle(window, sample);
  check_full_pipe(sample);
  check_drained(window, sample);
  update_min_rtt(window, sample);
  set_pacing_rate(window, sample);
  set_window(window, sample);
}

// Everything in flight is lost: what is known of the bandwidth stays, how full the path is does
// not.
void BbrModel::on_timeout() {
  full_bytes_per_s_ = 0;
  full_rounds_ = 0;
  round_start_ = true;
}

// §4.3.4.4: after idling the window is unused; it is refilled at the bandwidth, not above.
void BbrModel::on_restart(bool is_app_limited) {
  if (!is_app_limited) return;
  restarting_ = true;
  if (mode_ == Mode::kProbeBandwidth && bandwidth_.max() > 0) {
    pacing_bytes_per_s_ = bandwidth_.max() / 100 * 99;
  }
}

// §4.1.1.3 and §4.1.2.
void BbrModel::update_bandwidth(const DeliverySample& sample) {
  round_start_ = false;
  if (!sample.has_arrivals) return;
  if (sample.prior_delivered >= round_end_) {
    round_end_ = sample.delivered;
    ++rounds_;
    round_start_ = true;
    conserving_ = false;
  }
  // A sender with too little to send learns of more bandwidth, never of less.
  if (sample.bytes_per_s == 0) return;
  if (!sample.is_app_limited || sample.bytes_per_s >= bandwidth_.max()) {
    bandwidth_.add(rounds_, sample.bytes_per_s);
  }
}

std::uint32_t BbrModel::pacing_gain() const {
  switch (mode_) {
    case Mode::kStartup:
      return kHighGain;
    case Mode::kDrain:
      return kDrainGain;
    case Mode::kProbeBandwidth:
      return kCycleGains[cycle_];
    case Mode::kProbeRtt:
      break;
  }
  return kUnit;
}

// §4.2.3.2, with room for what bursts and delayed acknowledgements hold (§4.2.3.3).
std::uint32_t BbrModel::flight(const CongestionWindow& window, std::uint32_t gain) const {
  constexpr std::uint64_t kBursts = 3;
  if (min_rtt_ == Duration::max()) return window.cwnd_bytes;
  const std::uint64_t octets = product(bandwidth_.max(), min_rtt_, gain) +
                               kBursts * PacedBurst{pacing_bytes_per_s_, window.mss_bytes}.bytes();
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      octets, std::uint64_t{kSegmentsMin} * window.mss_bytes, CongestionWindow::kCwndMax));
}

// §4.3.4.3. Gain above one lasts until it has filled the path or lost something, below one until
// the queue it made is gone.
void BbrModel::advance_cycle(const CongestionWindow& window, const DeliverySample& sample) {
  if (mode_ != Mode::kProbeBandwidth) return;
  const std::uint32_t gain = pacing_gain();
  const std::uint32_t before = sample.pipe_bytes + sample.newly_delivered_bytes;
  bool is_over = sample.now - cycle_start_ > min_rtt_;
  if (gain > kUnit) {
    is_over = is_over && (sample.newly_lost_bytes > 0 || before >= flight(window, gain));
  } else if (gain < kUnit) {
    is_over = is_over || before <= flight(window, kUnit);
  }
  if (!is_over) return;
  cycle_ = static_cast<std::uint8_t>((cycle_ + 1) % kCycle);
  cycle_start_ = sample.now;
}

// Any phase but the one that gives back, chosen by where the connection's numbers began: flows that
// start together do not probe together, and the same run does the same again.
void BbrModel::begin_cycle(const DeliverySample& sample) {
  mode_ = Mode::kProbeBandwidth;
  const auto dice = static_cast<std::uint8_t>(mix64(sample.acked_to.value()) % (kCycle - 1));
  cycle_ = static_cast<std::uint8_t>((kCycle - dice) % kCycle);
  cycle_start_ = sample.now;
}

// §4.3.2.2: three rounds in which a quarter more was asked for and not delivered. While segments
// are lost, a send buffer full of what waits behind them is no want of data: else a buffer of less
// than three paths would keep the sender in startup, overflowing the queue, for ever.
void BbrModel::check_full_pipe(const DeliverySample& sample) {
  constexpr std::uint8_t kRounds = 3;
  const bool wants_data = sample.is_app_limited && !sample.is_recovering;
  if (full_pipe_ || !round_start_ || wants_data) return;
  if (bandwidth_.max() >= full_bytes_per_s_ + full_bytes_per_s_ / 4) {
    full_bytes_per_s_ = bandwidth_.max();
    full_rounds_ = 0;
    return;
  }
  full_pipe_ = ++full_rounds_ >= kRounds;
}

// §4.3.3.
void BbrModel::check_drained(const CongestionWindow& window, const DeliverySample& sample) {
  if (mode_ == Mode::kStartup && full_pipe_) mode_ = Mode::kDrain;
  if (mode_ == Mode::kDrain && sample.pipe_bytes <= flight(window, kUnit)) begin_cycle(sample);
}

// §4.1.3 and §4.3.5.
void BbrModel::update_min_rtt(CongestionWindow& window, const DeliverySample& sample) {
  if (min_rtt_ == Duration::max() && sample.srtt > Duration::zero()) {
    min_rtt_ = sample.srtt;
    min_rtt_at_ = sample.now;
  }
  const bool is_old = sample.now > after(min_rtt_at_, kMinRttLasts);
  if (sample.rtt && (*sample.rtt < min_rtt_ || is_old)) {
    min_rtt_ = *sample.rtt;
    min_rtt_at_ = sample.now;
  }
  if (is_old && !restarting_ && mode_ != Mode::kProbeRtt) {
    save_window(window);
    mode_ = Mode::kProbeRtt;
    probing_rtt_ = false;
  }
  if (mode_ == Mode::kProbeRtt) probe_rtt(window, sample);
  if (sample.newly_delivered_bytes > 0) restarting_ = false;
}

void BbrModel::probe_rtt(CongestionWindow& window, const DeliverySample& sample) {
  if (!probing_rtt_) {
    if (sample.pipe_bytes > kSegmentsMin * window.mss_bytes) return;
    probing_rtt_ = true;
    probe_rtt_until_ = after(sample.now, kProbeRttTime);
    rtt_round_done_ = false;
    round_end_ = sample.delivered;
    return;
  }
  rtt_round_done_ = rtt_round_done_ || round_start_;
  if (rtt_round_done_ && sample.now > probe_rtt_until_) leave_probe_rtt(window, sample);
}

void BbrModel::leave_probe_rtt(CongestionWindow& window, const DeliverySample& sample) {
  min_rtt_at_ = sample.now;
  window.cwnd_bytes = std::max(window.cwnd_bytes, prior_cwnd_bytes_);
  if (full_pipe_) {
    begin_cycle(sample);
  } else {
    mode_ = Mode::kStartup;
  }
}

// §4.2.1. A hundredth below the bandwidth, so that no queue grows by rounding (Linux's margin).
void BbrModel::set_pacing_rate(const CongestionWindow& window, const DeliverySample& sample) {
  if (pacing_bytes_per_s_ == 0 && sample.srtt > Duration::zero()) {
    const std::uint64_t window_rate =
        window.cwnd_bytes * kNsPerS / static_cast<std::uint64_t>(sample.srtt.count());
    pacing_bytes_per_s_ = window_rate * kHighGain / kUnit;
  }
  const auto rate = static_cast<std::uint64_t>(static_cast<Uint128>(bandwidth_.max()) *
                                               pacing_gain() * 99 / (kUnit * 100));
  if (rate > 0 && (full_pipe_ || rate > pacing_bytes_per_s_)) pacing_bytes_per_s_ = rate;
}

// §4.2.3.6.
void BbrModel::save_window(const CongestionWindow& window) {
  const bool is_reduced = was_recovering_ || was_losing_ || mode_ == Mode::kProbeRtt;
  prior_cwnd_bytes_ =
      is_reduced ? std::max(prior_cwnd_bytes_, window.cwnd_bytes) : window.cwnd_bytes;
}

// §4.2.3.4: in recovery's first round one segment leaves for each that arrives; behind it the
// window is what it was. True when nothing else may decide.
bool BbrModel::follow_recovery(CongestionWindow& window, const DeliverySample& sample) {
  const bool recovers = sample.is_recovering && !sample.is_after_timeout;
  std::uint32_t cwnd = window.cwnd_bytes;
  if (sample.newly_lost_bytes > 0) {
    cwnd = std::max(cwnd - std::min(cwnd, sample.newly_lost_bytes), window.mss_bytes);
  }
  if (recovers && !was_recovering_) {
    conserving_ = true;
    round_end_ = sample.delivered;
    cwnd = sample.pipe_bytes + sample.newly_delivered_bytes;
  } else if (!sample.is_recovering && (was_recovering_ || was_losing_)) {
    conserving_ = false;
    cwnd = std::max(cwnd, prior_cwnd_bytes_);
  }
  was_recovering_ = recovers;
  was_losing_ = sample.is_after_timeout;
  if (conserving_) cwnd = std::max(cwnd, sample.pipe_bytes + sample.newly_delivered_bytes);
  window.cwnd_bytes = std::clamp(cwnd, window.mss_bytes, CongestionWindow::kCwndMax);
  return conserving_;
}

// §4.2.3.2 and §4.2.3.5.
void BbrModel::set_window(CongestionWindow& window, const DeliverySample& sample) {
  const std::uint32_t least = kSegmentsMin * window.mss_bytes;
  if (sample.newly_delivered_bytes > 0 && !follow_recovery(window, sample)) {
    const bool grows_fast = mode_ == Mode::kStartup || mode_ == Mode::kDrain;
    const std::uint32_t target = flight(window, grows_fast ? kHighGain : kWindowGain);
    const std::uint32_t grown =
        std::min(window.cwnd_bytes + sample.newly_delivered_bytes, CongestionWindow::kCwndMax);
    if (full_pipe_) {
      window.cwnd_bytes = std::min(grown, target);
    } else if (window.cwnd_bytes < target || sample.delivered < 10ULL * window.mss_bytes) {
      window.cwnd_bytes = grown;
    }
    window.cwnd_bytes = std::max(window.cwnd_bytes, least);
  }
  if (mode_ == Mode::kProbeRtt) window.cwnd_bytes = std::min(window.cwnd_bytes, least);
}

}  // namespace twinpath::tcp
