// See record.h.
#include "bindings/plan/record.h"

#include <fstream>
#include <optional>
#include <span>
#include <vector>

#include "models/app/sha256.h"
#include "models/host/frame_dropped.h"

namespace twinpath::bind {
namespace {

using store::DropCause;

constexpr std::size_t kReadBytes = 1 << 16;
constexpr MetricInfo kFlowsLeftOut{"flows_left_out",    "",
                                   MetricKind::kScalar, Better::kLower,
                                   MetricClock::kNone,  "flows beyond those a host lists"};

constexpr MetricInfo kMarkedFrames{"marked_frames",     "",
                                   MetricKind::kScalar, Better::kNeither,
                                   MetricClock::kNone,  "frames a link marked congested"};

std::optional<Instant> if_ever(Instant at) {
  return at == kNever ? std::nullopt : std::optional(at);
}

store::FlowRow row_of(store::SqliteSink& sink, const FlowRecord& record,
                      const std::string& parent) {
  const TcpFlow& flow = record.flow;
  const bool is_tcp = record.protocol == FlowProtocol::kTcp;
  const std::string path = parent + "/flow" + std::to_string(record.number);
  const auto count = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  store::FlowRow row;
  row.entity = sink.define_entity({path, "flow"});
  row.proto = is_tcp ? "tcp" : "udp";
  row.src = flow.local.address.to_string();
  row.src_port = flow.local.port;
  row.dst = flow.remote.address.to_string();
  row.dst_port = flow.remote.port;
  row.first_tx = if_ever(flow.first_tx);
  row.last_rx = if_ever(flow.last_rx);
  row.tx_packets = count(flow.tx_packets);
  row.rx_packets = count(flow.rx_packets);
  row.tx_bytes = count(flow.tx_bytes);
  row.rx_bytes = count(flow.rx_bytes);
  row.lost_packets = count(flow.lost_packets);
  if (is_tcp) row.retransmitted = count(flow.retransmitted);
  if (is_tcp) row.end_reason = name(flow.end);
  return row;
}

DropCause cause_of(DropReason reason) {
  switch (reason) {
    case DropReason::kNoBuffer:
    case DropReason::kRateLimited:
      return DropCause::kResource;
    case DropReason::kQueueFull:
    case DropReason::kNoNeighbour:
      return DropCause::kQueue;
    default:
      return DropCause::kMalformed;
  }
}

}  // namespace

void DropRows::add(std::string_view reason, DropCause cause, std::uint64_t packets) const {
  if (packets > 0) sink_.drops({entity_, std::string(reason), cause, packets});
}

void record_host_drops(store::SqliteSink& sink, AppHost& host) {
  const DropRows rows(sink, {host.ip().config().name, "host"});
  for (std::size_t index = 0; index < kDropReasons; ++index) {
    const auto reason = static_cast<DropReason>(index);
    rows.add(name(reason), cause_of(reason),
             host.ip().counters().drops(reason) + host.ip().tcp().counters().drops[index]);
  }
}

ContentHash record_flows(store::SqliteSink& sink, AppHost& host, const std::string& parent) {
  const FlowTotals flows = host.ip().flows();
  for (const FlowRecord& record : flows.rows) sink.flow(row_of(sink, record, parent));
  if (flows.left_out > 0) {
    AppReport(sink, host.ip().config().name, "host")
        .scalar(kFlowsLeftOut, static_cast<double>(flows.left_out));
  }
  return flows.content;
}

std::optional<std::uint64_t> content_of(const ContentHash& delivered) {
  return delivered.items() > 0 ? std::optional(delivered.value()) : std::nullopt;
}

// A copy that was asked for and found no buffer is a frame less at the far end, like a lost one;
// but it was no limit of the link that took it.
void record_link(store::SqliteSink& sink, std::string_view name, const LinkDirections& link) {
  const DropRows rows(sink, {name, "link"});
  for (const LinkModel* way : {&link.from_a, &link.from_b}) {
    rows.add("loss", DropCause::kAsked, way->faults().lost);
    rows.add("burst_loss", DropCause::kAsked, way->faults().lost_in_burst);
    rows.add("queue_full", DropCause::kQueue, way->counters().dropped_queue);
    rows.add("in_flight_limit", DropCause::kResource, way->counters().dropped_in_flight);
    rows.add("not_duplicated", DropCause::kResource, way->faults().not_duplicated);
  }
  if (link.from_a.config().ecn_threshold_bytes == 0) return;
  const std::uint64_t marked = link.from_a.counters().marked + link.from_b.counters().marked;
  AppReport(sink, name, "link").scalar(kMarkedFrames, static_cast<double>(marked));
}

void record_chain(store::SqliteSink& sink, const PortFingerprint& port, const FrameChain& chain) {
  const char* way = port.direction == Direction::kReceive ? "/rx" : "/tx";
  const EntityId entity = sink.define_entity({port.port + way, "port"});
  std::int64_t seq = 0;
  const auto add = [&](const FrameChunk& chunk) {
    sink.chunk({entity, seq++, chunk.at, fingerprint_text(chunk.value)});
  };
  for (const FrameChunk& chunk : chain.chunks()) add(chunk);
  if (chain.frames() == 0 || chain.frames() % kFingerprintChunkFrames != 0) add(chain.last());
}

std::string record_rules(store::SqliteSink& sink, std::span<const store::ValidityRow> rules) {
  std::string verdict = "valid";
  for (store::ValidityRow rule : rules) {
    rule.ok = rule.value <= rule.bound;
    if (!rule.ok) verdict = "invalid";
    if (rule.ok && rule.value > rule.bound / 2 && verdict == "valid") verdict = "suspect";
    sink.validity(rule);
  }
  return verdict;
}

void record_artifact(store::SqliteSink& sink, const std::string& path, std::string_view kind) {
  std::ifstream file(path, std::ios::binary);
  Sha256 digest;
  std::int64_t total = 0;
  std::vector<char> piece(kReadBytes);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
    const std::span<const char> got(piece.data(), static_cast<std::size_t>(file.gcount()));
    digest.add(std::as_bytes(got));
    total += file.gcount();
  }
  sink.artifact({path, std::string(kind), hex(digest.finish()), total});
}

}  // namespace twinpath::bind
