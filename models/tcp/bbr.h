// Control by a model of the path instead of by loss: the bandwidth of its bottleneck, as the most
// that was delivered lately, and its round trip without queues, as the least that was measured
// lately. What is in flight is held near their product, what leaves is paced near the bandwidth.
// Read draft-cardwell-iccrg-bbr-congestion-control-00 §4: this is version 1 of it.
//
// Not here: compensation for acknowledgements that come in heaps, and the detection of policers.
#pragma once

#include <cstdint>

#include "models/base/time.h"
#include "models/tcp/boxed.h"
#include "models/tcp/window_sample.h"
#include "models/tcp/windowed_max.h"

namespace twinpath::tcp {

class BbrModel {
 public:
  enum class Mode : std::uint8_t { kStartup, kDrain, kProbeBandwidth, kProbeRtt };

  // Every acknowledgement, in recovery too.
  void on_delivery(CongestionWindow& window, const DeliverySample& sample);
  // Recovery begins; `window` is what to come back to.
  void on_loss(const CongestionWindow& window) { save_window(window); }
  void on_timeout();
  // Data leaves after nothing was in flight.
  void on_restart(bool is_app_limited);

  [[nodiscard]] Mode mode() const { return mode_; }
  // 0 until something is known.
  [[nodiscard]] std::uint64_t pacing_bytes_per_s() const { return pacing_bytes_per_s_; }
  [[nodiscard]] std::uint64_t bottleneck_bytes_per_s() const { return bandwidth_.max(); }
  [[nodiscard]] Duration round_trip() const { return min_rtt_; }
  [[nodiscard]] bool is_pipe_full() const { return full_pipe_; }

  template <typename Visit>
  void visit(Visit&& visitor) {
    bandwidth_.visit(visitor);
    visitor(mode_), visitor(cycle_), visitor(full_rounds_), visitor(full_pipe_);
    visitor(round_start_), visitor(conserving_), visitor(was_recovering_), visitor(was_losing_);
    visitor(restarting_), visitor(rtt_round_done_), visitor(probing_rtt_), visitor(rounds_);
    visitor(prior_cwnd_bytes_), visitor(round_end_), visitor(full_bytes_per_s_);
    visitor(pacing_bytes_per_s_), visitor(min_rtt_), visitor(min_rtt_at_), visitor(cycle_start_);
    visitor(probe_rtt_until_);
    cycle_ %= kCycle;
  }

  // Gains in 256ths.
  static constexpr std::uint32_t kUnit = 256;
  static constexpr std::uint32_t kHighGain = 2885 * kUnit / 1000 + 1;  // 2 / ln 2
  static constexpr std::uint32_t kDrainGain = 1000 * kUnit / 2885;
  static constexpr std::uint32_t kWindowGain = 2 * kUnit;
  static constexpr std::uint8_t kCycle = 8;  // phases
  static constexpr std::uint32_t kBandwidthRounds = 10;
  static constexpr Duration kMinRttLasts = std::chrono::seconds(10);
  static constexpr Duration kProbeRttTime = std::chrono::milliseconds(200);
  static constexpr std::uint32_t kSegmentsMin = 4;

 private:
  void update_bandwidth(const DeliverySample& sample);
  void advance_cycle(const CongestionWindow& window, const DeliverySample& sample);
  void check_full_pipe(const DeliverySample& sample);
  void check_drained(const CongestionWindow& window, const DeliverySample& sample);
  void update_min_rtt(CongestionWindow& window, const DeliverySample& sample);
  void probe_rtt(CongestionWindow& window, const DeliverySample& sample);
  void set_pacing_rate(const CongestionWindow& window, const DeliverySample& sample);
  void set_window(CongestionWindow& window, const DeliverySample& sample);
  bool follow_recovery(CongestionWindow& window, const DeliverySample& sample);
  void begin_cycle(const DeliverySample& sample);
  void leave_probe_rtt(CongestionWindow& window, const DeliverySample& sample);
  void save_window(const CongestionWindow& window);
  [[nodiscard]] std::uint32_t pacing_gain() const;
  // Octets in flight that `gain` times the model asks for.
  [[nodiscard]] std::uint32_t flight(const CongestionWindow& window, std::uint32_t gain) const;

  WindowedMax bandwidth_{kBandwidthRounds};  // octets per second, by rounds
  Mode mode_ = Mode::kStartup;
  std::uint8_t cycle_ = 0;  // phase of kProbeBandwidth
  std::uint8_t full_rounds_ = 0;
  bool full_pipe_ = false;
  bool round_start_ = false;
  bool conserving_ = false;  // in recovery's first round what arrives decides what leaves
  bool was_recovering_ = false;
  bool was_losing_ = false;
  bool restarting_ = false;
  bool rtt_round_done_ = false;
  bool probing_rtt_ = false;  // the flight is low enough; until probe_rtt_until_
  std::uint32_t rounds_ = 0;
  std::uint32_t prior_cwnd_bytes_ = 0;
  std::uint64_t round_end_ = 0;  // delivered
  std::uint64_t full_bytes_per_s_ = 0;
  std::uint64_t pacing_bytes_per_s_ = 0;
  Duration min_rtt_ = Duration::max();
  Instant min_rtt_at_{};
  Instant cycle_start_{};
  Instant probe_rtt_until_{};
};

// As CongestionControl knows an algorithm; it asks the model alone.
class Bbr {
 public:
  [[nodiscard]] BbrModel& model() { return *model_; }
  [[nodiscard]] const BbrModel& model() const { return *model_; }
  void on_ack(CongestionWindow&, const AckSample&) {}
  [[nodiscard]] std::uint32_t ssthresh_after_loss(const CongestionWindow& window,
                                                  const LossSample&) {
    return window.ssthresh_bytes;
  }
  void on_timeout() { model_->on_timeout(); }
  void on_app_limited(Instant) {}

  template <typename Visit>
  void visit(Visit&& visitor) {
    model_->visit(visitor);
  }

 private:
  Boxed<BbrModel> model_;
};

}  // namespace twinpath::tcp
