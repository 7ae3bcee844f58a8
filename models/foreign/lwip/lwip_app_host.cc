// See lwip_app_host.h.
#include "models/foreign/lwip/lwip_app_host.h"

namespace twinpath {

bool LwipAppHost::run_ready(Instant now) {
  if (!apps_.run_ready(now)) return false;
  if (apps_.has_ready()) host_.ask_for_turn(now);
  return true;
}

std::size_t LwipAppHost::poll_tx(Instant now, PortId port, std::span<BufPtr> out) {
  std::size_t count = host_.poll_tx(now, port, out);
  // Room at the port may let a sender of datagrams go on.
  while (count < out.size() && run_ready(now)) {
    host_.ask_for_turn(now);  // they may have sent by another port
    const std::size_t more = host_.poll_tx(now, port, out.subspan(count));
    if (more == 0) break;
    count += more;
  }
  return count;
}

void LwipAppHost::export_results(ResultSink& sink) const {
  const LwipCounters& counters = host_.counters();
  AppReport report(sink, host_.config().name, "host");
  report.scalar(metric::kRxFrames, static_cast<double>(counters.rx_frames));
  report.scalar(metric::kTxFrames, static_cast<double>(counters.tx_frames));
  report.scalar(metric::kRxBytes, static_cast<double>(counters.rx_bytes));
  report.scalar(metric::kTxBytes, static_cast<double>(counters.tx_bytes));
  report.scalar(metric::kHostDrops, static_cast<double>(counters.no_buffer));
  apps_.export_results(sink);
}

}  // namespace twinpath
