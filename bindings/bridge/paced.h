// What joins both drivers: the clock of one, the events of the other, and ports between them.
#pragma once

#include <ns3/simulator.h>

#include <memory>
#include <string_view>

#include "bindings/emu/port_stack.h"
#include "bindings/sim/direct_calls.h"
#include "emu/clocked.h"
#include "emu/tsc_clock.h"
#include "models/base/stage.h"
#include "sim/live_port.h"
#include "sim/paced_simulator.h"

namespace twinpath::bind {

// The clock of a run as ns-3 sees it; stands at zero until it is started.
class BridgeClock final : public sim::WallClock {
 public:
  void start() { tsc_ = std::make_unique<emu::TscClock>(); }
  [[nodiscard]] Instant now() override { return tsc_ == nullptr ? kStart : tsc_->now(); }
  // Requires: started.
  [[nodiscard]] emu::TscClock& tsc() { return *tsc_; }

 private:
  std::unique_ptr<emu::TscClock> tsc_;
};

// A port that leads out, polled once per turn of the loop.
class WayOut final : public sim::Outside {
 public:
  explicit WayOut(PortStack& stack) : stack_(stack) {}
  [[nodiscard]] Port& port() override { return stack_.top(); }
  void advance(Instant now) override { stack_.advance(now); }
  [[nodiscard]] Instant next_deadline() const override { return stack_.next_deadline(); }

 private:
  PortStack& stack_;
};

class WayOutPoll final : public emu::Clocked {
 public:
  WayOutPoll(PortStack& stack, sim::PacedSimulator& simulator)
      : outside_(stack), live_(std::make_shared<sim::LivePort>(outside_)), simulator_(simulator) {}
  void advance(Instant now) override {
    if (live_->poll(now)) simulator_.note_arrival(now);
  }
  [[nodiscard]] std::shared_ptr<sim::SimPort> live() const { return live_; }

 private:
  WayOut outside_;
  std::shared_ptr<sim::LivePort> live_;
  sim::PacedSimulator& simulator_;
};

// All of ns-3 as what a core runs.
class SimStage final : public Stage {
 public:
  explicit SimStage(sim::PacedSimulator& simulator) : simulator_(simulator) {}
  [[nodiscard]] std::string_view name() const override { return "ns3"; }
  Work run(Turn& turn) override {
    const std::uint32_t ran = simulator_.run_due(turn.budget);
    return {.items = ran, .more = next_deadline() <= turn.now};
  }
  [[nodiscard]] Instant next_deadline() override {
    return simulator_.is_stopped() ? kNever : simulator_.next_event();
  }

 private:
  sim::PacedSimulator& simulator_;
};

// Makes a paced simulator the one of this process, and ns-3 as fast as it will be. Requires:
// nothing has asked for one yet, and no other thread runs ns-3.
inline ns3::Ptr<sim::PacedSimulator> install_paced(BridgeClock& clock) {
  const auto simulator = ns3::Create<sim::PacedSimulator>(clock);
  ns3::Simulator::SetImplementation(simulator);
  make_calls_direct("/libns3-");
  return simulator;
}

}  // namespace twinpath::bind
