// The ResultSink that writes SQLite. What a model hands over goes into a bounded queue; one thread
// of the sink's own writes it in transactions, so a simulation waits only when the disk cannot keep
// up and a poller never does. Crash-safe: WAL with synchronous FULL while writing, one whole file
// at close; a run prepared by a parent is written with NORMAL (see analysis/README.md).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "analysis/store/database.h"
#include "analysis/store/rows.h"
#include "analysis/store/writer.h"

namespace twinpath::store {

// What happens to a series sample when the queue is full. Entities are then queued beyond its bound
// under kDropSample; all other rows always wait.
enum class Overflow : std::uint8_t {
  kWait,        // sim: model time stands still anyway
  kDropSample,  // emu: counted in series.dropped
};

struct SqliteSinkOptions {
  std::string path;
  std::int64_t run_id = 0;  // a run prepared by a parent; 0: begin_run() inserts one
  Overflow overflow = Overflow::kWait;
  std::size_t queue_items = 65536;  // rows and samples waiting to be written
  std::chrono::milliseconds commit_every{100};
  std::chrono::milliseconds lock_wait{5000};
  std::chrono::nanoseconds series_every{0};  // stored with each series; 0 when unknown
  WriterLimits limits{};
};

// Every call may throw StoreError once recording has failed, except sample() under kDropSample,
// which then drops. Calls are safe from several threads.
class SqliteSink final : public ResultSink {
 public:
  // Opens the file and creates the tables. Throws StoreError.
  explicit SqliteSink(SqliteSinkOptions options);
  SqliteSink(const SqliteSink&) = delete;
  SqliteSink& operator=(const SqliteSink&) = delete;
  // Writes what is left and closes; errors were reported by end_run() or flush().
  ~SqliteSink() override;

  // With options.run_id the prepared row is used and `run_json` ignored. Else keys of `run_json`:
  // scenario, driver, seed, params, plan, version, git_commit, compiler, hostname; all optional.
  void begin_run(const RunInfo& run) override;
  MetricId define_metric(const MetricInfo& metric) override;
  EntityId define_entity(const EntityInfo& entity) override;
  void scalar(const Sample& total, std::uint64_t count) override;
  void histogram(MetricId metric, EntityId entity, const Histogram& histogram) override;
  void sample(const Sample& sample) override;
  void event(EntityId entity, const EventHeader& header, std::string_view kind,
             std::string_view data_json) override;
  // Returns when everything is committed. Keys of outcome_json: fingerprint, content_hash,
  // validity, model_s, frames.
  void end_run(const RunOutcome& outcome) override;

  // An event that may be left out, and is then counted in the run's last event,
  // `recorder.left_out`: behind kEventsKept of the limit, or under kDropSample a full queue.
  void offer_event(EventRow row);
  void flow(const FlowRow& row) { push(row); }
  void drops(const DropRow& row) { push(row); }
  void validity(const ValidityRow& row) { push(row); }
  void chunk(const ChunkRow& row) { push(row); }
  void artifact(const ArtifactRow& row) { push(row); }

  // Ensures: everything handed over before the call is committed, else StoreError.
  void flush();
  bool failed() const { return failed_.load(std::memory_order_acquire); }

 private:
  static constexpr std::uint64_t kEventsKept = 10'000;  // rows for event(), of limits.events

  void push(Row row);
  void queue_row(Row row);
  void wait_for_room(std::unique_lock<std::mutex>& lock);
  void throw_if_failed(std::unique_lock<std::mutex>& lock) const;
  std::size_t waiting() const { return queue_.rows.size() + queue_.samples.size(); }
  void write_until_closed();
  bool work_or_close(std::unique_lock<std::mutex>& lock);
  void commit(std::unique_lock<std::mutex>& lock);
  void close_database();

  const SqliteSinkOptions options_;
  Database database_;  // touched by the writing thread only, once it runs
  Writer writer_;

  mutable std::mutex mutex_;
  std::condition_variable wake_writer_;
  std::condition_variable wrote_;
  Batch queue_;
  std::uint64_t handed_over_ = 0;  // flush() tickets
  std::uint64_t events_offered_ = 0;
  std::uint64_t committed_ = 0;
  bool hurry_ = false;
  bool closing_ = false;
  std::string error_;
  std::atomic<bool> failed_{false};
  std::unordered_map<std::string, MetricId> metrics_;
  std::unordered_map<std::string, EntityId> entities_;

  std::thread thread_;  // last: starts when everything above is ready
};

}  // namespace twinpath::store
