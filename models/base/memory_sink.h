// A ResultSink that keeps everything in memory, for tests and for tools that print.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/base/result_sink.h"

namespace twinpath {

class MemorySink final : public ResultSink {
 public:
  void begin_run(const RunInfo& run) override { run_json = run.run_json; }
  MetricId define_metric(const MetricInfo& metric) override { return id_of(metrics, metric.name); }
  EntityId define_entity(const EntityInfo& entity) override { return id_of(entities, entity.path); }
  void scalar(const Sample& total, std::uint64_t count) override {
    scalars[{total.entity, total.metric}] = {total.value, count};
  }
  void histogram(MetricId metric, EntityId entity, const Histogram& histogram) override {
    histograms[{entity, metric}].merge(histogram);
  }
  void sample(const Sample& sample) override { samples.push_back(sample); }
  void event(EntityId, const EventHeader& header, std::string_view kind,
             std::string_view) override {
    events.emplace_back(std::string(kind), header);
  }
  void end_run(const RunOutcome& outcome) override { status = outcome.status; }

  // The value of one scalar; nothing when it was not reported.
  [[nodiscard]] std::optional<double> find(const MetricInfo& metric, std::string_view path) const {
    for (const auto& [key, value] : scalars) {
      if (entities[key.first] == path && metrics[key.second] == metric.name) return value.first;
    }
    return std::nullopt;
  }

  std::string run_json;
  std::string status;
  std::vector<std::string> metrics;
  std::vector<std::string> entities;
  std::map<std::pair<EntityId, MetricId>, std::pair<double, std::uint64_t>> scalars;
  std::map<std::pair<EntityId, MetricId>, Histogram> histograms;
  std::vector<Sample> samples;
  std::vector<std::pair<std::string, EventHeader>> events;

 private:
  static std::uint32_t id_of(std::vector<std::string>& names, std::string_view name) {
    for (std::size_t index = 0; index < names.size(); ++index) {
      if (names[index] == name) return static_cast<std::uint32_t>(index);
    }
    names.emplace_back(name);
    return static_cast<std::uint32_t>(names.size() - 1);
  }
};

}  // namespace twinpath
