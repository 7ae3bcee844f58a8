// A host and what runs on it, as one Host for drivers and tests: applications get their turn after
// every batch of frames and timers, before anything is sent.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/app/app.h"
#include "models/host/ip_host.h"
#include "models/socket/sockets.h"

namespace twinpath {

class AppHost final : public Host {
 public:
  // Requires: as IpHost.
  AppHost(const HostConfig& config, const TcpConfig& tcp, BufPool& pool)
      : ip_(config, tcp, pool), sockets_(ip_) {}

  // Adds an application of type A, made from (config, context), that starts at `start`. `path` is
  // its entity: "client/app0".
  template <typename A, typename Config>
  A& add(std::string path, Instant start, const Config& config) {
    Slot& slot = add_slot(std::move(path));
    auto app = std::make_unique<A>(config, slot.context);
    A& made = *app;
    slot.app = std::move(app);
    ip_.timers().arm(slot.begin, start);
    return made;
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

  [[nodiscard]] std::size_t apps() const { return slots_.size(); }
  [[nodiscard]] App& app(std::size_t index) { return *slots_[index]->app; }
  [[nodiscard]] const std::string& path(std::size_t index) const { return slots_[index]->path; }
  // nullptr when there is none of that path.
  [[nodiscard]] App* find(std::string_view path);
  // All of them.
  [[nodiscard]] bool done() const;

  // Scalars and histograms of the host (entity HostConfig::name) and of every application.
  void export_results(ResultSink& sink) const;

  [[nodiscard]] IpHost& ip() { return ip_; }
  [[nodiscard]] Sockets& sockets() { return sockets_; }

 private:
  struct Slot final : ReadySignal {
    Slot(AppHost& host, std::string entity_path);
    void signal() override;

    AppHost& owner;
    std::string path;
    AppContext context;
    std::unique_ptr<App> app;
    Timer begin;
    bool queued = false;  // stands in ready_
  };
  Slot& add_slot(std::string path);
  // Each application that has something, once. True when there was one.
  bool run_ready(Instant now);

  IpHost ip_;
  Sockets sockets_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> ready_;
  std::vector<Slot*> turn_;  // whose turn it is; kept for its memory
};

}  // namespace twinpath
