// Rows a driver records beside what ResultSink offers: what its ports dropped, how its flows went,
// whether the emulation can be trusted, which files it left. Times are model time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "models/base/histogram.h"
#include "models/base/result_sink.h"

namespace twinpath::store {

// Why a frame was dropped: the scenario asked for it, a modelled queue was full, it was malformed,
// memory ran out, or the environment (a real port, the kernel) lost it.
enum class DropCause : std::uint8_t { kAsked, kQueue, kMalformed, kResource, kEnvironment };

struct FlowRow {
  EntityId entity = 0;
  std::string proto;  // "tcp", "udp"
  std::string src;
  std::int64_t src_port = 0;
  std::string dst;
  std::int64_t dst_port = 0;
  std::optional<Instant> first_tx;
  std::optional<Instant> last_rx;
  std::optional<std::int64_t> tx_packets;
  std::optional<std::int64_t> rx_packets;
  std::optional<std::int64_t> tx_bytes;
  std::optional<std::int64_t> rx_bytes;
  std::optional<std::int64_t> lost_packets;
  std::optional<std::int64_t> retransmitted;
  std::string end_reason;
};

struct DropRow {
  EntityId entity = 0;
  std::string reason;  // "loss", "queue_full", "checksum"
  DropCause cause = DropCause::kAsked;
  std::uint64_t packets = 0;
};

// One validity rule of an emulated run, with what was seen and the bound.
struct ValidityRow {
  std::string rule;  // "timer_lag_p999"
  double value = 0;
  double bound = 0;
  std::string unit;
  bool ok = true;
};

// The fingerprint of one port and direction so far, every 10,000 frames.
struct ChunkRow {
  EntityId entity = 0;
  std::int64_t seq = 0;
  Instant at;
  std::string hash;
};

struct ArtifactRow {
  std::string path;
  std::string kind;  // pcap report log stderr
  std::string sha256;
  std::int64_t bytes = 0;
};

// The owned copies of what ResultSink takes by reference; private to the sink and its writer.
struct MetricRow {
  MetricId id = 0;
  std::string name;
  std::string unit;
  std::string help;
  MetricKind kind = MetricKind::kScalar;
  Better better = Better::kNeither;
  MetricClock clock = MetricClock::kModel;
};

struct EntityRow {
  EntityId id = 0;
  std::string path;
  std::string kind;
};

struct ScalarRow {
  Sample total;
  std::uint64_t count = 1;
};

struct HistogramRow {
  MetricId metric = 0;
  EntityId entity = 0;
  std::vector<Histogram::Bucket> buckets;
};

struct EventRow {
  EntityId entity = 0;
  Instant at;
  std::string kind;
  std::string data_json;
};

struct OutcomeRow {
  std::string status;
  std::string error;
  std::string outcome_json;
};

using Row = std::variant<MetricRow, EntityRow, ScalarRow, HistogramRow, EventRow, FlowRow, DropRow,
                         ValidityRow, ChunkRow, ArtifactRow>;

}  // namespace twinpath::store
