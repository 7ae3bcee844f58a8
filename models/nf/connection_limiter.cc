// Flows counted for each client.
#include "models/nf/connection_limiter.h"

namespace twinpath {

ConnectionLimiter::ConnectionLimiter(const ConnectionLimiterConfig& config)
    : clients_({config.clients_max, config.seed, config.flow_timeout}),
      flows_({config.flows_max, config.seed, config.flow_timeout, config.expired_per_packet_max}),
      flows_of_(config.clients_max),
      client_of_(config.flows_max),
      flows_per_client_max_(config.flows_per_client_max) {}

void ConnectionLimiter::expire(Instant now, Probe& probe) {
  flows_.expire(now, probe, [this, &probe](Index flow) {
    const Index client = client_of_[flow];
    if (--flows_of_[client] > 0) return;
    probe.count(kPcvClientsGone);
    clients_.remove(client, probe);
  });
}

Verdict ConnectionLimiter::process(Instant now, PortId in, PacketBuf& packet, Probe& probe) {
  expire(now, probe);
  const Ipv4Frame frame(packet);
  Outcome outcome = kNotIpv4;
  if (frame.kind() == Ipv4Frame::Kind::kMalformed) {
    outcome = kMalformed;
  } else if (frame.kind() == Ipv4Frame::Kind::kIpv4) {
    outcome = judge(frame, in, now, probe);
  }
  probe.outcome = outcome;
  return outcome < kNotIpv4 ? Verdict::drop() : Verdict::forward(in ^ 1);
}

ConnectionLimiter::Outcome ConnectionLimiter::judge(const Ipv4Frame& frame, PortId in, Instant now,
                                                    Probe& probe) {
  if (!frame.has_ports()) return kNotTracked;
  const MapKey key = in == kInside ? frame.key() : frame.reverse_key();
  const Index known = flows_.find(key, probe);
  if (known != kNoIndex) {
    flows_.touch(known, now);
    return kKnownFlow;
  }
  return in == kInside ? open(key, now, probe) : kNoFlow;
}

ConnectionLimiter::Outcome ConnectionLimiter::open(MapKey key, Instant now, Probe& probe) {
  const MapKey client_key{key.first >> 32, 0};
  Index client = clients_.find(client_key, probe);
  const bool is_new = client == kNoIndex;
  if (!is_new && flows_of_[client] >= flows_per_client_max_) return kLimited;
  if (flows_.is_full()) return kTableFull;
  if (is_new) {
    client = clients_.add(client_key, now, probe);
    if (client == kNoIndex) return kTableFull;
    flows_of_[client] = 0;
  }
  client_of_[flows_.add(key, now, probe)] = client;
  ++flows_of_[client];
  return is_new ? kNewClient : kNewFlow;
}

void ConnectionLimiter::prefetch(const PacketBuf& packet) {
  constexpr std::size_t kPortsEnd = kEthernetHeaderLen + kIpv4HeaderLen + 4;
  if (packet.len >= kPortsEnd) flows_.prefetch(flow_key_ahead(packet));
}

}  // namespace twinpath
