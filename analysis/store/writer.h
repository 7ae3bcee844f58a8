// Turns batches of rows into transactions. Used by one thread only; the sink feeds it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analysis/store/database.h"
#include "analysis/store/rows.h"

namespace twinpath::store {

struct Batch {
  std::vector<Row> rows;
  std::vector<Sample> samples;
  std::map<std::pair<EntityId, MetricId>, std::uint64_t> dropped;  // samples left out, by series
  std::uint64_t events_dropped = 0;
  std::optional<OutcomeRow> outcome;
  bool empty() const {
    return rows.empty() && samples.empty() && dropped.empty() && events_dropped == 0 && !outcome;
  }
};

struct WriterLimits {
  std::uint64_t samples_per_series = 1'000'000;
  std::uint64_t events = 100'000;
};

class Writer {
 public:
  // Creates the tables when they are missing. `every`: the interval of all series, 0 when unknown.
  Writer(Database& database, WriterLimits limits, std::chrono::nanoseconds every);

  // Continues the run a parent prepared. Throws StoreError when there is no such row.
  void attach(std::int64_t run_id);
  // Inserts build, machine, plan and run from one JSON object; see SqliteSink::begin_run().
  void insert_run(const std::string& run_json);
  // One transaction: all of the batch or nothing of it.
  void write(const Batch& batch);

 private:
  struct Series {
    std::int64_t id = 0;
    std::uint64_t samples = 0;
    std::uint64_t dropped = 0;
  };
  using SeriesKey = std::uint64_t;

  void put(const MetricRow& row);
  void put(const EntityRow& row);
  void put(const ScalarRow& row);
  void put(const HistogramRow& row);
  void put(const EventRow& row);
  void put(const FlowRow& row);
  void put(const DropRow& row);
  void put(const ValidityRow& row);
  void put(const ChunkRow& row);
  void put(const ArtifactRow& row);
  void put(const OutcomeRow& row);
  void put(const Sample& sample);
  void put_batch(const Batch& batch);
  void put_dropped();
  Series& series(EntityId entity, MetricId metric);
  Statement& statement(const char* sql);
  std::int64_t entity_row(EntityId id) const { return entity_rows_.at(id); }
  std::int64_t metric_row(MetricId id) const { return metric_rows_.at(id); }

  Database& database_;
  WriterLimits limits_;
  std::chrono::nanoseconds every_;
  std::int64_t run_id_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t events_dropped_ = 0;
  std::unordered_map<const char*, std::unique_ptr<Statement>> statements_;  // keyed by literal
  std::vector<std::int64_t> entity_rows_{0};                                // by EntityId, from 1
  std::vector<std::int64_t> metric_rows_{0};
  std::unordered_map<SeriesKey, Series> series_;
};

}  // namespace twinpath::store
