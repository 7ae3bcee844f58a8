// See recording.h.
#include "bindings/emu/recording.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <numeric>
#include <optional>
#include <vector>

#include "bindings/plan/record.h"
#include "bindings/plan/series.h"
#include "models/app/metrics.h"

namespace twinpath::bind {
namespace {

using store::DropCause;
using store::SqliteSink;

constexpr double kLagBoundNs = 100'000;     // timer lag p99.9 is never asked to be below this
constexpr double kLagShareOfDelay = 0.05;   // nor below this share of the smallest delay
constexpr double kStealBound = 0.02;        // CPU time the hypervisor may take
constexpr double kShortfallBound = 0.01;    // of what rate-driven applications should have sent
constexpr double kClockDriftBoundNs = 1e6;  // between our clock and the kernel's, over a run
constexpr std::size_t kStatColumns = 8;     // user nice system idle iowait irq softirq steal
constexpr std::size_t kStealColumn = 7;

constexpr MetricInfo kCpu{"cpu_s",
                          "s",
                          MetricKind::kScalar,
                          Better::kLower,
                          MetricClock::kCpu,
                          "CPU time of a core's thread"};
constexpr MetricInfo kBusy{"busy_s",
                           "s",
                           MetricKind::kScalar,
                           Better::kLower,
                           MetricClock::kWall,
                           "time a core spent inside turns"};
constexpr MetricInfo kTurns{
    "turns", "", MetricKind::kScalar, Better::kNeither, MetricClock::kNone, "turns a core ran"};
constexpr MetricInfo kSleeps{"sleeps",
                             "",
                             MetricKind::kScalar,
                             Better::kNeither,
                             MetricClock::kNone,
                             "times an idle core slept"};
constexpr MetricInfo kLag{"timer_lag_ns",         "ns",
                          MetricKind::kHistogram, Better::kLower,
                          MetricClock::kWall,     "from a deadline to the turn that served it"};

constexpr MetricInfo kLongest{"longest_frame_bytes", "byte",
                              MetricKind::kScalar,   Better::kNeither,
                              MetricClock::kNone,    "the longest frame above the MTU a peer sent"};

std::array<std::uint64_t, kStatColumns> cpu_times() {
  std::array<std::uint64_t, kStatColumns> times{};
  std::ifstream stat("/proc/stat");
  std::string word;
  stat >> word;  // "cpu"
  for (std::uint64_t& time : times) stat >> time;
  return times;
}

std::uint64_t sum(const std::array<std::uint64_t, kStatColumns>& times) {
  return std::accumulate(times.begin(), times.end(), std::uint64_t{0});
}

void record_chains(SqliteSink& sink, const PortStack& port) {
  std::vector<PortFingerprint> both;
  port.trace().append_to(both, port.path());
  for (const PortFingerprint& way : both) {
    record_chain(sink, way, port.trace().chain(way.direction));
  }
}

void record_port(SqliteSink& sink, PortStack& port) {
  const emu::DeviceStats stats = port.device().stats();
  const DropRows rows(sink, {port.path(), "port"});
  rows.add("rx_missed", DropCause::kEnvironment, stats.rx_missed);
  rows.add("rx_errors", DropCause::kEnvironment, stats.rx_errors);
  rows.add("rx_no_buffer", DropCause::kResource, stats.rx_no_buffer);
  rows.add("tx_errors", DropCause::kEnvironment, stats.tx_errors);
  rows.add("tx_no_buffer", DropCause::kResource, port.ethdev().stats().tx_dropped);
  if (port.oversize().frames == 0) return;
  AppReport(sink, port.path(), "port").scalar(kLongest, port.oversize().longest_bytes);
}

void record_core(const Finished& run) {
  AppReport report(run.measured, "core0", "core");
  const emu::WorkerStats& stats = run.worker.stats();
  report.scalar(kCpu, to_seconds(stats.cpu));
  report.scalar(kBusy, to_seconds(stats.busy), stats.turns);
  report.scalar(kTurns, static_cast<double>(stats.turns));
  report.scalar(kSleeps, static_cast<double>(stats.sleeps));
  report.histogram(kLag, run.timer_lag);
}

// The tolerated lag grows with the smallest modelled delay: a late timer hides behind a long one.
double lag_bound_ns(const Plan& plan) {
  double smallest = std::numeric_limits<double>::infinity();
  for (const LinkPlan& link : plan.links) {
    if (link.delay.count() > 0)
      smallest = std::min(smallest, static_cast<double>(link.delay.count()));
  }
  return std::isinf(smallest) ? kLagBoundNs : std::max(kLagBoundNs, kLagShareOfDelay * smallest);
}

std::uint64_t unasked_drops(const Finished& run) {
  std::uint64_t drops = 0;
  for (const auto& port : run.ports) {
    const emu::DeviceStats stats = port->device().stats();
    drops +=
        stats.rx_missed + stats.rx_errors + stats.tx_errors + port->ethdev().stats().tx_dropped;
  }
  return drops;
}

// What a peer sent that no wire would carry: its offloads are on.
std::uint64_t oversize_frames(const Finished& run) {
  std::uint64_t frames = 0;
  for (const auto& port : run.ports) frames += port->oversize().frames;
  return frames;
}

// Wrong sums where no link corrupts: a peer leaves them to its device, and there is none.
std::uint64_t bad_checksums(const Finished& run) {
  for (const LinkPlan& link : run.plan.links) {
    if (link.corrupt > 0) return 0;
  }
  constexpr auto kReason = static_cast<std::size_t>(DropReason::kBadChecksum);
  std::uint64_t frames = 0;
  for (const auto& host : run.hosts) {
    frames += host->ip().counters().drops(DropReason::kBadChecksum) +
              host->ip().tcp().counters().drops[kReason];
  }
  return frames;
}

std::uint64_t pool_exhaustions(const Finished& run) {
  std::uint64_t count = run.pool.exhausted();
  for (const auto& port : run.ports) count += port->device().stats().rx_no_buffer;
  return count;
}

// The worst of all rate-driven applications: what its clock asked for and it did not do. One item
// may be due at the very end. Nothing when no rate drives any.
std::optional<double> generator_shortfall(const Finished& run) {
  std::optional<double> worst;
  std::vector<AppRunner*> runners = run.other_apps;
  for (const auto& host : run.hosts) runners.push_back(&host->runner());
  for (AppRunner* const apps : runners) {
    for (std::size_t index = 0; index < apps->size(); ++index) {
      const auto offered = apps->app(index).offered(run.ended);
      if (!offered) continue;
      const double missing = offered->asked > offered->done + 1
                                 ? static_cast<double>(offered->asked - offered->done)
                                 : 0;
      const double asked = static_cast<double>(std::max<std::uint64_t>(offered->asked, 1));
      worst = std::max(worst.value_or(0), missing / asked);
    }
  }
  return worst;
}

}  // namespace

StealMeter::StealMeter() {
  const auto times = cpu_times();
  steal_ = times[kStealColumn];
  total_ = sum(times);
}

double StealMeter::fraction() const {
  const auto times = cpu_times();
  const std::uint64_t total = sum(times) - total_;
  if (total == 0) return 0;
  return static_cast<double>(times[kStealColumn] - steal_) / static_cast<double>(total);
}

ContentHash record_results(SqliteSink& sink, const Finished& run) {
  ContentHash content;
  for (const auto& host : run.hosts) {
    record_host_drops(sink, *host);
    const std::string& name = host->ip().config().name;
    content.add(name, record_flows(sink, *host, flow_parent(run.plan, name)));
  }
  for (const auto& port : run.ports) {
    record_chains(sink, *port);
    if (const LinkElement* link = port->link()) {
      record_link(
          sink, port->link_name(),
          {link->direction_from(LinkElement::kEndA), link->direction_from(LinkElement::kEndB)});
    }
    record_port(sink, *port);
  }
  record_core(run);
  return content;
}

std::string record_validity(SqliteSink& sink, const Finished& run) {
  const double lag = static_cast<double>(run.timer_lag.quantile(0.999));
  std::vector<store::ValidityRow> rules{{
      {"timer_lag_p999", lag, lag_bound_ns(run.plan), "ns", true},
      {"port_drops", static_cast<double>(unasked_drops(run)), 0, "frames", true},
      {"pool_exhausted", static_cast<double>(pool_exhaustions(run)), 0, "times", true},
      {"cpu_steal", run.steal_fraction, kStealBound, "fraction", true},
      {"clock_step", std::abs(static_cast<double>(run.clock_drift.count())), kClockDriftBoundNs,
       "ns", true},
      {"offloads_on", static_cast<double>(run.bed.offloads_on.size()), 0, "offloads", true},
      {"oversize_frames", static_cast<double>(oversize_frames(run)), 0, "frames", true},
      {"bad_checksums", static_cast<double>(bad_checksums(run)), 0, "frames", true},
  }};
  if (const auto shortfall = generator_shortfall(run)) {
    rules.push_back({"generator_shortfall", *shortfall, kShortfallBound, "fraction", true});
  }
  rules.insert(rules.end(), run.more_rules.begin(), run.more_rules.end());
  return record_rules(sink, rules);
}

}  // namespace twinpath::bind
