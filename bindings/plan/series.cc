// See series.h.
#include "bindings/plan/series.h"

#include <utility>

#include "models/base/check.h"

namespace twinpath::bind {
namespace {

constexpr MetricInfo kCwnd{"cwnd_bytes",        "byte",
                           MetricKind::kSeries, Better::kNeither,
                           MetricClock::kModel, "congestion window"};
constexpr MetricInfo kSrtt{"tcp_srtt_s",        "s",
                           MetricKind::kSeries, Better::kLower,
                           MetricClock::kModel, "smoothed round-trip time (RFC 6298)"};
constexpr MetricInfo kRate{
    "delivery_rate_bps", "bit/s",
    MetricKind::kSeries, Better::kHigher,
    MetricClock::kModel, "bytes delivered in order x 8 / interval, at the receiver"};

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

std::string flow_parent(const Plan& plan, std::string_view host) {
  const AppPlan* only = nullptr;
  for (const AppPlan& app : plan.apps) {
    if (app.host != host) continue;
    if (only) return std::string(host);
    only = &app;
  }
  return only ? only->path : std::string(host);
}

SeriesRecorder::SeriesRecorder(ResultSink& sink, std::string parent, Duration every,
                               const FlowLog* log)
    : sink_(sink),
      parent_(std::move(parent)),
      every_(every),
      next_(kStart + every),
      cwnd_(sink.define_metric(kCwnd)),
      srtt_(sink.define_metric(kSrtt)),
      rate_(sink.define_metric(kRate)),
      log_(log) {
  CHECK(every > Duration::zero());
}

// A stack that is taken down says so on its bus.
SeriesRecorder::~SeriesRecorder() {
  if (bus_ != nullptr) bus_->unsubscribe(*this);
}

void SeriesRecorder::listen(EventBus& bus) {
  bus_ = &bus;
  cwnd_event_ = bus.type_of<TcpCwndEvent>();
  rtt_event_ = bus.type_of<TcpRttEvent>();
  delivered_event_ = bus.type_of<TcpDeliveredEvent>();
  for (const EventTypeId type : {cwnd_event_, rtt_event_, delivered_event_})
    bus.subscribe(type, *this);
}

void SeriesRecorder::on_event(const EventHeader& header) {
  if (failed_) return;
  try {
    take(header);
  } catch (const std::exception&) {
    failed_ = true;
    if (on_failure_) on_failure_();
  }
}

void SeriesRecorder::take(const EventHeader& header) {
  if (header.at >= next_) advance(header.at);
  Flow* known = flow(header.flow);
  if (!known) return;
  if (header.type == cwnd_event_) {
    known->cwnd_bytes = as<TcpCwndEvent>(header).after_bytes;
  } else if (header.type == rtt_event_) {
    known->srtt = as<TcpRttEvent>(header).srtt;
  } else {
    known->delivered_bytes += as<TcpDeliveredEvent>(header).len;
    known->delivers = true;
  }
}

void SeriesRecorder::finish(Instant now) {
  if (failed_) return;
  if (now >= next_) advance(now);
  const Duration rest = now - (next_ - every_);
  if (rest > Duration::zero()) sample_all(now, rest);
}

// Events come in runs of one flow: the last one found is nearly always the next.
SeriesRecorder::Flow* SeriesRecorder::flow(std::uint64_t id) {
  const std::uint64_t begun = log_ == nullptr ? 0 : log_->begun();
  if (id == last_id_ && begun == last_begun_ && !flows_.empty()) return &flows_[last_];
  const auto number = log_ == nullptr ? std::optional(id) : log_->number_of(id);
  if (!number) return nullptr;
  const auto [at, fresh] = index_.try_emplace(*number, flows_.size());
  if (fresh) {
    if (flows_.size() == kFlowsMax) {
      index_.erase(at);
      return nullptr;
    }
    const std::uint64_t shown = log_ == nullptr ? flows_.size() : *number;
    const std::string path = parent_ + "/flow" + std::to_string(shown);
    flows_.push_back({.entity = sink_.define_entity({path, "flow"})});
  }
  last_id_ = id;
  last_begun_ = begun;
  last_ = at->second;
  return &flows_[last_];
}

// Steps to the last boundary at or before `now`. What was delivered belongs to the first step; in
// the others nothing happened.
void SeriesRecorder::advance(Instant now) {
  const auto steps = static_cast<std::uint64_t>((now - next_) / every_) + 1;
  sample_all(next_, every_);
  if (steps <= kSilentSteps) {
    for (std::uint64_t step = 1; step < steps; ++step) sample_all(next_ + every_ * step, every_);
  } else {
    sample_all(next_ + every_, every_);
    sample_all(next_ + every_ * (steps - 1), every_);
  }
  next_ += every_ * steps;
}

void SeriesRecorder::sample_all(Instant at, Duration interval) {
  for (Flow& known : flows_) {
    if (known.cwnd_bytes > 0) {
      sink_.sample({at, cwnd_, known.entity, static_cast<double>(known.cwnd_bytes)});
    }
    if (known.srtt > Duration::zero()) {
      sink_.sample({at, srtt_, known.entity, seconds(known.srtt)});
    }
    if (known.delivers) {
      const double bits = 8 * static_cast<double>(known.delivered_bytes);
      sink_.sample({at, rate_, known.entity, bits / seconds(interval)});
      known.delivered_bytes = 0;
    }
  }
}

}  // namespace twinpath::bind
