// One bridge run: the hosts of a Plan live in ns-3, whose clock is the wall's, and the links that
// lead out of the simulation are DPDK ports. One thread polls the ports and runs the events, so
// that a frame is in the simulation within the turn it arrives in.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "bindings/bridge/paced.h"
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

namespace twinpath::bind {

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
