// Who may pass.
#include "models/nf/firewall.h"

namespace twinpath {

Firewall::Firewall(const FirewallConfig& config)
    : flows_({config.stateful ? config.flows_max : 1, config.seed, config.flow_timeout,
              config.expired_per_packet_max}),
      stateful_(config.stateful) {}

Verdict Firewall::process(Instant now, PortId in, PacketBuf& packet, Probe& probe) {
  if (stateful_) flows_.expire(now, probe);
  const Outcome outcome = judge(Ipv4Frame(packet), in, now, probe);
  probe.outcome = outcome;
  return outcome < kNotIpv4 ? Verdict::drop() : Verdict::forward(in ^ 1);
}

Firewall::Outcome Firewall::judge(const Ipv4Frame& frame, PortId in, Instant now, Probe& probe) {
  if (frame.kind() == Ipv4Frame::Kind::kOther) return kNotIpv4;
  if (frame.kind() == Ipv4Frame::Kind::kMalformed) return kMalformed;
  if (frame.has_options()) return kOptions;
  if (!stateful_) return kPassed;
  if (!frame.has_ports()) return kNotTracked;
  const MapKey key = in == kInside ? frame.key() : frame.reverse_key();
  const Index known = flows_.find(key, probe);
  if (known != kNoIndex) {
    flows_.touch(known, now);
    return kKnownFlow;
  }
  if (in != kInside) return kNoFlow;
  return flows_.add(key, now, probe) == kNoIndex ? kTableFull : kNewFlow;
}

void Firewall::prefetch(const PacketBuf& packet) {
  constexpr std::size_t kPortsEnd = kEthernetHeaderLen + kIpv4HeaderLen + 4;
  if (stateful_ && packet.len >= kPortsEnd) flows_.prefetch(flow_key_ahead(packet));
}

}  // namespace twinpath
