// lwIP and what runs on it, as one Host: AppHost's twin for another stack.
#pragma once

#include <string>
#include <utility>

#include "models/app/app_runner.h"
#include "models/foreign/lwip/lwip_sockets.h"

namespace twinpath {

class LwipAppHost final : public Host {
 public:
  // Requires: as LwipHost.
  LwipAppHost(const HostConfig& config, std::unique_ptr<lwip::Library> library, BufPool& pool)
      : host_(config, std::move(library), pool),
        sockets_(host_),
        apps_({sockets_, host_.timers(), host_.stream_pool(), host_.rng("app")}) {}

  // See AppRunner::add().
  template <typename A, typename Config>
  A& add(std::string path, Instant start, const Config& config) {
    return apps_.template add<A>(std::move(path), start, config);
  }

  void on_rx(Instant now, PortId port, std::span<BufPtr> frames) override {
    host_.on_rx(now, port, frames);
    run_ready(now);
  }
  void on_time(Instant now) override {
    host_.on_time(now);
    run_ready(now);
  }
  std::size_t poll_tx(Instant now, PortId port, std::span<BufPtr> out) override;
  [[nodiscard]] Instant next_deadline() override { return host_.next_deadline(); }

  [[nodiscard]] AppRunner& runner() { return apps_; }
  [[nodiscard]] LwipHost& lwip() { return host_; }
  [[nodiscard]] LwipSockets& sockets() { return sockets_; }
  // As AppHost::export_results().
  void export_results(ResultSink& sink) const;

 private:
  bool run_ready(Instant now);

  LwipHost host_;
  LwipSockets sockets_;
  AppRunner apps_;
};

}  // namespace twinpath
