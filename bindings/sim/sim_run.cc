// Parse, build, run, record.
#include "bindings/sim/sim_run.h"

#include <ns3/simulator.h>

#include <utility>

#include "bindings/plan/event_stream.h"
#include "bindings/plan/measure.h"
#include "bindings/plan/stop_request.h"
#include "bindings/sim/record.h"
#include "bindings/sim/session.h"
#include "sim/sim_time.h"

namespace twinpath::bind {

namespace {

// The figures are taken at the very instants the plan names.
void schedule_window(Measurement& measurement) {
  if (!measurement.has_window()) return;
  for (const Instant when : {measurement.opens(), measurement.closes()}) {
    if (when == kNever) continue;
    ns3::Simulator::Schedule(sim::to_ns3_time(when - kStart),
                             [&measurement] { measurement.at(sim::sim_now()); });
  }
}

store::SqliteSinkOptions sink_options(const Job& job) {
  return {.path = job.db,
          .run_id = job.run_id,
          .series_every = job.plan.measure.every.value_or(Nanoseconds(0))};
}

// `drive` with the parent told of the events it wants.
std::function<bool()> told(World& world, const Job& job, std::function<bool()> drive) {
  return [&world, &job, drive = std::move(drive)] {
    EventStream events(job.events, EventStream::Pace::kWaits);
    tell_events(world, events);
    const bool well = drive();
    events.finish();
    return well;
  };
}

}  // namespace

RunResult run_recorded(World& world, store::SqliteSink& sink, const std::function<bool()>& drive) {
  sink.begin_run({.run_json = "{}"});
  Measurement measurement(world.plan().measure, sink,
                          [&world](ResultSink& into) { world.export_results(into); });
  schedule_window(measurement);
  SeriesRecorders series = record_series(world, measurement.sink());
  const EventRecorders events = record_events(world, sink);
  RunResult result;
  const bool all_done = drive ? drive() : world.run();
  result.status = all_done || world.plan().stop.when.empty() ? "done" : "timeout";
  const bool cut = StopRequest::came() || sim::sim_now() < kStart + world.plan().stop.at_most;
  if (cut && !all_done) result.status = "interrupted";
  result.model = sim::sim_now() - kStart;
  for (SeriesRecorder& recorder : series) recorder.finish(sim::sim_now());
  world.record_cores(measurement.sink(), sim::sim_now());
  measurement.record(sim::sim_now());
  record(world, sink, result);
  const std::string answer = to_json(result);
  sink.end_run({.status = result.status, .error = result.error, .outcome_json = answer});
  return result;
}

RunResult run_sim(const std::string& job_json) {
  const StopRequest stop;
  const Job job = parse_job(job_json);
  World world(job);
  store::SqliteSink sink(sink_options(job));
  return run_recorded(world, sink, told(world, job, [&] { return world.run(); }));
}

RunResult run_session(const std::string& job_json) {
  const StopRequest stop;
  const Job job = parse_job(job_json);
  World world(job);
  store::SqliteSink sink(sink_options(job));
  Session session(world, parse_session(job_json));
  return run_recorded(world, sink, told(world, job, [&] { return session.serve(); }));
}

}  // namespace twinpath::bind
