// From counters to rows.
#include "bindings/sim/record.h"

#include "bindings/plan/record.h"
#include "bindings/plan/series.h"

namespace twinpath::bind {

void record(World& world, store::SqliteSink& sink, RunResult& result) {
  std::vector<PortFingerprint> fingerprints;
  for (const WatchedPort& port : world.ports()) {
    for (const Direction direction : {Direction::kTransmit, Direction::kReceive}) {
      const FrameChain& chain = world.chain(port, direction);
      fingerprints.push_back({port.path, direction, chain.frames(), chain.value()});
      record_chain(sink, fingerprints.back(), chain);
      if (direction == Direction::kReceive) result.frames += chain.frames();
    }
  }
  result.fingerprint = run_fingerprint(fingerprints);
  ContentHash content;
  for (const World::Seat& seat : world.seats()) {
    if (!seat.ours) continue;
    AppHost& host = seat.ours->apps();
    const std::string& name = host.ip().config().name;
    record_host_drops(sink, host);
    content.add(name, record_flows(sink, host, flow_parent(world.plan(), name)));
  }
  result.content_hash = content.value();
  for (const sim::DirectLink& link : world.links()) {
    record_link(sink, link.name(), {link.direction_from(0), link.direction_from(1)});
  }
  for (sim::PcapFile& capture : world.captures()) {
    capture.close();
    record_artifact(sink, capture.path(), "pcap");
  }
  if (world.pcapng() != nullptr) {
    world.pcapng()->close();
    record_artifact(sink, world.pcapng()->path(), "pcap");
  }
}

}  // namespace twinpath::bind
