// Counts and bytes are subtracted, histograms too; rates are counts of the window over its length,
// percentiles those of the window's histogram.
#include "bindings/plan/measure.h"

#include <algorithm>
#include <array>

#include "models/app/metrics.h"

namespace twinpath::bind {
namespace {

constexpr MetricId kLeftOut = ~MetricId{0};

bool is_asked(const MeasurePlan& plan, std::string_view name) {
  if (plan.metrics.empty() || name == metric::kFailures.name || name == metric::kVerifyErrors.name)
    return true;
  return std::find(plan.metrics.begin(), plan.metrics.end(), name) != plan.metrics.end();
}

// A rate of the window and what it is the rate of.
struct Rate {
  const MetricInfo& rate;
  const MetricInfo& of;
  double factor;
};
constexpr std::array kRates{Rate{metric::kGoodput, metric::kBytes, 8},
                            Rate{metric::kThroughput, metric::kSentBytes, 8},
                            Rate{metric::kRequestRate, metric::kRequests, 1}};

bool is_computed_anew(std::string_view name) {
  const bool is_rate = std::any_of(kRates.begin(), kRates.end(),
                                   [name](const Rate& rate) { return rate.rate.name == name; });
  return is_rate || name == metric::kLatencyP50.name || name == metric::kLatencyP99.name;
}

}  // namespace

MetricFilter::MetricFilter(const MeasurePlan& plan, ResultSink& sink) : plan_(plan), sink_(sink) {}

MetricId MetricFilter::define_metric(const MetricInfo& metric) {
  return is_asked(plan_, metric.name) ? sink_.define_metric(metric) : kLeftOut;
}

void MetricFilter::scalar(const Sample& total, std::uint64_t count) {
  if (total.metric != kLeftOut) sink_.scalar(total, count);
}

void MetricFilter::histogram(MetricId metric, EntityId entity, const Histogram& histogram) {
  if (metric != kLeftOut) sink_.histogram(metric, entity, histogram);
}

void MetricFilter::sample(const Sample& sample) {
  const Instant opens = kStart + plan_.warmup;
  const bool early = plan_.warmup > Duration::zero() && sample.at <= opens;
  const bool late = plan_.window && sample.at > opens + *plan_.window;
  if (sample.metric != kLeftOut && !early && !late) sink_.sample(sample);
}

MetricId Snapshot::define_metric(const MetricInfo& metric) {
  const auto fresh_id = static_cast<MetricId>(names_.size());
  const auto [at, fresh] = metric_ids_.try_emplace(std::string(metric.name), fresh_id);
  if (fresh) {
    names_.emplace_back(metric.name);
    metrics.emplace(metric.name, metric);
  }
  return at->second;
}

EntityId Snapshot::define_entity(const EntityInfo& entity) {
  const auto fresh_id = static_cast<EntityId>(entities.size());
  const auto [at, fresh] = entity_ids_.try_emplace(std::string(entity.path), fresh_id);
  if (fresh) entities.push_back({std::string(entity.path), std::string(entity.kind)});
  return at->second;
}

void Snapshot::scalar(const Sample& total, std::uint64_t count) {
  scalars[key_of(total.entity, total.metric)] = {total.value, count};
}

void Snapshot::histogram(MetricId metric, EntityId entity, const Histogram& histogram) {
  histograms[key_of(entity, metric)].merge(histogram);
}

void Snapshot::event(EntityId entity, const EventHeader& header, std::string_view kind,
                     std::string_view data_json) {
  events.push_back({entity, header, std::string(kind), std::string(data_json)});
}

Measurement::Measurement(const MeasurePlan& plan, ResultSink& sink, Export everything)
    : filter_(plan, sink),
      everything_(std::move(everything)),
      has_window_(plan.warmup > Duration::zero() || plan.window),
      opens_(kStart + plan.warmup),
      closes_(plan.window ? opens_ + *plan.window : kNever),
      next_(has_window_ ? opens_ : kNever) {
  if (plan.warmup > Duration::zero()) return;
  opened_ = opens_;  // nothing was reported before the start
  next_ = closes_;
}

void Measurement::step(Instant now) {
  if (opened_ == kNever) {
    opened_ = now;
    next_ = closes_;
    everything_(begin_);
  } else {
    closed_ = now;
    next_ = kNever;
    everything_(end_);
  }
}

void Measurement::record(Instant now) {
  if (!has_window_) return everything_(filter_);
  // Failures are no figures: one outside the window is named as well.
  Snapshot last;
  everything_(last);
  for (const Snapshot::Event& event : last.events) {
    const Snapshot::Entity& entity = last.entities[event.entity];
    filter_.event(filter_.define_entity({entity.path, entity.kind}), event.header, event.kind,
                  event.data_json);
  }
  if (opened_ == kNever) {
    AppReport(filter_, "run", "run").problem("the run ended before its warm-up was over");
    return;
  }
  if (closed_ == kNever) {
    closed_ = now;
    end_ = std::move(last);
  }
  record_window();
}

void Measurement::record_window() {
  std::map<std::string, EntityId> ids;
  for (const Snapshot::Entity& entity : end_.entities) {
    ids[entity.path] = filter_.define_entity({entity.path, entity.kind});
  }
  for (const auto& [key, value] : end_.scalars) record_scalar(key, value, ids.at(key.first));
  for (const auto& [path, id] : ids) record_rates(path, id);
  for (const auto& [key, values] : end_.histograms) {
    record_latency(key, values, ids.at(key.first));
  }
}

void Measurement::record_scalar(const Snapshot::Key& key, const Snapshot::Value& end,
                                EntityId entity) {
  const MetricInfo& metric = end_.metrics.find(key.second)->second;
  if (is_computed_anew(metric.name)) return;
  const auto found = begin_.scalars.find(key);
  const bool was_there = found != begin_.scalars.end();
  const Snapshot::Value begin = was_there ? found->second : Snapshot::Value{};
  if (metric.unit == "fraction") {
    if (end.count <= begin.count) return;
    const std::uint64_t count = end.count - begin.count;
    const double part =
        end.value * static_cast<double>(end.count) - begin.value * static_cast<double>(begin.count);
    put(metric, entity, {std::max(0.0, part / static_cast<double>(count)), count});
  } else if (metric.unit == "s") {
    // A duration counts where it ends; a gauge is as it is when the window closes.
    const bool ended_before = was_there && begin.value == end.value;
    if (metric.name == metric::kSrtt.name || !ended_before) put(metric, entity, end);
  } else {
    put(metric, entity, {end.value - begin.value, end.count});
  }
}

void Measurement::record_rates(const std::string& path, EntityId entity) {
  const double seconds = to_seconds(closed_ - opened_);
  if (seconds <= 0) return;
  for (const Rate& rate : kRates) {
    if (!end_.scalars.contains({path, std::string(rate.of.name)})) continue;
    put(rate.rate, entity, {difference(path, rate.of.name) * rate.factor / seconds, 1});
  }
}

void Measurement::record_latency(const Snapshot::Key& key, Histogram values, EntityId entity) {
  const auto found = begin_.histograms.find(key);
  if (found != begin_.histograms.end()) values.subtract(found->second);
  if (values.count() == 0) return;
  const MetricInfo& metric = end_.metrics.find(key.second)->second;
  filter_.histogram(filter_.define_metric(metric), entity, values);
  if (metric.name != metric::kLatency.name) return;
  const auto at = [&](double rank) { return static_cast<double>(values.quantile(rank)) / 1e9; };
  put(metric::kLatencyP50, entity, {at(0.5), values.count()});
  put(metric::kLatencyP99, entity, {at(0.99), values.count()});
}

double Measurement::difference(const std::string& path, std::string_view metric) const {
  const Snapshot::Key key{path, std::string(metric)};
  const auto begin = begin_.scalars.find(key);
  const auto end = end_.scalars.find(key);
  return end->second.value - (begin == begin_.scalars.end() ? 0 : begin->second.value);
}

void Measurement::put(const MetricInfo& metric, EntityId entity, const Snapshot::Value& value) {
  filter_.scalar({Instant(), filter_.define_metric(metric), entity, value.value}, value.count);
}

}  // namespace twinpath::bind
