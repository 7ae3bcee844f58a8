// The rows of an emulated run: what hosts, links, ports and the core report, and the rules that say
// whether the numbers can be trusted (docs: validity).
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "analysis/store/sqlite_sink.h"
#include "bindings/emu/bed.h"
#include "bindings/emu/port_stack.h"
#include "bindings/plan/plan.h"
#include "emu/tsc_clock.h"
#include "emu/worker.h"
#include "models/app/app_host.h"
#include "models/port/fingerprint.h"

namespace twinpath::bind {

// CPU time the hypervisor took from this machine, since construction.
class StealMeter {
 public:
  StealMeter();
  // As a fraction of all CPU time since then.
  [[nodiscard]] double fraction() const;

 private:
  std::uint64_t steal_;
  std::uint64_t total_;
};

// What a finished emulation is, as far as recording needs it.
struct Finished {
  const Plan& plan;
  const Bed& bed;
  const std::deque<std::unique_ptr<PortStack>>& ports;
  const std::vector<AppHost*>& hosts;
  const emu::MbufPool& pool;
  const emu::Worker& worker;
  const Histogram& timer_lag;
  Duration clock_drift;
  double steal_fraction;
  Instant ended;
  ResultSink& measured;                        // what the plan's measure lets through
  std::vector<store::ValidityRow> more_rules;  // of this kind of run
  std::vector<AppRunner*> other_apps{};        // of hosts with another stack
};

// Drops, flows, chains and the core; what hosts and apps report goes through
// bindings/plan/measure.h. Returns what connections carried.
ContentHash record_results(store::SqliteSink& sink, const Finished& run);
// One row per rule; "valid", "suspect" (beyond half a bound) or "invalid".
std::string record_validity(store::SqliteSink& sink, const Finished& run);

}  // namespace twinpath::bind
