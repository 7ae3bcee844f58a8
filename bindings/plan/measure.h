// What of a run counts: after the warm-up, within the window, and only the metrics asked for. The
// same under both drivers: what hosts and applications report is taken twice, when the window opens
// and when it closes, and the difference is recorded; no application knows of it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bindings/plan/plan.h"
#include "models/base/result_sink.h"

namespace twinpath::bind {

// Passes on the metrics a plan asks for, and samples of its window. `failures` and `verify_errors`
// always pass: a run that went wrong must say so.
class MetricFilter final : public ResultSink {
 public:
  MetricFilter(const MeasurePlan& plan, ResultSink& sink);
  void begin_run(const RunInfo& run) override { sink_.begin_run(run); }
  MetricId define_metric(const MetricInfo& metric) override;
  EntityId define_entity(const EntityInfo& entity) override { return sink_.define_entity(entity); }
  void scalar(const Sample& total, std::uint64_t count) override;
  void histogram(MetricId metric, EntityId entity, const Histogram& histogram) override;
  void sample(const Sample& sample) override;
  void event(EntityId entity, const EventHeader& header, std::string_view kind,
             std::string_view data_json) override {
    sink_.event(entity, header, kind, data_json);
  }
  void end_run(const RunOutcome& outcome) override { sink_.end_run(outcome); }

 private:
  const MeasurePlan& plan_;
  ResultSink& sink_;
};

// Everything that was reported at one moment.
class Snapshot final : public ResultSink {
 public:
  struct Entity {
    std::string path;
    std::string kind;
  };
  struct Value {
    double value = 0;
    std::uint64_t count = 0;
  };
  struct Event {
    EntityId entity;
    EventHeader header;
    std::string kind;
    std::string data_json;
  };
  using Key = std::pair<std::string, std::string>;  // path of the entity, name of the metric

  void begin_run(const RunInfo&) override {}
  MetricId define_metric(const MetricInfo& metric) override;
  EntityId define_entity(const EntityInfo& entity) override;
  void scalar(const Sample& total, std::uint64_t count) override;
  void histogram(MetricId metric, EntityId entity, const Histogram& histogram) override;
  void sample(const Sample&) override {}
  void event(EntityId entity, const EventHeader& header, std::string_view kind,
             std::string_view data_json) override;
  void end_run(const RunOutcome&) override {}

  std::map<std::string, MetricInfo, std::less<>> metrics;  // texts of static life
  std::vector<Entity> entities;
  std::map<Key, Value> scalars;
  std::map<Key, Histogram> histograms;
  std::vector<Event> events;

 private:
  [[nodiscard]] Key key_of(EntityId entity, MetricId metric) const {
    return {entities[entity].path, names_[metric]};
  }
  std::vector<std::string> names_;
  std::map<std::string, MetricId, std::less<>> metric_ids_;
  std::map<std::string, EntityId, std::less<>> entity_ids_;
};

class Measurement {
 public:
  // Reports all there is at this moment: hosts and applications.
  using Export = std::function<void(ResultSink&)>;
  Measurement(const MeasurePlan& plan, ResultSink& sink, Export everything);
  Measurement(const Measurement&) = delete;
  Measurement& operator=(const Measurement&) = delete;

  // Where series and what is measured over the whole run go.
  [[nodiscard]] ResultSink& sink() { return filter_; }
  // False: the run is measured as a whole.
  [[nodiscard]] bool has_window() const { return has_window_; }
  [[nodiscard]] Instant opens() const { return opens_; }
  [[nodiscard]] Instant closes() const { return closes_; }
  // Takes what is due. Cheap when nothing is.
  void at(Instant now) {
    if (now >= next_) step(now);
  }
  // The figures, at the end of the run.
  void record(Instant now);

 private:
  void step(Instant now);
  void record_window();
  void record_scalar(const Snapshot::Key& key, const Snapshot::Value& end, EntityId entity);
  void record_rates(const std::string& path, EntityId entity);
  void record_latency(const Snapshot::Key& key, Histogram values, EntityId entity);
  [[nodiscard]] double difference(const std::string& path, std::string_view metric) const;
  void put(const MetricInfo& metric, EntityId entity, const Snapshot::Value& value);

  MetricFilter filter_;
  Export everything_;
  bool has_window_;
  Instant opens_;
  Instant closes_;
  Instant next_;
  Instant opened_ = kNever;  // when begin_ was taken
  Instant closed_ = kNever;
  Snapshot begin_;
  Snapshot end_;
};

}  // namespace twinpath::bind
