// One bridge run: the hosts of a Plan live in ns-3, whose clock is the wall's, and the links that
// lead out of the simulation are DPDK ports. One thread polls the ports and runs the events, so
// that a frame is in the simulation within the turn it arrives in.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "bindings/emu/bed.h"
#include "bindings/emu/peer_news.h"
#include "bindings/emu/port_maker.h"
#include "bindings/emu/recording.h"
#include "bindings/emu/tracing.h"
#include "bindings/plan/measure.h"
#include "bindings/plan/plan.h"
#include "bindings/plan/worker.h"
#include "bindings/sim/record.h"
#include "bindings/sim/world.h"
#include "emu/eal.h"
#include "sim/frame_pool.h"
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
  Work run(Turn& turn) override;
  [[nodiscard]] Instant next_deadline() override {
    return simulator_.is_stopped() ? kNever : simulator_.next_event();
  }

 private:
  sim::PacedSimulator& simulator_;
};

class Bridge final : private Gateway {
 public:
  // Throws PlanError and SetupError. One per process.
  Bridge(const Job& job, const Bed& bed);
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  RunResult run();

 private:
  std::shared_ptr<sim::SimPort> way_out(std::size_t link, bool end_a) override;
  [[nodiscard]] bool is_real(const LinkPlan& link) const;
  void make_worker();
  [[nodiscard]] bool finished(Instant now);
  RunResult record(store::SqliteSink& sink, const StealMeter& steal);
  [[nodiscard]] std::vector<AppHost*> hosts() const;

  const Job& job_;
  const Bed& bed_;
  int cpu_;
  std::jthread calibration_{[] { emu::TscRate::measured(); }};  // while EAL starts
  emu::Eal eal_;
  emu::MbufPool pool_;
  std::shared_ptr<HeapPool> simulated_ = sim::frame_pool();  // of frames that wait in ports, too
  PortMaker port_maker_;
  PortStacks ports_;
  BridgeClock clock_;
  ns3::Ptr<sim::PacedSimulator> simulator_;
  std::deque<WayOutPoll> ways_out_;
  PeerNews peers_;
  Progress progress_;
  World world_;
  SimStage stage_;
  std::unique_ptr<emu::Worker> worker_;
  const store::SqliteSink* sink_ = nullptr;
  std::optional<Measurement> measurement_;
  bool timed_out_ = false;
  Instant looked_ = kNever;  // the last time outside was looked at
  Duration longest_pause_{};
  Instant ended_{};
};

}  // namespace twinpath::bind
