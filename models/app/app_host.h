// A host and what runs on it, as one Host for drivers and tests: applications get their turn after
// every batch of frames and timers, before anything is sent.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/app/app_runner.h"
#include "models/host/ip_host.h"
#include "models/socket/sockets.h"

namespace twinpath {

class AppHost final : public Host {
 public:
  // Requires: as IpHost.
  AppHost(const HostConfig& config, const TcpConfig& tcp, BufPool& pool,
          const SocketsOptions& sockets = SocketsOptions())
      : ip_(config, tcp, pool),
        sockets_(ip_, sockets),
        apps_({sockets_, ip_.timers(), ip_.stream_pool(), ip_.rng("app")}) {}

  // See AppRunner::add().
  template <typename A, typename Config>
  A& add(std::string path, Instant start, const Config& config) {
    return apps_.template add<A>(std::move(path), start, config);
  }

  void on_rx(Instant now, PortId port, std::span<BufPtr> frames) override {
    ip_.on_rx(now, port, frames);
    run_ready(now);
  }
  void on_time(Instant now) override {
    ip_.on_time(now);
    run_ready(now);
  }
  std::size_t poll_tx(Instant now, PortId port, std::span<BufPtr> out) override;
  [[nodiscard]] Instant next_deadline() override { return ip_.next_deadline(); }

  [[nodiscard]] AppRunner& runner() { return apps_; }
  [[nodiscard]] std::size_t apps() const { return apps_.size(); }
  [[nodiscard]] App& app(std::size_t index) { return apps_.app(index); }
  [[nodiscard]] const std::string& path(std::size_t index) const { return apps_.path(index); }
  // nullptr when there is none of that path.
  [[nodiscard]] App* find(std::string_view path) { return apps_.find(path); }
  // All of them.
  [[nodiscard]] bool done() const { return apps_.done(); }

  // Scalars and histograms of the host (entity HostConfig::name) and of every application.
  void export_results(ResultSink& sink) const;

  [[nodiscard]] IpHost& ip() { return ip_; }
  [[nodiscard]] Sockets& sockets() { return sockets_; }

 private:
  // True when an application had a turn.
  bool run_ready(Instant now);

  IpHost ip_;
  Sockets sockets_;
  AppRunner apps_;
};

}  // namespace twinpath
