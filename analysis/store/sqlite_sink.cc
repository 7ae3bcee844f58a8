// See sqlite_sink.h.
#include "analysis/store/sqlite_sink.h"

#include <utility>

#include "models/base/check.h"

namespace twinpath::store {

SqliteSink::SqliteSink(SqliteSinkOptions options)
    : options_(std::move(options)),
      database_(options_.path, options_.lock_wait),
      writer_(database_, options_.limits, options_.series_every) {
  CHECK(options_.queue_items > 0);
}

SqliteSink::~SqliteSink() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_writer_.notify_one();
  thread_.join();
}

void SqliteSink::begin_run(const RunInfo& run) {
  CHECK(!thread_.joinable());
  if (options_.run_id != 0) {
    writer_.attach(options_.run_id);
  } else {
    writer_.insert_run(std::string(run.run_json));
  }
  thread_ = std::thread([this] { write_until_closed(); });
}

// Definition and queueing under one lock: no other thread can use the id before its row is queued.
MetricId SqliteSink::define_metric(const MetricInfo& metric) {
  std::unique_lock lock(mutex_);
  wait_for_room(lock);
  const auto fresh_id = static_cast<MetricId>(metrics_.size() + 1);
  const auto [at, fresh] = metrics_.try_emplace(std::string(metric.name), fresh_id);
  if (fresh) {
    queue_row(MetricRow{fresh_id, at->first, std::string(metric.unit), std::string(metric.help),
                        metric.kind, metric.better, metric.clock});
  }
  return at->second;
}

// A poller defines entities while it runs, and may not wait: under kDropSample they go beyond the
// queue's bound. Whoever defines them has a bound of its own.
EntityId SqliteSink::define_entity(const EntityInfo& entity) {
  std::unique_lock lock(mutex_);
  options_.overflow == Overflow::kWait ? wait_for_room(lock) : throw_if_failed(lock);
  const auto fresh_id = static_cast<EntityId>(entities_.size() + 1);
  const auto [at, fresh] = entities_.try_emplace(std::string(entity.path), fresh_id);
  if (fresh) queue_row(EntityRow{fresh_id, at->first, std::string(entity.kind)});
  return at->second;
}

void SqliteSink::scalar(const Sample& total, std::uint64_t count) { push(ScalarRow{total, count}); }

void SqliteSink::histogram(MetricId metric, EntityId entity, const Histogram& histogram) {
  push(HistogramRow{metric, entity, histogram.buckets()});
}

void SqliteSink::event(EntityId entity, const EventHeader& header, std::string_view kind,
                       std::string_view data_json) {
  push(EventRow{entity, header.at, std::string(kind), std::string(data_json)});
}

void SqliteSink::offer_event(EventRow row) {
  std::unique_lock lock(mutex_);
  const bool may_wait = options_.overflow == Overflow::kWait;
  const bool full = !may_wait && (failed() || waiting() >= options_.queue_items);
  if (full || events_offered_ + kEventsKept >= options_.limits.events) {
    ++queue_.events_dropped;
    return;
  }
  if (may_wait) wait_for_room(lock);
  ++events_offered_;
  queue_row(std::move(row));
}

void SqliteSink::sample(const Sample& sample) {
  std::unique_lock lock(mutex_);
  if (options_.overflow == Overflow::kDropSample) {
    if (failed() || waiting() >= options_.queue_items) {
      ++queue_.dropped[{sample.entity, sample.metric}];
      return;
    }
  } else {
    wait_for_room(lock);
  }
  queue_.samples.push_back(sample);
  ++handed_over_;
  if (waiting() == options_.queue_items / 2) wake_writer_.notify_one();
}

void SqliteSink::push(Row row) {
  std::unique_lock lock(mutex_);
  wait_for_room(lock);
  queue_row(std::move(row));
}

// Requires: the lock is held and there is room.
void SqliteSink::queue_row(Row row) {
  queue_.rows.push_back(std::move(row));
  ++handed_over_;
  if (waiting() == options_.queue_items / 2) wake_writer_.notify_one();
}

void SqliteSink::end_run(const RunOutcome& outcome) {
  {
    std::unique_lock lock(mutex_);
    throw_if_failed(lock);
    queue_.outcome = OutcomeRow{std::string(outcome.status), std::string(outcome.error),
                                std::string(outcome.outcome_json)};
    ++handed_over_;
  }
  flush();
}

void SqliteSink::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = handed_over_;
  hurry_ = true;
  wake_writer_.notify_one();
  wrote_.wait(lock, [&] { return committed_ >= ticket || failed(); });
  throw_if_failed(lock);
}

void SqliteSink::wait_for_room(std::unique_lock<std::mutex>& lock) {
  if (waiting() >= options_.queue_items) {
    wake_writer_.notify_one();
    wrote_.wait(lock, [this] { return waiting() < options_.queue_items || failed(); });
  }
  throw_if_failed(lock);
}

void SqliteSink::throw_if_failed(std::unique_lock<std::mutex>&) const {
  if (failed()) throw StoreError(error_);
}

void SqliteSink::write_until_closed() {
  std::unique_lock lock(mutex_);
  while (work_or_close(lock)) commit(lock);
  lock.unlock();
  close_database();
}

// Waits for a full half queue, a flush, the end, or the next commit; false when all is written.
bool SqliteSink::work_or_close(std::unique_lock<std::mutex>& lock) {
  wake_writer_.wait_for(lock, options_.commit_every, [this] {
    return closing_ || hurry_ || waiting() >= options_.queue_items / 2;
  });
  return !closing_ || !queue_.empty();
}

// Takes the whole queue and writes it without the lock. After a failure batches are thrown away, so
// that nobody waits for room that will never come.
void SqliteSink::commit(std::unique_lock<std::mutex>& lock) {
  Batch batch = std::exchange(queue_, Batch{});
  const std::uint64_t ticket = handed_over_;
  hurry_ = false;
  const bool writing = !failed();
  lock.unlock();
  std::string error;
  try {
    if (writing) writer_.write(batch);
  } catch (const std::exception& caught) {
    error = caught.what();
  }
  lock.lock();
  if (error.empty() && writing) {
    committed_ = ticket;
  } else if (writing) {
    error_ = std::move(error);
    failed_.store(true, std::memory_order_release);
  }
  wrote_.notify_all();
}

// A copied file must be whole: the log is folded in and WAL switched off. Fails harmlessly when the
// disk is full or a reader holds the file; SQLite then recovers from the log on the next opening.
void SqliteSink::close_database() {
  sqlite3_exec(database_.handle(), "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE",
               nullptr, nullptr, nullptr);
}

}  // namespace twinpath::store
