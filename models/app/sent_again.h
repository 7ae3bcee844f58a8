// What the connections of an application had to send again, those that ended and those still open.
#pragma once

#include <cstdint>
#include <optional>

#include "models/app/metrics.h"
#include "models/tcp/endpoint.h"

namespace twinpath {

class SentAgain {
 public:
  void add(const std::optional<TcpInfo>& info) {
    if (!info) return;
    bytes_sent_ += info->bytes_sent;
    retransmits_ += info->retransmits;
    timeouts_ += info->timeouts;
  }

  // As one flow. Who sent no data has nothing to send again, and says nothing.
  void report(AppReport& report) const {
    if (bytes_sent_ == 0) return;
    AppReport flow = report.below("flow0", "flow");
    flow.scalar(metric::kRetransmits, static_cast<double>(retransmits_));
    flow.scalar(metric::kTimeouts, static_cast<double>(timeouts_));
  }

 private:
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t retransmits_ = 0;
  std::uint64_t timeouts_ = 0;
};

}  // namespace twinpath
