// One meter for each address.
#include "models/nf/policer.h"

namespace twinpath {

// A meter is forgotten only when it is full again, or a pause would be a way around the limit.
std::vector<Problem> PolicerConfig::validate() const {
  auto problems = validate_fields(*this);
  if (!problems.empty()) return problems;
  const Duration fill_time = RateRule({rate_bytes_per_s, burst_bytes}).fill_time();
  if (address_timeout < fill_time) {
    problems.push_back({"address_timeout", std::to_string(address_timeout.count()),
                        "is shorter than an empty bucket takes to fill",
                        "from " + std::to_string(fill_time.count()) + " ns"});
  }
  return problems;
}

Policer::Policer(const PolicerConfig& config)
    : addresses_({config.addresses_max, config.seed, config.address_timeout,
                  config.expired_per_packet_max}),
      meters_(config.addresses_max),
      rule_({config.rate_bytes_per_s, config.burst_bytes}) {}

Verdict Policer::process(Instant now, PortId in, PacketBuf& packet, Probe& probe) {
  addresses_.expire(now, probe);
  const Ipv4Frame frame(packet);
  Outcome outcome = kNotIpv4;
  if (frame.kind() == Ipv4Frame::Kind::kMalformed) {
    outcome = kMalformed;
  } else if (frame.kind() == Ipv4Frame::Kind::kIpv4) {
    outcome = in == kInside ? kOutbound : judge(frame, now, probe);
  }
  probe.outcome = outcome;
  return outcome < kNotIpv4 ? Verdict::drop() : Verdict::forward(in ^ 1);
}

// What counts is the IP packet, not the frame around it.
Policer::Outcome Policer::judge(const Ipv4Frame& frame, Instant now, Probe& probe) {
  const MapKey key{frame.dst(), 0};
  Index address = addresses_.find(key, probe);
  const bool is_new = address == kNoIndex;
  if (is_new) {
    address = addresses_.add(key, now, probe);
    if (address == kNoIndex) return kTableFull;
    meters_[address] = RateMeter(rule_, now);
  } else {
    addresses_.touch(address, now);
  }
  const auto bytes = static_cast<std::uint32_t>(frame.total_len());
  if (!meters_[address].pass(rule_, bytes, now)) return kExceeded;
  return is_new ? kNew : kKnown;
}

void Policer::prefetch(const PacketBuf& packet) {
  if (packet.len < kEthernetHeaderLen + kIpv4HeaderLen) return;
  addresses_.prefetch({load_be32(packet.data() + kEthernetHeaderLen + 16), 0});
}

}  // namespace twinpath
