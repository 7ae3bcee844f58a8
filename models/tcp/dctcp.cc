// The estimate of congestion, once a window.
#include "models/tcp/dctcp.h"

namespace twinpath::tcp {

// RFC 8257 §3.3 (3) to (7), with g = 1/16 (§4.3).
void Dctcp::observe(const AckSample& sample) {
  constexpr std::uint32_t kGainDivisor = 16;
  acked_bytes_ += sample.acked_bytes;
  if (sample.marked) marked_bytes_ += sample.acked_bytes;
  if (!has_window_) {
    has_window_ = true;
    window_end_ = sample.sent_to;
  }
  if (sample.acked_to <= window_end_ || acked_bytes_ == 0) return;
  const auto share =
      static_cast<std::uint32_t>(std::uint64_t{marked_bytes_} * kAlphaOne / acked_bytes_);
  alpha_ = alpha_ - alpha_ / kGainDivisor + share / kGainDivisor;
  acked_bytes_ = marked_bytes_ = 0;
  window_end_ = sample.sent_to;
}

// RFC 8257 §3.3 (9): cwnd * (1 - alpha / 2).
std::uint32_t Dctcp::ssthresh_after_mark(const CongestionWindow& window) const {
  const std::uint64_t cut = std::uint64_t{window.cwnd_bytes} * alpha_ / kAlphaOne / 2;
  return window.cwnd_bytes - static_cast<std::uint32_t>(cut);
}

}  // namespace twinpath::tcp
