// From counters to rows.
#include "bindings/sim/record.h"

#include <ns3/simulator.h>

#include "bindings/plan/record.h"

namespace twinpath::bind {

SeriesRecorders record_series(World& world, ResultSink& sink) {
  SeriesRecorders recorders;
  const Plan& plan = world.plan();
  if (!plan.measure.every) return recorders;
  for (std::size_t index = 0; index < plan.hosts.size(); ++index) {
    const World::Seat& seat = world.seats()[index];
    if (!seat.ours) continue;
    recorders.emplace_back(sink, flow_parent(plan, plan.hosts[index].name), *plan.measure.every,
                           &seat.ours->ip().flow_log());
    recorders.back().set_on_failure([] { ns3::Simulator::Stop(); });
    recorders.back().listen(seat.ours->ip().bus());
  }
  return recorders;
}

void tell_events(World& world, EventStream& events) {
  for (const World::Seat& seat : world.seats()) {
    if (!seat.ours) continue;
    IpHost& host = seat.ours->ip();
    events.listen(host, flow_parent(world.plan(), host.config().name));
  }
}

EventRecorders record_events(World& world, store::SqliteSink& sink) {
  EventRecorders recorders;
  const Plan& plan = world.plan();
  if (plan.measure.events.empty()) return recorders;
  for (const World::Seat& seat : world.seats()) {
    if (!seat.ours) continue;
    IpHost& host = seat.ours->ip();
    recorders.emplace_back(sink, host, flow_parent(plan, host.config().name));
    recorders.back().listen(plan.measure.events);
  }
  return recorders;
}

std::uint64_t record_links(World& world, store::SqliteSink& sink,
                           std::vector<PortFingerprint>& fingerprints) {
  std::uint64_t arrived = 0;
  for (const WatchedPort& port : world.ports()) {
    for (const Direction direction : {Direction::kTransmit, Direction::kReceive}) {
      const FrameChain& chain = world.chain(port, direction);
      fingerprints.push_back({port.path, direction, chain.frames(), chain.value()});
      record_chain(sink, fingerprints.back(), chain);
      if (direction == Direction::kReceive) arrived += chain.frames();
    }
  }
  for (const sim::DirectLink& link : world.links()) {
    record_link(sink, link.name(), {link.direction_from(0), link.direction_from(1)});
  }
  return arrived;
}

void record_captures(World& world, store::SqliteSink& sink) {
  for (sim::PcapFile& capture : world.captures()) {
    capture.close();
    record_artifact(sink, capture.path(), "pcap");
  }
  if (world.pcapng() == nullptr) return;
  world.pcapng()->close();
  record_artifact(sink, world.pcapng()->path(), "pcap");
}

void record(World& world, store::SqliteSink& sink, RunResult& result) {
  std::vector<PortFingerprint> fingerprints;
  result.frames = record_links(world, sink, fingerprints);
  result.fingerprint = run_fingerprint(fingerprints);
  ContentHash content;
  for (const World::Seat& seat : world.seats()) {
    if (!seat.ours) continue;
    AppHost& host = seat.ours->apps();
    const std::string& name = host.ip().config().name;
    record_host_drops(sink, host);
    content.add(name, record_flows(sink, host, flow_parent(world.plan(), name)));
  }
  result.content_hash = content_of(content);
  record_captures(world, sink);
}

}  // namespace twinpath::bind
