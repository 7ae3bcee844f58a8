// See emulation.h. The order of construction matters: threads made before the worker runs stay off
// its CPU, and every buffer goes home before its pool.
#include "bindings/emu/emulation.h"

#include <unistd.h>

#include <algorithm>

#include "bindings/plan/build.h"
#include "bindings/plan/record.h"
#include "emu/stop_signal.h"

namespace twinpath::bind {
namespace {

constexpr std::uint32_t kBufs = 16383;  // 40 MB
constexpr ContractId kNoContract = 0;   // CPU time is measured here, not priced

}  // namespace

Emulation::Emulation(const Job& job, const Bed& bed)
    : job_(job),
      bed_(bed),
      cpu_(prepare_process(bed)),
      eal_(eal_options(bed)),
      pool_({.name = "frames", .bufs = kBufs}),
      port_maker_(job, bed, eal_, pool_),
      peers_(bed.peers_fd),
      events_(job.events, EventStream::Pace::kRealTime),
      progress_(job.progress_fd) {
  make_ports();
  make_hosts();
  tracing_.emplace(job_, bed_, recorder_, ports_, ours_);
}

void Emulation::make_ports() {
  for (std::size_t index = 0; index < job_.plan.hosts.size(); ++index) {
    const HostPlan& host = job_.plan.hosts[index];
    if (!is_emulated(host)) continue;
    seats_.push_back({index, {}});
  }
  for (const EmulatedPort& port : emulated_ports(job_.plan)) {
    ports_.push_back(port_maker_.make(port.link, port.end_a));
    const auto seat = std::find_if(seats_.begin(), seats_.end(), [&](const Seat& candidate) {
      return candidate.host == port.where.host;
    });
    seat->ports.push_back(ports_.back().get());
  }
}

void Emulation::make_hosts() {
  for (const Seat& seat : seats_) {
    hosts_.push_back(make_host(job_.plan, seat.host, job_.seed, pool_));
    if (hosts_.back().ours != nullptr) ours_.push_back(hosts_.back().ours);
  }
  for (const std::string& path : job_.plan.stop.when) {
    App* ours = nullptr;
    for (const auto& host : hosts_) ours = ours != nullptr ? ours : host.apps->find(path);
    if (ours != nullptr) {
      awaited_.push_back(ours);
    } else {
      peers_.await(path);
    }
  }
}

void Emulation::record_series(ResultSink& sink) {
  if (!job_.plan.measure.every) return;
  for (AppHost* const host : ours_) {
    const std::string parent = flow_parent(job_.plan, host->ip().config().name);
    series_.emplace_back(sink, parent, *job_.plan.measure.every, &host->ip().flow_log());
    series_.back().set_on_failure([this] { recording_failed_ = true; });
    series_.back().listen(host->ip().bus());
  }
}

void Emulation::record_events(store::SqliteSink& sink) {
  if (job_.plan.measure.events.empty()) return;
  for (AppHost* const host : ours_) {
    event_rows_.emplace_back(sink, host->ip(), flow_parent(job_.plan, host->ip().config().name));
    event_rows_.back().listen(job_.plan.measure.events);
  }
}

void Emulation::tell_events() {
  for (AppHost* const host : ours_) {
    events_.listen(host->ip(), flow_parent(job_.plan, host->ip().config().name));
  }
}

// Last of all: model time begins with the clock.
void Emulation::make_worker() {
  emu::WorkerOptions options{.cpu = cpu_, .realtime = cpu_ >= 0, .all_wake = true};
  for (const auto& port : ports_) {
    const int fd = port->device().wake_fd();
    if (fd >= 0) options.wake_fds.push_back(fd);
    // Rings between hosts of one core need no waking: who fills them runs here too.
    if (fd < 0 && job_.testbed != "net_ring") options.all_wake = false;
  }
  if (bed_.peers_fd >= 0) options.wake_fds.push_back(bed_.peers_fd);
  clock_ = std::make_unique<emu::TscClock>();
  worker_ = std::make_unique<emu::Worker>(*clock_, std::move(options));
  for (const auto& port : ports_) worker_->add(*port);
  for (std::size_t index = 0; index < seats_.size(); ++index) {
    std::vector<Port*> tops;
    for (PortStack* port : seats_[index].ports) tops.push_back(&port->top());
    stages_.emplace_back(job_.plan.hosts[seats_[index].host].name, *hosts_[index].host, tops,
                         kNoContract);
    worker_->add(stages_.back());
  }
  if (tracing_->turn_log() != nullptr) worker_->set_log(*tracing_->turn_log());
  worker_->set_finished([this](Instant now) { return finished(now); },
                        kStart + job_.plan.stop.at_most);
}

bool Emulation::all_done() {
  if (job_.plan.stop.when.empty()) return false;
  while (!awaited_.empty() && awaited_.back()->done()) awaited_.pop_back();
  return awaited_.empty() && peers_.all_done();
}

bool Emulation::finished(Instant now) {
  progress_.at(now - kStart);
  measurement_->at(now);
  peers_.hear();
  ended_ = now;
  if (recording_failed_ || sink_->failed()) return true;
  if (all_done()) return true;
  if (now < kStart + job_.plan.stop.at_most) return false;
  timed_out_ = !job_.plan.stop.when.empty();
  return true;
}

RunResult Emulation::run() {
  store::SqliteSink sink({.path = job_.db,
                          .run_id = job_.run_id,
                          .overflow = store::Overflow::kDropSample,
                          .series_every = job_.plan.measure.every.value_or(Nanoseconds(0))});
  sink_ = &sink;
  sink.begin_run({});
  measurement_.emplace(job_.plan.measure, sink, [this](ResultSink& into) {
    for (const auto& host : hosts_) host.export_results(into);
  });
  record_series(measurement_->sink());
  tell_events();
  record_events(sink);
  recorder_.start();
  const StealMeter steal;
  make_worker();
  const emu::StopSignal stop(*worker_);
  if (bed_.ready_fd >= 0) static_cast<void>(write(bed_.ready_fd, "ready\n", 6));
  worker_->run();
  events_.finish();
  sink.flush();  // throws what ended a run that could not be recorded
  if (recording_failed_) throw store::StoreError("the time series could not be recorded");
  for (SeriesRecorder& series : series_) series.finish(ended_);
  std::vector<AppRunner*> other_apps;
  for (const PlannedHost& host : hosts_) {
    if (host.ours == nullptr) other_apps.push_back(host.apps);
  }
  const Finished run{job_.plan,
                     bed_,
                     ports_,
                     ours_,
                     pool_,
                     *worker_,
                     worker_->stats().timer_lag,
                     clock_->drift(),
                     steal.fraction(),
                     ended_,
                     measurement_->sink(),
                     {},
                     std::move(other_apps)};
  measurement_->record(ended_);
  const ContentHash content = record_results(sink, run);
  RunResult result = record(sink);
  result.content_hash = content_of(content);
  result.validity = record_validity(sink, run);
  if (emu::StopSignal::received() != 0) result.status = "interrupted";
  const std::string outcome = to_json(result);
  sink.end_run({result.status, result.error, outcome});
  return result;
}

// Each frame once: where it is received, or where it leaves for a Linux host.
std::uint64_t Emulation::frames() const {
  std::uint64_t total = 0;
  for (const Seat& seat : seats_) {
    for (const PortStack* port : seat.ports) {
      total += port->trace().chain(Direction::kReceive).frames();
      if (port->faces_linux()) total += port->trace().chain(Direction::kTransmit).frames();
    }
  }
  return total;
}

RunResult Emulation::record(store::SqliteSink& sink) {
  RunResult result;
  result.model = ended_ - kStart;
  std::vector<PortFingerprint> fingerprints;
  for (const auto& port : ports_) {
    port->trace().append_to(fingerprints, port->path());
  }
  result.frames = frames();
  result.fingerprint = run_fingerprint(fingerprints);
  if (timed_out_) {
    result.status = "timeout";
    result.error = "not all awaited apps were done when stop.at_most was reached";
  }
  const bool written = recorder_.finish();
  tracing_->record(sink, fingerprints, written, result);
  return result;
}

}  // namespace twinpath::bind
