// A host's turn on a modelled core: the turn itself is models' HostStage; around it the simulator's
// clock for decorators and a word to whoever watches.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "models/base/host_stage.h"
#include "models/port/decorator.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

// Frames arrive and leave at instants of the core's; a decorator learns each from the simulator.
class ClockedPort final : public Port {
 public:
  // `decorator` is the outermost around `port`, or nullptr.
  ClockedPort(Port& port, PortDecorator* decorator) : port_(port), decorator_(decorator) {}

  [[nodiscard]] PortCaps caps() const override { return port_.caps(); }
  std::size_t rx_burst(std::span<BufPtr> out) override {
    tell();
    return port_.rx_burst(out);
  }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    tell();
    return port_.tx_burst(frames);
  }
  [[nodiscard]] std::size_t tx_room() const override { return port_.tx_room(); }
  [[nodiscard]] Instant next_deadline() const {
    return decorator_ == nullptr ? kNever : decorator_->next_deadline();
  }

 private:
  void tell() {
    if (decorator_ != nullptr) decorator_->begin_turn(sim_now());
  }

  Port& port_;
  PortDecorator* decorator_;
};

class CoreTurn final : public Stage {
 public:
  // `after` hears of every turn. Requires: host and ports outlive this.
  CoreTurn(const std::string& name, Host& host, std::span<ClockedPort* const> ports,
           std::function<void(Instant)> after)
      : ports_(ports.begin(), ports.end()),
        stage_(name, host, std::vector<Port*>(ports.begin(), ports.end()), kContract),
        after_(std::move(after)) {}

  // The only contract of a core with one host: a turn and the frames it moved.
  static constexpr ContractId kContract = 1;

  [[nodiscard]] std::string_view name() const override { return stage_.name(); }
  Work run(Turn& turn) override {
    const Work work = stage_.run(turn);
    after_(turn.now);
    return work;
  }
  [[nodiscard]] Instant next_deadline() override {
    Instant next = stage_.next_deadline();
    for (const ClockedPort* port : ports_) next = std::min(next, port->next_deadline());
    return next;
  }
  [[nodiscard]] std::span<Input* const> inputs() override { return stage_.inputs(); }

 private:
  std::vector<ClockedPort*> ports_;
  HostStage stage_;
  std::function<void(Instant)> after_;
};

}  // namespace twinpath::sim
