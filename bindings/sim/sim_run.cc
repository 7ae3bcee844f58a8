// Parse, build, run, record.
#include "bindings/sim/sim_run.h"

#include "analysis/store/sqlite_sink.h"
#include "bindings/sim/record.h"
#include "bindings/sim/world.h"
#include "sim/sim_time.h"

namespace twinpath::bind {

RunResult run_sim(const std::string& job_json) {
  const Job job = parse_job(job_json);
  World world(job);
  store::SqliteSink sink({.path = job.db,
                          .run_id = job.run_id,
                          .series_every = job.plan.measure.every.value_or(Nanoseconds(0))});
  sink.begin_run({});
  RunResult result;
  const bool all_done = world.run();
  result.status = all_done || job.plan.stop.when.empty() ? "done" : "timeout";
  result.model = sim::sim_now() - kStart;
  record(world, sink, result);
  const std::string answer = to_json(result);
  sink.end_run({.status = result.status, .error = result.error, .outcome_json = answer});
  return result;
}

}  // namespace twinpath::bind
