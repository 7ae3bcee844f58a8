// Where a run's numbers go: memory in tests, SQLite in runs (analysis/store). Models see only this.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "models/base/event.h"
#include "models/base/histogram.h"
#include "models/base/time.h"

namespace twinpath {

using MetricId = std::uint32_t;
using EntityId = std::uint32_t;

enum class MetricKind : std::uint8_t { kScalar, kSeries, kHistogram };
enum class Better : std::uint8_t { kHigher, kLower, kNeither };
enum class MetricClock : std::uint8_t { kModel, kWall, kCpu, kNone };

struct MetricInfo {
  std::string_view name;  // ends in its unit: goodput_bps
  std::string_view unit;
  MetricKind kind = MetricKind::kScalar;
  Better better = Better::kNeither;
  MetricClock clock = MetricClock::kModel;
  std::string_view help;
};

// Kinds of entity: host port link flow core nf queue tenant run app.
struct EntityInfo {
  std::string_view path;  // "client/app0/flow3"; the same under both drivers
  std::string_view kind;
};

struct Sample {
  Instant at;
  MetricId metric = 0;
  EntityId entity = 0;
  double value = 0;
};

struct RunInfo {
  std::string_view run_json;  // everything the run table holds, as one JSON object
};

struct RunOutcome {
  std::string_view status;  // done failed interrupted timeout
  std::string_view error;
  std::string_view outcome_json;  // fingerprint, model_s, frames and the like
};

class ResultSink {
 public:
  virtual ~ResultSink() = default;
  virtual void begin_run(const RunInfo& run) = 0;
  // Idempotent by name.
  virtual MetricId define_metric(const MetricInfo& metric) = 0;
  // Idempotent by path.
  virtual EntityId define_entity(const EntityInfo& entity) = 0;
  // `value` over `count` observations.
  virtual void scalar(const Sample& total, std::uint64_t count) = 0;
  virtual void histogram(MetricId metric, EntityId entity, const Histogram& histogram) = 0;
  virtual void sample(const Sample& sample) = 0;
  // `data_json` is the typed part in words.
  virtual void event(EntityId entity, const EventHeader& header, std::string_view kind,
                     std::string_view data_json) = 0;
  virtual void end_run(const RunOutcome& outcome) = 0;
};

}  // namespace twinpath
