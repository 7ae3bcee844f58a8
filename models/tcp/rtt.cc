// Round-trip time and retransmission time-out.
#include "models/tcp/rtt.h"

#include <algorithm>

namespace twinpath::tcp {

void RttEstimator::on_sample(const TcpConfig& config, Duration sample) {
  min_ = has_sample_ ? std::min(min_, sample) : sample;
  if (!has_sample_) {  // RFC 6298 §2.2
    srtt_ = sample;
    rttvar_ = sample / 2;
    has_sample_ = true;
  } else {  // RFC 6298 §2.3: alpha = 1/8, beta = 1/4, the variance first
    const Duration error = srtt_ > sample ? srtt_ - sample : sample - srtt_;
    rttvar_ += (error - rttvar_) / 4;
    srtt_ += (sample - srtt_) / 8;
  }
  const Duration rto = srtt_ + std::max(kGranularity, 4 * rttvar_);
  rto_ = std::clamp(rto, config.rto_min, config.rto_max);  // RFC 6298 §2.4, §2.5
}

Duration RttEstimator::rto(const TcpConfig& config) const {
  Duration rto = rto_;
  for (std::uint8_t i = 0; i < backoff_ && rto < config.rto_max; ++i) rto *= 2;
  return std::min(rto, config.rto_max);
}

void RttEstimator::on_handshake_retransmitted() {
  if (!has_sample_) rto_ = std::max<Duration>(rto_, std::chrono::seconds(3));
}

}  // namespace twinpath::tcp
