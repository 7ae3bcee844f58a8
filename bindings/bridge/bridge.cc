// See bridge.h. The order of construction matters: threads made before the worker runs stay off its
// CPU, the simulator is in place before anything asks for it, and every buffer goes home before its
// pool.
#include "bindings/bridge/bridge.h"

#include <ns3/simulator.h>
#include <unistd.h>

#include <algorithm>

#include "bindings/plan/build.h"
#include "bindings/plan/event_stream.h"
#include "bindings/plan/record.h"
#include "emu/stop_signal.h"

namespace twinpath::bind {
namespace {

constexpr std::uint32_t kBufs = 16383;        // 40 MB
constexpr double kPauseBoundNs = 20'000'000;  // between two looks at what is outside
// Far below that bound, so that a sleep is no pause.
constexpr Duration kSleep = std::chrono::milliseconds(5);

}  // namespace

Bridge::Bridge(const Job& job, const Bed& bed)
    : job_(job),
      bed_(bed),
      cpu_(prepare_process(bed)),
      eal_(eal_options(bed)),
      pool_({.name = "frames", .bufs = kBufs}),
      port_maker_(job, bed, eal_, pool_),
      simulator_(install_paced(clock_)),
      peers_(bed.peers_fd),
      progress_(job.progress_fd),
      world_(job, this),
      stage_(*simulator_) {
  for (const std::string& path : world_.awaited_outside()) peers_.await(path);
}

// On net_ring nobody else can be outside, so every link leaves the simulation and comes back.
bool Bridge::is_real(const LinkPlan& link) const {
  return job_.testbed == "net_ring" || !is_emulated(*job_.plan.host(link.a)) ||
         !is_emulated(*job_.plan.host(link.b));
}

std::shared_ptr<sim::SimPort> Bridge::way_out(std::size_t link, bool end_a) {
  if (!is_real(job_.plan.links[link])) return nullptr;
  ports_.push_back(port_maker_.make(link, end_a));
  ways_out_.emplace_back(*ports_.back(), *simulator_);
  return ways_out_.back().live();
}

// Last of all: model time begins with the clock.
void Bridge::make_worker() {
  emu::WorkerOptions options{.cpu = cpu_, .realtime = cpu_ >= 0, .all_wake = true};
  options.schedule.budget = sim::PacedSimulator::kEventsPerLook;
  options.idle.sleep = kSleep;
  for (const auto& port : ports_) {
    const int fd = port->device().wake_fd();
    if (fd >= 0) options.wake_fds.push_back(fd);
    // A ring is filled by an event of ours, after which the loop looks again.
    if (fd < 0 && job_.testbed != "net_ring") options.all_wake = false;
  }
  if (bed_.peers_fd >= 0) options.wake_fds.push_back(bed_.peers_fd);
  clock_.start();
  worker_ = std::make_unique<emu::Worker>(clock_.tsc(), std::move(options));
  for (WayOutPoll& way : ways_out_) worker_->add(way);
  worker_->add(stage_);
  worker_->set_finished([this](Instant now) { return finished(now); },
                        kStart + job_.plan.stop.at_most);
}

bool Bridge::finished(Instant now) {
  if (looked_ != kNever) longest_pause_ = std::max(longest_pause_, now - looked_);
  looked_ = now;
  ended_ = now;
  progress_.at(now - kStart);
  measurement_->at(now);
  peers_.hear();
  const bool waits = !job_.plan.stop.when.empty();
  if (waits && world_.is_over() && peers_.all_done()) return true;
  // What cannot be recorded ends the run.
  if (simulator_->is_stopped() || sink_->failed()) return true;
  if (now < kStart + job_.plan.stop.at_most) return false;
  timed_out_ = waits;
  return true;
}

RunResult Bridge::run() {
  store::SqliteSink sink({.path = job_.db,
                          .run_id = job_.run_id,
                          .overflow = store::Overflow::kDropSample,
                          .series_every = job_.plan.measure.every.value_or(Nanoseconds(0))});
  sink_ = &sink;
  sink.begin_run({});
  measurement_.emplace(job_.plan.measure, sink,
                       [this](ResultSink& into) { world_.export_results(into); });
  SeriesRecorders series = record_series(world_, measurement_->sink());
  EventStream events(job_.events, EventStream::Pace::kRealTime);
  tell_events(world_, events);
  const EventRecorders kept = record_events(world_, sink);
  const StealMeter steal;
  make_worker();
  const emu::StopSignal stop(*worker_);
  if (bed_.ready_fd >= 0) static_cast<void>(write(bed_.ready_fd, "ready\n", 6));
  worker_->run();
  events.finish();
  sink.flush();  // throws what ended a run that could not be recorded
  for (SeriesRecorder& recorder : series) recorder.finish(ended_);
  RunResult result = record(sink, steal);
  if (emu::StopSignal::received() != 0) result.status = "interrupted";
  const std::string outcome = to_json(result);
  sink.end_run({result.status, result.error, outcome});
  return result;
}

std::vector<AppHost*> Bridge::hosts() const {
  std::vector<AppHost*> found;
  for (const World::Seat& seat : world_.seats()) {
    if (seat.ours) found.push_back(&seat.ours->apps());
  }
  return found;
}

RunResult Bridge::record(store::SqliteSink& sink, const StealMeter& steal) {
  const std::vector<AppHost*> inside = hosts();
  const Finished run{
      job_.plan,
      bed_,
      ports_,
      inside,
      pool_,
      *worker_,
      simulator_->stats().lag,
      clock_.tsc().drift(),
      steal.fraction(),
      ended_,
      measurement_->sink(),
      {{"longest_pause", static_cast<double>(longest_pause_.count()), kPauseBoundNs, "ns", true}}};
  measurement_->record(ended_);
  RunResult result;
  result.content_hash = content_of(record_results(sink, run));
  std::vector<PortFingerprint> fingerprints;
  result.frames = record_links(world_, sink, fingerprints);
  for (const auto& port : ports_) {
    port->trace().append_to(fingerprints, port->path());
    result.frames += port->trace().chain(Direction::kReceive).frames();
    if (port->faces_linux()) result.frames += port->trace().chain(Direction::kTransmit).frames();
  }
  record_captures(world_, sink);
  result.fingerprint = run_fingerprint(fingerprints);
  result.model = ended_ - kStart;
  if (timed_out_) {
    result.status = "timeout";
    result.error = "not all awaited apps were done when stop.at_most was reached";
  }
  result.validity = record_validity(sink, run);
  return result;
}

}  // namespace twinpath::bind
