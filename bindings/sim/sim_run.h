// A run in the simulator: job text in, result out, rows in the job's database.
#pragma once

#include <functional>
#include <string>

#include "analysis/store/sqlite_sink.h"
#include "bindings/plan/worker.h"
#include "bindings/sim/world.h"

namespace twinpath::bind {

// Runs the world and writes everything about it. Throws StoreError. `drive` moves the world on and
// hands back whether that went well; none runs it to its end.
RunResult run_recorded(World& world, store::SqliteSink& sink,
                       const std::function<bool()>& drive = {});

// Throws PlanError for what the plan asks and cannot be, StoreError for what cannot be recorded.
// One run per process: ns-3 keeps streams and packet ids between runs.
RunResult run_sim(const std::string& job_json);
// The same, driven step by step by the parent (session.h).
RunResult run_session(const std::string& job_json);

}  // namespace twinpath::bind
