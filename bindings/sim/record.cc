// From counters to rows.
#include "bindings/sim/record.h"

#include <fstream>

#include "models/app/sha256.h"
#include "models/host/frame_dropped.h"

namespace twinpath::bind {
namespace {

using store::DropCause;

struct DropCount {
  const char* reason;
  DropCause cause;
  std::uint64_t packets;
};

void put_drops(store::SqliteSink& sink, EntityId entity, std::initializer_list<DropCount> counts) {
  for (const DropCount& count : counts) {
    if (count.packets == 0) continue;
    sink.drops({entity, count.reason, count.cause, count.packets});
  }
}

// Both directions together: the entity is the link.
void record_link(const sim::DirectLink& link, store::SqliteSink& sink) {
  const EntityId entity = sink.define_entity({link.name(), "link"});
  std::uint64_t lost = 0;
  std::uint64_t in_bursts = 0;
  std::uint64_t queue = 0;
  std::uint64_t in_flight = 0;
  for (const std::size_t end : {std::size_t{0}, std::size_t{1}}) {
    const LinkModel& direction = link.direction_from(end);
    lost += direction.faults().lost;
    in_bursts += direction.faults().lost_in_burst;
    queue += direction.counters().dropped_queue;
    in_flight += direction.counters().dropped_in_flight;
  }
  put_drops(sink, entity,
            {{"loss", DropCause::kAsked, lost},
             {"burst_loss", DropCause::kAsked, in_bursts},
             {"queue_full", DropCause::kQueue, queue},
             {"in_flight_limit", DropCause::kResource, in_flight}});
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

void record_host(AppHost& host, store::SqliteSink& sink) {
  host.export_results(sink);
  const EntityId entity = sink.define_entity({host.ip().config().name, "host"});
  for (std::size_t index = 0; index < kDropReasons; ++index) {
    const auto reason = static_cast<DropReason>(index);
    const std::uint64_t packets =
        host.ip().counters().drops(reason) + host.ip().tcp().counters().drops[index];
    if (packets == 0) continue;
    sink.drops({entity, std::string(name(reason)), cause_of(reason), packets});
  }
}

void record_chain(const FrameChain& chain, const std::string& path, store::SqliteSink& sink) {
  const EntityId entity = sink.define_entity({path, "port"});
  std::int64_t seq = 0;
  for (const std::uint64_t chunk : chain.chunks()) {
    sink.chunk({entity, seq++, Instant(), fingerprint_text(chunk)});
  }
  sink.chunk({entity, seq, Instant(), fingerprint_text(chain.value())});
}

std::string sha256_of(const std::string& path) {
  constexpr std::size_t kPieceBytes = 1 << 16;
  std::ifstream file(path, std::ios::binary);
  std::vector<char> piece(kPieceBytes);
  Sha256 digest;
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
    digest.add(std::as_bytes(std::span(piece).first(static_cast<std::size_t>(file.gcount()))));
  }
  return hex(digest.finish());
}

void record_capture(sim::PcapFile& capture, store::SqliteSink& sink) {
  const auto bytes = static_cast<std::int64_t>(capture.close());
  sink.artifact({capture.path(), "pcap", sha256_of(capture.path()), bytes});
}

}  // namespace

void record(World& world, store::SqliteSink& sink, RunResult& result) {
  std::vector<PortFingerprint> fingerprints;
  for (const WatchedPort& port : world.ports()) {
    for (const Direction direction : {Direction::kTransmit, Direction::kReceive}) {
      const FrameChain& chain = world.chain(port, direction);
      fingerprints.push_back({port.path, direction, chain.frames(), chain.value()});
      const bool is_sent = direction == Direction::kTransmit;
      record_chain(chain, port.path + (is_sent ? "/tx" : "/rx"), sink);
      if (!is_sent) result.frames += chain.frames();
    }
  }
  result.fingerprint = run_fingerprint(fingerprints);
  for (const World::Seat& seat : world.seats()) {
    if (seat.ours) {
      record_host(seat.ours->apps(), sink);
    } else {
      seat.ns3s->apps().export_results(sink);
    }
  }
  for (const sim::DirectLink& link : world.links()) record_link(link, sink);
  for (sim::PcapFile& capture : world.captures()) record_capture(capture, sink);
}

}  // namespace twinpath::bind
