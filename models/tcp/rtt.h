// Round-trip time and retransmission time-out. Read RFC 6298.
#pragma once

#include <cstdint>

#include "models/base/time.h"
#include "models/tcp/config.h"

namespace twinpath::tcp {

class RttEstimator {
 public:
  RttEstimator() = default;
  explicit RttEstimator(const TcpConfig& config) : rto_(config.rto_initial) {}

  // Requires: sample >= 0.
  void on_sample(const TcpConfig& config, Duration sample);
  // The time-out including back-off (RFC 6298 §5.5).
  [[nodiscard]] Duration rto(const TcpConfig& config) const;
  void back_off() {
    if (backoff_ < kBackoffMax) ++backoff_;
  }
  void clear_backoff() { backoff_ = 0; }
  [[nodiscard]] std::uint32_t backoffs() const { return backoff_; }
  // RFC 6298 §5.7: after a SYN was retransmitted data starts with 3 s, unless a sample exists.
  void on_handshake_retransmitted();

  [[nodiscard]] bool has_sample() const { return has_sample_; }
  [[nodiscard]] Duration srtt() const { return srtt_; }
  [[nodiscard]] Duration rttvar() const { return rttvar_; }
  [[nodiscard]] Duration min() const { return has_sample_ ? min_ : Duration{}; }

  template <typename Visit>
  void visit(Visit&& visitor) {
    visitor(srtt_), visitor(rttvar_), visitor(rto_), visitor(min_);
    visitor(backoff_), visitor(has_sample_);
  }

  static constexpr std::uint8_t kBackoffMax = 32;
  // G of RFC 6298 §2: the coarsest clock a sample may come from, that of the timestamps option.
  static constexpr Duration kGranularity = std::chrono::milliseconds(1);

 private:
  Duration srtt_{};
  Duration rttvar_{};
  Duration rto_{};
  Duration min_{};
  std::uint8_t backoff_ = 0;
  bool has_sample_ = false;
};

}  // namespace twinpath::tcp
