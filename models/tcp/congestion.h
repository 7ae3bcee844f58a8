// How much may be in the network: one small value per algorithm behind one interface. Algorithms
// see samples, never the connection, and keep to integers, so a run is the same on every machine.
// Read RFC 5681 §3 first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <variant>

#include "models/base/time.h"
#include "models/tcp/bbr.h"
#include "models/tcp/config.h"
#include "models/tcp/cubic.h"
#include "models/tcp/custom_congestion.h"
#include "models/tcp/dctcp.h"
#include "models/tcp/hystart.h"
#include "models/tcp/reno.h"
#include "models/tcp/window_sample.h"

namespace twinpath::tcp {

class CongestionControl {
 public:
  CongestionControl() = default;
  CongestionControl(CongestionKind kind, const CongestionWindow& window);
  CongestionControl(const CustomCongestion& custom, const CongestionWindow& window)
      : window_(window),
        kind_(CongestionKind::kCustom),
        state_(std::make_unique<State>(State{HyStart(), custom})) {}

  [[nodiscard]] CongestionKind kind() const { return kind_; }
  [[nodiscard]] const CongestionWindow& window() const { return window_; }
  [[nodiscard]] std::uint32_t cwnd_bytes() const { return window_.cwnd_bytes; }
  [[nodiscard]] std::uint32_t ssthresh_bytes() const { return window_.ssthresh_bytes; }
  [[nodiscard]] bool in_slow_start() const { return window_.cwnd_bytes < window_.ssthresh_bytes; }

  // New data was acknowledged outside loss recovery.
  void on_ack(const AckSample& sample);
  // Loss seen by duplicate acknowledgements (RFC 5681 §3.2).
  void on_congestion(const LossSample& sample);
  // Every acknowledgement of new data, before on_ack(), if that comes.
  void observe(const AckSample& sample) {
    if (kind_ == CongestionKind::kDctcp) std::get<Dctcp>(state().ops).observe(sample);
  }
  // The first ECN mark of a window (RFC 3168 §6.1.2, RFC 8257 §3.3).
  void on_mark(const LossSample& sample);
  // The first expiry for this data: everything in flight is taken for lost (RFC 5681 §3.1).
  void on_timeout(const LossSample& sample);
  // Recovery is over; what is still in flight bounds the burst (RFC 6582 §3.2, step 3, option 1).
  void on_recovered(std::uint32_t flight_bytes);
  // Whether it models the path: asks for delivery samples, and loss alone does not move its window.
  [[nodiscard]] bool is_model_based() const { return kind_ == CongestionKind::kBbr; }
  // Every acknowledgement. Requires: is_model_based().
  void on_delivery(const DeliverySample& sample) { model().on_delivery(window_, sample); }
  // Wants to see the path with little in flight, so what is measured says nothing of its bandwidth.
  [[nodiscard]] bool is_probing_rtt() const {
    return is_model_based() && model().mode() == BbrModel::Mode::kProbeRtt;
  }
  // Data leaves after nothing was in flight.
  void on_restart(bool is_app_limited) {
    if (is_model_based()) model().on_restart(is_app_limited);
  }
  // At which what the window allows should leave; 0 when nothing is known of the path.
  [[nodiscard]] std::uint64_t pacing_bytes_per_s(Duration srtt) const;
  // Nothing was sent for an RTO (RFC 5681 §4.1).
  void on_idle(Instant now, std::uint32_t restart_bytes);
  void set_mss(std::uint32_t mss_bytes) { window_.mss_bytes = mss_bytes; }
  // A reduction was needless (RFC 4015 §3.2); never below what is now.
  struct Before {
    std::uint32_t cwnd_bytes;
    std::uint32_t ssthresh_bytes;
  };
  void restore(const Before& before) {
    window_.cwnd_bytes = std::max(window_.cwnd_bytes, before.cwnd_bytes);
    window_.ssthresh_bytes = std::max(window_.ssthresh_bytes, before.ssthresh_bytes);
  }
  void set_cwnd(std::uint32_t cwnd_bytes) { window_.cwnd_bytes = cwnd_bytes; }

  template <typename Visit>
  void visit(Visit&& visitor) {
    auto index = static_cast<std::uint8_t>(kind_);
    visitor(index);
    // A custom one is there already or not at all; then the image has another length.
    if (index != static_cast<std::uint8_t>(kind_) && index < kCongestionNames.size()) {
      *this = CongestionControl(static_cast<CongestionKind>(index), window_);
    }
    visitor(window_.cwnd_bytes), visitor(window_.ssthresh_bytes), visitor(window_.mss_bytes);
    bool has_state = state_ != nullptr;
    visitor(has_state);
    if (!has_state) return;
    state().hystart.visit(visitor);
    std::visit([&visitor](auto& ops) { ops.visit(visitor); }, state().ops);
  }

 private:
  // In the order of CongestionKind.
  using Ops = std::variant<Reno, Cubic, Dctcp, Bbr, CustomCongestion>;
  static Ops make(CongestionKind kind);
  struct State {
    HyStart hystart;
    Ops ops;
  };

  // Made when first written: a connection whose window never limited it has none. Models and
  // algorithms from outside have theirs from the start.
  State& state() {
    if (state_ == nullptr) state_ = std::make_unique<State>(State{HyStart(), make(kind_)});
    return *state_;
  }
  // Requires: is_model_based().
  [[nodiscard]] BbrModel& model() const { return std::get<Bbr>(state_->ops).model(); }
  void tell_app_limited(Instant now);
  [[nodiscard]] bool asks_in_slow_start() const {
    return kind_ == CongestionKind::kCustom &&
           std::get<CustomCongestion>(state_->ops).has_own_slow_start();
  }
  [[nodiscard]] bool in_first_slow_start() const {
    return window_.ssthresh_bytes == CongestionWindow::kSsthreshInitial && in_slow_start();
  }
  std::uint32_t slow_start(const AckSample& sample);

  CongestionWindow window_;
  CongestionKind kind_ = CongestionKind::kReno;
  std::unique_ptr<State> state_;
};

// As the configuration asks, going on with `window`.
inline CongestionControl make_congestion(const TcpConfig& config, const CongestionWindow& window) {
  if (config.custom_congestion) return {*config.custom_congestion, window};
  return {config.congestion, window};
}

}  // namespace twinpath::tcp
