// What a session reads while its run goes on: the last value of every metric, "ENTITY.METRIC".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/base/result_sink.h"

namespace twinpath::bind {

class LiveMetrics final : public ResultSink {
 public:
  struct Value {
    double value = 0;
    std::string unit;
  };

  void begin_run(const RunInfo&) override {}
  MetricId define_metric(const MetricInfo& metric) override;
  EntityId define_entity(const EntityInfo& entity) override;
  void scalar(const Sample& total, std::uint64_t) override { put(total); }
  void histogram(MetricId, EntityId, const Histogram&) override {}
  void sample(const Sample& sample) override { put(sample); }
  void event(EntityId, const EventHeader&, std::string_view, std::string_view) override {}
  void end_run(const RunOutcome&) override {}

  [[nodiscard]] const std::map<std::string, Value>& values() const { return values_; }

 private:
  struct Metric {
    std::string name;
    std::string unit;
  };
  void put(const Sample& sample);

  std::vector<Metric> metrics_;
  std::vector<std::string> entities_;
  std::map<std::string, Value> values_;
};

}  // namespace twinpath::bind
