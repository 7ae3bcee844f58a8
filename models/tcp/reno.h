// Reno's congestion avoidance: one segment per round trip. Read RFC 5681 §3.1.
#pragma once

#include <cstdint>

#include "models/base/time.h"
#include "models/tcp/window_sample.h"

namespace twinpath::tcp {

class Reno {
 public:
  void on_ack(CongestionWindow& window, const AckSample& sample);
  [[nodiscard]] std::uint32_t ssthresh_after_loss(const CongestionWindow& window,
                                                  const LossSample& sample);
  void on_timeout() { credit_bytes_ = 0; }
  void on_app_limited(Instant) {}

  template <typename Visit>
  void visit(Visit&& visitor) {
    visitor(credit_bytes_);
  }

 private:
  std::uint32_t credit_bytes_ = 0;  // acknowledged since the window last grew
};

}  // namespace twinpath::tcp
