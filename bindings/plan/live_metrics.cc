// See live_metrics.h.
#include "bindings/plan/live_metrics.h"

#include <algorithm>

namespace twinpath::bind {

MetricId LiveMetrics::define_metric(const MetricInfo& metric) {
  const auto at = std::find_if(metrics_.begin(), metrics_.end(),
                               [&](const Metric& known) { return known.name == metric.name; });
  if (at != metrics_.end()) return static_cast<MetricId>(at - metrics_.begin());
  metrics_.push_back({std::string(metric.name), std::string(metric.unit)});
  return static_cast<MetricId>(metrics_.size() - 1);
}

EntityId LiveMetrics::define_entity(const EntityInfo& entity) {
  const auto at = std::find(entities_.begin(), entities_.end(), entity.path);
  if (at != entities_.end()) return static_cast<EntityId>(at - entities_.begin());
  entities_.emplace_back(entity.path);
  return static_cast<EntityId>(entities_.size() - 1);
}

void LiveMetrics::put(const Sample& sample) {
  const Metric& metric = metrics_.at(sample.metric);
  values_[entities_.at(sample.entity) + "." + metric.name] = {sample.value, metric.unit};
}

}  // namespace twinpath::bind
