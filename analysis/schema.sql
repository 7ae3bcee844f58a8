-- The result database of Twinpath, one truth for the C++ sink and the Python reader.
-- Units: *_ns INTEGER nanoseconds of model time since the run began; *_s REAL seconds; *_utc ISO-8601
-- text; sizes bytes; rates bit/s; fractions 0..1. Tables are added when they get a writer.
-- Every statement can be run again on a database that already has it.
PRAGMA application_id = 1414025265;  -- "TWP1"
PRAGMA user_version = 4;

CREATE TABLE IF NOT EXISTS study (
  study_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  spec_json TEXT NOT NULL) STRICT;  -- what was asked for, and the runs it planned

CREATE TABLE IF NOT EXISTS build (
  build_id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, version TEXT NOT NULL, git_commit TEXT,
  git_dirty INTEGER, compiler TEXT, flags TEXT, libs_json TEXT) STRICT;

CREATE TABLE IF NOT EXISTS machine (
  machine_id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, hostname TEXT, cpu TEXT,
  cores INTEGER, kernel TEXT, detail_json TEXT) STRICT;

CREATE TABLE IF NOT EXISTS profile (  -- what CPU time costs in a simulation
  profile_id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('contract', 'calibrated', 'constant')),
  machine_id INTEGER REFERENCES machine,  -- where it was measured; NULL: nowhere
  body_json TEXT NOT NULL, measured_utc TEXT) STRICT;

CREATE TABLE IF NOT EXISTS testbed (
  testbed_id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, name TEXT NOT NULL, toml TEXT) STRICT;

CREATE TABLE IF NOT EXISTS testbed_check (  -- the newest of a test-bed counts until it expires
  check_id INTEGER PRIMARY KEY, testbed_id INTEGER NOT NULL REFERENCES testbed, machine TEXT,
  checked_utc TEXT NOT NULL, expires_utc TEXT NOT NULL, ok INTEGER NOT NULL,
  body_json TEXT NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS plan (
  plan_id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, json TEXT NOT NULL, source TEXT) STRICT;

CREATE TABLE IF NOT EXISTS run (
  run_id INTEGER PRIMARY KEY,
  run_key TEXT NOT NULL,            -- sha256 of plan, driver, seed, profile, testbed, build
  attempt INTEGER NOT NULL,         -- an equal run again is a new attempt, never doubled rows
  study_id INTEGER REFERENCES study,  -- the study that made it; NULL: a run of its own
  scenario TEXT NOT NULL, params_json TEXT NOT NULL,
  plan_id INTEGER NOT NULL REFERENCES plan,
  driver TEXT NOT NULL CHECK (driver IN ('sim', 'emu', 'bridge')),
  seed INTEGER NOT NULL,            -- the 64 bits of an unsigned seed, read as signed
  profile_id INTEGER REFERENCES profile,  -- NULL: CPU time is free, or real
  testbed_id INTEGER REFERENCES testbed,
  build_id INTEGER NOT NULL REFERENCES build, machine_id INTEGER NOT NULL REFERENCES machine,
  status TEXT NOT NULL CHECK (status IN ('running', 'done', 'failed', 'interrupted', 'timeout')),
  error TEXT,
  validity TEXT CHECK (validity IN ('valid', 'suspect', 'invalid')),  -- NULL: sim
  fingerprint TEXT,
  content_hash TEXT,                -- what was delivered, without times: equal in sim and emu
  model_s REAL, wall_s REAL, cpu_s REAL, frames INTEGER, max_rss_bytes INTEGER,
  started_utc TEXT NOT NULL, ended_utc TEXT, command TEXT,
  UNIQUE (run_key, attempt)) STRICT;

CREATE TABLE IF NOT EXISTS param (
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, name TEXT NOT NULL,
  num REAL, text TEXT, unit TEXT, PRIMARY KEY (run_id, name)) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS metric (
  metric_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, unit TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('scalar', 'series', 'histogram')),
  better TEXT NOT NULL CHECK (better IN ('higher', 'lower', 'neither')),
  clock TEXT NOT NULL CHECK (clock IN ('model', 'wall', 'cpu', 'none')), help TEXT) STRICT;

CREATE TABLE IF NOT EXISTS entity (
  entity_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
  path TEXT NOT NULL,               -- "client/app0/flow0"; same in sim and emu: compare joins by it
  kind TEXT NOT NULL, UNIQUE (run_id, path)) STRICT;

