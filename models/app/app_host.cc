// What a host's applications do between its frames, and what it reports.
#include "models/app/app_host.h"

#include <numeric>

namespace twinpath {

bool AppHost::run_ready(Instant now) {
  if (!apps_.run_ready(now)) return false;
  if (apps_.has_ready()) ip_.ask_for_turn(now);
  return true;
}

std::size_t AppHost::poll_tx(Instant now, PortId port, std::span<BufPtr> out) {
  std::size_t count = ip_.poll_tx(now, port, out);
  // Room at the port may let a sender of datagrams go on.
  while (count < out.size() && run_ready(now)) {
    ip_.ask_for_turn(now);  // they may have sent by another port
    const std::size_t more = ip_.poll_tx(now, port, out.subspan(count));
    if (more == 0) break;
    count += more;
  }
  return count;
}

void AppHost::export_results(ResultSink& sink) const {
  const HostCounters& counters = ip_.counters();
  AppReport report(sink, ip_.config().name, "host");
  report.scalar(metric::kRxFrames, static_cast<double>(counters.rx_frames));
  report.scalar(metric::kTxFrames, static_cast<double>(counters.tx_frames));
  report.scalar(metric::kRxBytes, static_cast<double>(counters.rx_bytes));
  report.scalar(metric::kTxBytes, static_cast<double>(counters.tx_bytes));
  const auto sum = [](const auto& drops) {
    return std::accumulate(drops.begin(), drops.end(), std::uint64_t{0});
  };
  const std::uint64_t drops = sum(counters.dropped);
  report.scalar(metric::kHostDrops, static_cast<double>(drops));
  apps_.export_results(sink);
}

}  // namespace twinpath
