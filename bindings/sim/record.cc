// From counters to rows.
#include "bindings/sim/record.h"

#include "bindings/plan/record.h"

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
  for (const World::Seat& seat : world.seats()) {
    if (seat.ours) record_host_drops(sink, seat.ours->apps());
  }
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
