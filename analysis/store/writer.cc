// See writer.h. Series are created at their first sample; what does not fit their row cap is
// counted in series.dropped, events beyond the cap in a last event `recorder.left_out`.
#include "analysis/store/writer.h"

#include <cinttypes>
#include <cstdio>

#include "analysis/store/schema.h"
#include "models/base/hash.h"

namespace twinpath::store {
namespace {

constexpr std::string_view kKinds[] = {"scalar", "series", "histogram"};
constexpr std::string_view kBetter[] = {"higher", "lower", "neither"};
constexpr std::string_view kClocks[] = {"model", "wall", "cpu", "none"};
constexpr std::string_view kCauses[] = {"asked", "queue", "malformed", "resource", "environment"};

template <typename Enum, std::size_t N>
std::string_view word(const std::string_view (&words)[N], Enum value) {
  return words[static_cast<std::size_t>(value)];
}

std::int64_t stored(std::uint64_t count) { return static_cast<std::int64_t>(count); }

std::optional<std::int64_t> ns_of(const std::optional<Instant>& at) {
  return at ? std::optional(to_ns(*at)) : std::nullopt;
}

std::optional<std::string_view> text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

// Ids are handed out in order, so row number `id` is the next to be filled.
void remember(std::vector<std::int64_t>& rows, std::uint32_t id, std::int64_t row) {
  if (rows.size() <= id) rows.resize(id + 1, 0);
  rows[id] = row;
}

// What a file of an older format lacks for a run to be written. Its version stays: the Python side
// brings it up to date as a whole.
void upgrade(Database& database) {
  constexpr const char* kHasColumn =
      "SELECT count(*) FROM pragma_table_info('run') WHERE name = 'content_hash'";
  if (Statement(database, kHasColumn).integer() != 0) return;
  database.run("ALTER TABLE run ADD COLUMN content_hash TEXT");
}

}  // namespace

Writer::Writer(Database& database, WriterLimits limits, std::chrono::nanoseconds every)
    : database_(database), limits_(limits), every_(every) {
  database_.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  if (Statement(database_, "SELECT user_version FROM pragma_user_version").integer() != 0) {
    upgrade(database_);
    return;
  }
  database_.run("BEGIN IMMEDIATE");
  database_.run(kSchemaSql);
  database_.run("COMMIT");
}

void Writer::attach(std::int64_t run_id) {
  const auto found = statement("SELECT run_id FROM run WHERE run_id = ?").bind(run_id).integer();
  if (!found) throw StoreError("the database has no run " + std::to_string(run_id));
  run_id_ = run_id;
  // The parent merges this file into the one that counts and syncs that. Here NORMAL is enough: in
  // WAL mode the file is never torn, whatever dies; after a power failure the last commits may be
  // missing, and FULL would pay an fsync per commit for them.
  database_.run("PRAGMA synchronous = NORMAL");
}

void Writer::insert_run(const std::string& run_json) {
  char key[17];
  std::snprintf(key, sizeof key, "%016" PRIx64, hash_text(0, run_json));
  database_.run("BEGIN IMMEDIATE");
  const auto insert = [&](const char* sql) { statement(sql).bind(run_json).bind(key).run(); };
  insert(
      "INSERT INTO build (sha256, version, git_commit, compiler) SELECT ?2, "
      "coalesce(?1 ->> '$.version', ''), ?1 ->> '$.git_commit', ?1 ->> '$.compiler' "
      "WHERE true ON CONFLICT DO NOTHING");
  insert(
      "INSERT INTO machine (sha256, hostname) SELECT ?2, ?1 ->> '$.hostname' "
      "WHERE true ON CONFLICT DO NOTHING");
  insert(
      "INSERT INTO plan (sha256, json) SELECT ?2, coalesce(?1 ->> '$.plan', ?1) "
      "WHERE true ON CONFLICT DO NOTHING");
  insert(
      "INSERT INTO run (run_key, attempt, scenario, params_json, plan_id, driver, seed, build_id, "
      "machine_id, status, started_utc) SELECT ?2, "
      "(SELECT count(*) + 1 FROM run WHERE run_key = ?2), coalesce(?1 ->> '$.scenario', ''), "
      "coalesce(?1 ->> '$.params', '{}'), (SELECT plan_id FROM plan WHERE sha256 = ?2), "
      "coalesce(?1 ->> '$.driver', 'sim'), coalesce(?1 ->> '$.seed', 1), "
      "(SELECT build_id FROM build WHERE sha256 = ?2), "
      "(SELECT machine_id FROM machine WHERE sha256 = ?2), 'running', "
      "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')");
  run_id_ = database_.last_row();
  database_.run("COMMIT");
}

void Writer::write(const Batch& batch) {
  if (batch.empty()) return;
  database_.run("BEGIN IMMEDIATE");
  try {
    put_batch(batch);
    database_.run("COMMIT");
  } catch (...) {
    sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

void Writer::put_batch(const Batch& batch) {
  for (const Row& row : batch.rows) {
    std::visit([this](const auto& typed) { put(typed); }, row);
  }
  for (const Sample& sample : batch.samples) put(sample);
  for (const auto& [key, count] : batch.dropped) series(key.first, key.second).dropped += count;
  events_dropped_ += batch.events_dropped;
  if (!batch.outcome) return;
  put_dropped();
  put(*batch.outcome);
}

void Writer::put(const MetricRow& row) {
  const auto id =
      statement(
          "INSERT INTO metric (name, unit, kind, better, clock, help) VALUES (?,?,?,?,?,?)"
          " ON CONFLICT (name) DO UPDATE SET unit = excluded.unit RETURNING metric_id")
          .bind(row.name)
          .bind(row.unit)
          .bind(word(kKinds, row.kind))
          .bind(word(kBetter, row.better))
          .bind(word(kClocks, row.clock))
          .bind(row.help)
          .integer();
  remember(metric_rows_, row.id, *id);
}

void Writer::put(const EntityRow& row) {
  const auto id = statement(
                      "INSERT INTO entity (run_id, path, kind) VALUES (?,?,?) ON CONFLICT (run_id, "
                      "path) DO UPDATE SET kind = excluded.kind RETURNING entity_id")
                      .bind(run_id_)
                      .bind(row.path)
                      .bind(row.kind)
                      .integer();
  remember(entity_rows_, row.id, *id);
}

void Writer::put(const ScalarRow& row) {
  statement("INSERT OR REPLACE INTO scalar (entity_id, metric_id, value, n) VALUES (?,?,?,?)")
      .bind(entity_row(row.total.entity))
      .bind(metric_row(row.total.metric))
      .bind(row.total.value)
      .bind(stored(row.count))
      .run();
}

void Writer::put(const HistogramRow& row) {
  Statement& insert = statement(
      "INSERT INTO histogram (entity_id, metric_id, lo, hi, count) VALUES (?,?,?,?,?) "
      "ON CONFLICT DO UPDATE SET count = count + excluded.count");
  for (const Histogram::Bucket& bucket : row.buckets) {
    insert.bind(entity_row(row.entity))
        .bind(metric_row(row.metric))
        .bind(static_cast<double>(bucket.lo))
        .bind(static_cast<double>(bucket.hi))
        .bind(stored(bucket.count))
        .run();
  }
}

void Writer::put(const EventRow& row) {
  if (events_ == limits_.events) {
    ++events_dropped_;
    return;
  }
  Statement& insert = statement(
      "INSERT INTO event (run_id, seq, t_ns, entity_id, kind, data_json) VALUES (?,?,?,?,?,?)");
  insert.bind(run_id_).bind(stored(++events_)).bind(to_ns(row.at));
  row.entity == 0 ? insert.bind_null() : insert.bind(entity_row(row.entity));
  insert.bind(row.kind).bind(text_or_null(row.data_json)).run();
}

void Writer::put(const FlowRow& row) {
  statement(
      "INSERT OR REPLACE INTO flow (entity_id, proto, src, src_port, dst, dst_port, first_tx_ns, "
      "last_rx_ns, tx_packets, rx_packets, tx_bytes, rx_bytes, lost_packets, retransmitted, "
      "end_reason) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(entity_row(row.entity))
      .bind(row.proto)
      .bind(text_or_null(row.src))
      .bind(row.src_port)
      .bind(text_or_null(row.dst))
      .bind(row.dst_port)
      .bind(ns_of(row.first_tx))
      .bind(ns_of(row.last_rx))
      .bind(row.tx_packets)
      .bind(row.rx_packets)
      .bind(row.tx_bytes)
      .bind(row.rx_bytes)
      .bind(row.lost_packets)
      .bind(row.retransmitted)
      .bind(text_or_null(row.end_reason))
      .run();
}

void Writer::put(const DropRow& row) {
  statement(
      "INSERT INTO drop_count (entity_id, reason, cause, packets) VALUES (?,?,?,?) "
      "ON CONFLICT DO UPDATE SET packets = packets + excluded.packets")
      .bind(entity_row(row.entity))
      .bind(row.reason)
      .bind(word(kCauses, row.cause))
      .bind(stored(row.packets))
      .run();
}

void Writer::put(const ValidityRow& row) {
  statement(
      "INSERT OR REPLACE INTO validity (run_id, rule, value, bound, unit, ok) VALUES (?,?,?,?,?,?)")
      .bind(run_id_)
      .bind(row.rule)
      .bind(row.value)
      .bind(row.bound)
      .bind(row.unit)
      .bind(std::int64_t{row.ok})
      .run();
}

void Writer::put(const ChunkRow& row) {
  statement("INSERT OR REPLACE INTO chunk (entity_id, seq, t_ns, hash) VALUES (?,?,?,?)")
      .bind(entity_row(row.entity))
      .bind(row.seq)
      .bind(to_ns(row.at))
      .bind(row.hash)
      .run();
}

void Writer::put(const ArtifactRow& row) {
  statement(
      "INSERT OR REPLACE INTO artifact (run_id, path, kind, sha256, bytes) VALUES (?,?,?,?,?)")
      .bind(run_id_)
      .bind(row.path)
      .bind(row.kind)
      .bind(text_or_null(row.sha256))
      .bind(row.bytes)
      .run();
}

void Writer::put(const OutcomeRow& row) {
  statement(
      "UPDATE run SET status = ?1, error = ?2, fingerprint = ?3 ->> '$.fingerprint', "
      "content_hash = ?3 ->> '$.content_hash', "
      "validity = ?3 ->> '$.validity', model_s = ?3 ->> '$.model_s', "
      "frames = ?3 ->> '$.frames', ended_utc = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') "
      "WHERE run_id = ?4")
      .bind(row.status)
      .bind(text_or_null(row.error))
      .bind(row.outcome_json.empty() ? std::string_view("{}") : std::string_view(row.outcome_json))
      .bind(run_id_)
      .run();
}

void Writer::put(const Sample& sample) {
  Series& target = series(sample.entity, sample.metric);
  if (target.samples == limits_.samples_per_series) {
    ++target.dropped;
    return;
  }
  statement("INSERT INTO sample (series_id, seq, t_ns, value) VALUES (?,?,?,?)")
      .bind(target.id)
      .bind(stored(++target.samples))
      .bind(to_ns(sample.at))
      .bind(sample.value)
      .run();
}

void Writer::put_dropped() {
  for (const auto& [key, series] : series_) {
    if (series.dropped == 0) continue;
    statement("UPDATE series SET dropped = ? WHERE series_id = ?")
        .bind(stored(series.dropped))
        .bind(series.id)
        .run();
  }
  if (events_dropped_ == 0) return;
  statement(
      "INSERT INTO event (run_id, seq, t_ns, kind, data_json) SELECT ?1, ?2, max(t_ns), "
      "'recorder.left_out', json_object('events', ?3) FROM event WHERE run_id = ?1")
      .bind(run_id_)
      .bind(stored(events_ + 1))
      .bind(stored(events_dropped_))
      .run();
}

Writer::Series& Writer::series(EntityId entity, MetricId metric) {
  Series& found = series_[(SeriesKey{entity} << 32) | metric];
  if (found.id != 0) return found;
  Statement& insert =
      statement("INSERT INTO series (entity_id, metric_id, every_ns) VALUES (?,?,?)");
  insert.bind(entity_row(entity)).bind(metric_row(metric));
  every_.count() > 0 ? insert.bind(std::int64_t{every_.count()}) : insert.bind_null();
  insert.run();
  found.id = database_.last_row();
  return found;
}

Statement& Writer::statement(const char* sql) {
  auto& slot = statements_[sql];
  if (!slot) slot = std::make_unique<Statement>(database_, sql);
  return *slot;
}

}  // namespace twinpath::store
