// Stages of one core as a Host, so that the fake network runs them: the schedule turns until it has
// nothing to do, publishing after every turn, as an emulated core does.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "models/base/check.h"
#include "tests/twin/experiment.h"

namespace twinpath::test {

// A port of plain memory between the host's calls and a Stage's.
class QueuePort final : public Port {
 public:
  [[nodiscard]] PortCaps caps() const override { return {}; }
  [[nodiscard]] std::size_t tx_room() const override { return kBurst; }
  std::size_t rx_burst(std::span<BufPtr> out) override { return move_out(arrived, out); }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    for (BufPtr& frame : frames) to_send.push_back(std::move(frame));
    return frames.size();
  }
  static std::size_t move_out(std::deque<BufPtr>& from, std::span<BufPtr> out) {
    const std::size_t count = std::min(from.size(), out.size());
    for (std::size_t index = 0; index < count; ++index) {
      out[index] = std::move(from.front());
      from.pop_front();
    }
    return count;
  }
  std::deque<BufPtr> arrived;
  std::deque<BufPtr> to_send;
};

class CoreHost final : public Host {
 public:
  CoreHost(const Machine& machine, BufPool& pool) : ports_(machine.ports) {
    std::vector<Port*> ports;
    for (QueuePort& port : ports_) ports.push_back(&port);
    stages_ = machine.make_stages(ports, pool);
    for (Stage* stage : stages_->stages()) schedule_.add(*stage);
  }
  void on_rx(Instant, PortId port, std::span<BufPtr> frames) override {
    for (BufPtr& frame : frames) ports_[port].arrived.push_back(std::move(frame));
  }
  void on_time(Instant now) override {
    constexpr int kTurnsMax = 100'000;
    for (int turn = 0; turn < kTurnsMax; ++turn) {
      schedule_.retry_blocked();
      const auto pick = schedule_.next(now);
      if (!pick) return;
      run_turn(schedule_, *pick, now, ledger_);
      schedule_.publish(pick->index);
    }
    CHECK(false);
  }
  std::size_t poll_tx(Instant, PortId port, std::span<BufPtr> out) override {
    return QueuePort::move_out(ports_[port].to_send, out);
  }
  // Frames that just arrived are due at once.
  [[nodiscard]] Instant next_deadline() override {
    for (const QueuePort& port : ports_) {
      if (!port.arrived.empty()) return kStart;
    }
    return schedule_.next_deadline();
  }

 private:
  std::vector<QueuePort> ports_;
  std::unique_ptr<StageSet> stages_;
  CoreSchedule schedule_;
  CostLedger ledger_;
};

}  // namespace twinpath::test
