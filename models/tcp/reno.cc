// Reno's congestion avoidance.
#include "models/tcp/reno.h"

namespace twinpath::tcp {

// RFC 5681 §3.1, equation 3 counts acknowledgements; bytes are counted instead, as the same section
// recommends (RFC 3465 §2.1), so a receiver cannot speed us up by splitting acknowledgements.
void Reno::on_ack(CongestionWindow& window, const AckSample& sample) {
  credit_bytes_ += sample.acked_bytes;
  if (credit_bytes_ < window.cwnd_bytes) return;
  credit_bytes_ -= window.cwnd_bytes;
  window.cwnd_bytes += window.mss_bytes;
}

// RFC 5681 §3.1, equation 4.
std::uint32_t Reno::ssthresh_after_loss(const CongestionWindow&, const LossSample& sample) {
  credit_bytes_ = 0;
  return sample.flight_bytes / 2;
}

}  // namespace twinpath::tcp
