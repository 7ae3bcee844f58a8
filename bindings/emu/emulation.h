// One emulated run: builds hosts and ports of a Plan, runs them on one core in real time, records.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "bindings/emu/bed.h"
#include "bindings/emu/peer_news.h"
#include "bindings/emu/port_maker.h"
#include "bindings/emu/port_stack.h"
#include "bindings/emu/recording.h"
#include "bindings/emu/tracing.h"
#include "bindings/plan/event_stream.h"
#include "bindings/plan/events.h"
#include "bindings/plan/hosts.h"
#include "bindings/plan/measure.h"
#include "bindings/plan/plan.h"
#include "bindings/plan/series.h"
#include "bindings/plan/worker.h"
#include "emu/eal.h"
#include "models/base/host_stage.h"

namespace twinpath::bind {

class Emulation {
 public:
  // Throws PlanError and SetupError.
  Emulation(const Job& job, const Bed& bed);
  Emulation(const Emulation&) = delete;
  Emulation& operator=(const Emulation&) = delete;

  RunResult run();

 private:
  // One of our hosts and where it is attached.
  struct Seat {
    std::size_t host;  // index into the Plan
    std::vector<PortStack*> ports;
  };

  void make_ports();
  void make_hosts();
  void record_series(ResultSink& sink);
  void tell_events();
  void record_events(store::SqliteSink& sink);
  void make_worker();
  [[nodiscard]] bool all_done();
  [[nodiscard]] bool finished(Instant now);
  RunResult record(store::SqliteSink& sink);
  [[nodiscard]] std::uint64_t frames() const;

  const Job& job_;
  const Bed& bed_;
  int cpu_;
  std::jthread calibration_{[] { emu::TscRate::measured(); }};  // while EAL starts
  emu::Eal eal_;
  emu::MbufPool pool_;
  PortMaker port_maker_;
  PeerNews peers_;  // awaited Linux apps
  PortStacks ports_;
  std::vector<Seat> seats_;
  std::deque<PlannedHost> hosts_;  // as seats_
  AppHosts ours_;                  // those of them with our stack
  std::optional<Measurement> measurement_;
  std::deque<SeriesRecorder> series_;
  EventStream events_;
  std::deque<EventRecorder> event_rows_;
  std::deque<HostStage> stages_;
  emu::Recorder recorder_;
  std::optional<Tracing> tracing_;
  std::unique_ptr<emu::TscClock> clock_;
  std::unique_ptr<emu::Worker> worker_;
  std::vector<App*> awaited_;  // of ours, whose end ends the run
  Progress progress_;
  bool timed_out_ = false;
  bool recording_failed_ = false;
  const store::SqliteSink* sink_ = nullptr;  // while it runs
  Instant ended_{};
};

}  // namespace twinpath::bind