CREATE TABLE IF NOT EXISTS scalar (
  entity_id INTEGER NOT NULL REFERENCES entity ON DELETE CASCADE,
  metric_id INTEGER NOT NULL REFERENCES metric, value REAL, n INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (entity_id, metric_id)) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS series (
  series_id INTEGER PRIMARY KEY, entity_id INTEGER NOT NULL REFERENCES entity ON DELETE CASCADE,
  metric_id INTEGER NOT NULL REFERENCES metric, every_ns INTEGER,
  dropped INTEGER NOT NULL DEFAULT 0,  -- samples left out: the row cap, or a full queue in emu
  UNIQUE (entity_id, metric_id)) STRICT;

CREATE TABLE IF NOT EXISTS sample (
  series_id INTEGER NOT NULL REFERENCES series ON DELETE CASCADE, seq INTEGER NOT NULL,
  t_ns INTEGER NOT NULL, value REAL,
  PRIMARY KEY (series_id, seq)) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS histogram (
  entity_id INTEGER NOT NULL REFERENCES entity ON DELETE CASCADE,
  metric_id INTEGER NOT NULL REFERENCES metric, lo REAL NOT NULL, hi REAL NOT NULL,
  count INTEGER NOT NULL, PRIMARY KEY (entity_id, metric_id, lo)) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS flow (
  entity_id INTEGER PRIMARY KEY REFERENCES entity ON DELETE CASCADE, proto TEXT NOT NULL,
  src TEXT, src_port INTEGER, dst TEXT, dst_port INTEGER, first_tx_ns INTEGER, last_rx_ns INTEGER,
  tx_packets INTEGER, rx_packets INTEGER, tx_bytes INTEGER, rx_bytes INTEGER,
  lost_packets INTEGER, retransmitted INTEGER, end_reason TEXT) STRICT;

CREATE TABLE IF NOT EXISTS event (
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, seq INTEGER NOT NULL,
  t_ns INTEGER NOT NULL, entity_id INTEGER REFERENCES entity, kind TEXT NOT NULL,
  data_json TEXT, PRIMARY KEY (run_id, seq)) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS drop_count (
  entity_id INTEGER NOT NULL REFERENCES entity ON DELETE CASCADE, reason TEXT NOT NULL,
  cause TEXT NOT NULL CHECK (cause IN ('asked', 'queue', 'malformed', 'resource', 'environment')),
  packets INTEGER NOT NULL, PRIMARY KEY (entity_id, reason)) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS validity (
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, rule TEXT NOT NULL, value REAL,
  bound REAL, unit TEXT, ok INTEGER NOT NULL, PRIMARY KEY (run_id, rule)) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS chunk (
  entity_id INTEGER NOT NULL REFERENCES entity ON DELETE CASCADE, seq INTEGER NOT NULL,
  t_ns INTEGER NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (entity_id, seq)) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS artifact (
  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, path TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('pcap', 'report', 'log', 'stderr')), sha256 TEXT,
  bytes INTEGER, PRIMARY KEY (run_id, path)) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS comparison (
  comparison_id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('sim-emu', 'baseline', 'paired')),
  metric_id INTEGER NOT NULL REFERENCES metric, entity_path TEXT NOT NULL, case_key TEXT NOT NULL,
  a REAL, b REAL, rel REAL, lo REAL, hi REAL, n INTEGER NOT NULL, bound REAL,
  verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'no-verdict', 'info')),
  UNIQUE (kind, metric_id, entity_path, case_key)) STRICT;

-- Long form of finished runs: one row per run, entity and scalar metric.
CREATE VIEW IF NOT EXISTS result AS
  SELECT run.run_id, run.scenario, run.driver, run.seed, run.validity, run.params_json,
         entity.path AS entity, entity.kind, metric.name AS metric, metric.unit, metric.better,
         scalar.value, scalar.n
  FROM run JOIN entity USING (run_id) JOIN scalar USING (entity_id) JOIN metric USING (metric_id)
  WHERE run.status = 'done';

-- The three tables of ns-3's statistics framework, for scripts written against them.
CREATE VIEW IF NOT EXISTS Experiments AS
  SELECT CAST(run_id AS TEXT) AS run, scenario AS experiment, driver AS strategy,
         params_json AS input, 'seed ' || seed || ', ' || status AS description FROM run;

CREATE VIEW IF NOT EXISTS Metadata AS
  SELECT CAST(run_id AS TEXT) AS run, name AS key, coalesce(text, CAST(num AS TEXT)) AS value
  FROM param;

CREATE VIEW IF NOT EXISTS Singletons AS
  SELECT CAST(run_id AS TEXT) AS run, entity.path AS name, metric.name AS variable, scalar.value
  FROM entity JOIN scalar USING (entity_id) JOIN metric USING (metric_id);
