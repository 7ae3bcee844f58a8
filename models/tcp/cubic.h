// CUBIC in integers. Read RFC 9438 §4.
//
// Time is counted in ticks of 2^-20 s (0.95 us), so that dividing by a second cubed is a shift by
// 60, and the window in bytes. With C = 2/5 segments per cubic second, equation 1 becomes
//   W_cubic(t) = W_max + mss * 2/5 * (t - K)^3 / 2^60,
// and equation 2, K^3 = (W_max - cwnd_epoch) / C, becomes
//   K^3 = (W_max - cwnd_epoch) * 5/2 * 2^60 / mss.
#pragma once

#include <cstdint>

#include "models/base/hash.h"
#include "models/base/time.h"
#include "models/tcp/window_sample.h"

namespace twinpath::tcp {

// The largest r with r^3 <= value. Requires: value < 2^126.
std::uint64_t cube_root(Uint128 value);

class Cubic {
 public:
  void on_ack(CongestionWindow& window, const AckSample& sample);
  [[nodiscard]] std::uint32_t ssthresh_after_loss(const CongestionWindow& window,
                                                  const LossSample& sample);
  void on_timeout() { has_epoch_ = false; }
  // Time in which the application sent too little does not count (RFC 9438 §5.8).
  void on_app_limited(Instant now);

  // W_cubic `ticks` after the start of the epoch, in bytes.
  [[nodiscard]] std::uint32_t w_cubic_bytes(std::uint64_t ticks, std::uint32_t mss_bytes) const;
  [[nodiscard]] std::uint64_t k_ticks() const { return k_ticks_; }

  template <typename Visit>
  void visit(Visit&& visitor) {
    visitor(epoch_start_), visitor(limited_since_), visitor(k_ticks_), visitor(w_est_credit_);
    visitor(cwnd_credit_), visitor(w_max_bytes_), visitor(w_est_bytes_), visitor(cwnd_prior_bytes_);
    visitor(has_epoch_), visitor(is_limited_);
  }

  static constexpr std::uint64_t kTicksMax = 1ULL << 30;  // 1024 s: W_cubic is far above any window

 private:
  void begin_epoch(const CongestionWindow& window, Instant now);
  void grow_reno_estimate(const CongestionWindow& window, std::uint32_t acked_bytes);

  Instant epoch_start_{};
  Instant limited_since_{};
  std::uint64_t k_ticks_ = 0;
  std::uint64_t w_est_credit_ = 0;  // remainders of the divisions by the window
  std::uint64_t cwnd_credit_ = 0;
  std::uint32_t w_max_bytes_ = 0;
  std::uint32_t w_est_bytes_ = 0;
  std::uint32_t cwnd_prior_bytes_ = 0;
  bool has_epoch_ = false;
  bool is_limited_ = false;
};

}  // namespace twinpath::tcp
