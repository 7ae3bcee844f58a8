// Flows to backends, and who the backends are.
#include "models/nf/load_balancer.h"

#include "models/base/hash.h"

namespace twinpath {

std::vector<Problem> LoadBalancerConfig::validate() const {
  auto problems = validate_fields(*this);
  if (!BackendRing::is_prime(buckets) || buckets <= backends_max) {
    problems.push_back({"buckets", std::to_string(buckets), "does not spread flows evenly",
                        "a prime above backends_max, such as 1021 or 65537"});
  }
  if (!virtual_address.is_unicast()) {
    problems.push_back(
        {"virtual_address", virtual_address.to_string(), "is nobody's address", "unicast"});
  }
  return problems;
}

LoadBalancer::LoadBalancer(const LoadBalancerConfig& config)
    : flows_({config.flows_max, config.seed, config.flow_timeout, config.expired_per_packet_max}),
      backends_({config.backends_max, config.seed, config.backend_timeout,
                 config.expired_per_packet_max}),
      ring_({config.backends_max, config.buckets, config.seed}),
      flow_(config.flows_max),
      backend_(config.backends_max),
      virtual_address_(config.virtual_address),
      own_mac_(config.own_mac),
      heartbeat_port_(config.heartbeat_port),
      seed_(config.seed) {}

void LoadBalancer::expire(Instant now, Probe& probe) {
  flows_.expire(now, probe);
  const auto silent = [this](Index backend) {
    ring_.set_alive(backend, false);
    backend_[backend].serial = 0;
  };
  backends_.expire(now, probe, silent, kPcvBackendsExpired);
}

Verdict LoadBalancer::process(Instant now, PortId in, PacketBuf& packet, Probe& probe) {
  expire(now, probe);
  const Passage passage{now, Ipv4Frame(packet), probe};
  Outcome outcome = kNotIpv4;
  if (passage.frame.kind() == Ipv4Frame::Kind::kMalformed) {
    outcome = kMalformed;
  } else if (passage.frame.kind() == Ipv4Frame::Kind::kIpv4) {
    outcome = in == kClients ? from_client(passage) : from_backend(passage);
  }
  probe.outcome = outcome;
  return outcome < kFromBackend ? Verdict::drop() : Verdict::forward(in ^ 1);
}

LoadBalancer::Outcome LoadBalancer::from_backend(const Passage& passage) {
  const Ipv4Frame& frame = passage.frame;
  const bool is_heartbeat = frame.dst() == virtual_address_.value() &&
                            frame.protocol() == IpProtocol::kUdp && frame.has_ports() &&
                            (frame.ports() & 0xffff) == heartbeat_port_;
  return is_heartbeat ? heartbeat(passage) : kFromBackend;
}

// A backend is its address; where it can be reached is learnt anew from each heartbeat.
LoadBalancer::Outcome LoadBalancer::heartbeat(const Passage& passage) {
  const MapKey key{passage.frame.src(), 0};
  Outcome outcome = kHeartbeat;
  Index backend = backends_.find(key, passage.probe);
  if (backend == kNoIndex) {
    outcome = kHeartbeatNew;
    backend = backends_.add(key, passage.now, passage.probe);
    if (backend == kNoIndex) return kHeartbeatFull;
    backend_[backend].serial = ++serials_;
    ring_.set_alive(backend, true);
  } else {
    backends_.touch(backend, passage.now);
  }
  backend_[backend].mac = MacAddress::load(passage.frame.ethernet() + MacAddress::kLen);
  return outcome;
}

Index LoadBalancer::choose(const Passage& passage) const {
  const MapKey key = passage.frame.key();
  const auto hash = static_cast<std::uint32_t>(mix64(mix64(key.first ^ seed_) + key.second) >> 32);
  return ring_.find(hash, Pcvs(passage.probe, kPcvTried));
}

void LoadBalancer::send_to(const Passage& passage, Index backend) const {
  backend_[backend].mac.store(passage.frame.ethernet());
  own_mac_.store(passage.frame.ethernet() + MacAddress::kLen);
}

LoadBalancer::Outcome LoadBalancer::from_client(const Passage& passage) {
  const Ipv4Frame& frame = passage.frame;
  if (frame.dst() != virtual_address_.value()) return kOtherAddress;
  if (!frame.has_ports()) return kOtherProtocol;
  const MapKey key = frame.key();
  Index flow = flows_.find(key, passage.probe);
  const bool is_known = flow != kNoIndex;
  if (is_known && backend_[flow_[flow].backend].serial == flow_[flow].serial) {
    flows_.touch(flow, passage.now);
    send_to(passage, flow_[flow].backend);
    return kKnownFlow;
  }
  const Index backend = choose(passage);
  if (backend == kNoIndex) return kNoBackend;
  send_to(passage, backend);
  if (is_known) {
    flows_.touch(flow, passage.now);
  } else {
    flow = flows_.add(key, passage.now, passage.probe);
    if (flow == kNoIndex) return kUnrememberedFlow;
  }
  flow_[flow] = {backend, backend_[backend].serial};
  return is_known ? kMovedFlow : kNewFlow;
}

void LoadBalancer::prefetch(const PacketBuf& packet) {
  constexpr std::size_t kPortsEnd = kEthernetHeaderLen + kIpv4HeaderLen + 4;
  if (packet.len >= kPortsEnd) flows_.prefetch(flow_key_ahead(packet));
}

}  // namespace twinpath
