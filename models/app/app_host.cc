// Turns of the applications, and their results.
#include "models/app/app_host.h"

#include <algorithm>
#include <numeric>

namespace twinpath {

AppHost::Slot::Slot(AppHost& host, std::string entity_path)
    : owner(host),
      path(std::move(entity_path)),
      context{host.sockets_, host.ip_.timers(), host.ip_.stream_pool(),
              host.ip_.rng("app").fork(path), *this},
      begin(this, [](void* self, Instant now) { static_cast<Slot*>(self)->app->start(now); }) {}

void AppHost::Slot::signal() {
  if (std::exchange(queued, true)) return;
  owner.ready_.push_back(this);
}

AppHost::Slot& AppHost::add_slot(std::string path) {
  slots_.push_back(std::make_unique<Slot>(*this, std::move(path)));
  return *slots_.back();
}

bool AppHost::run_ready(Instant now) {
  if (ready_.empty()) return false;
  // Who becomes ready meanwhile waits for the next turn, so one call is bounded.
  turn_.clear();
  std::swap(turn_, ready_);
  for (Slot* slot : turn_) {
    slot->queued = false;
    slot->app->on_ready(now);
  }
  if (!ready_.empty()) ip_.ask_for_turn(now);
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

App* AppHost::find(std::string_view path) {
  const auto found =
      std::find_if(slots_.begin(), slots_.end(), [&](const auto& s) { return s->path == path; });
  return found == slots_.end() ? nullptr : (*found)->app.get();
}

bool AppHost::done() const {
  return std::all_of(slots_.begin(), slots_.end(),
                     [](const auto& slot) { return slot->app->done(); });
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
  const std::uint64_t drops = sum(counters.drops_in) + sum(counters.drops_out);
  report.scalar(metric::kHostDrops, static_cast<double>(drops));
  for (const auto& slot : slots_) {
    AppReport app(sink, slot->path, "app");
    slot->app->report(app);
  }
}

}  // namespace twinpath
