// One packet through the NAT: which mapping, whether it may, and what is rewritten.
#include "models/nf/nat.h"

namespace twinpath {
namespace {

constexpr std::uint8_t kTcpFinOrRst = 0x05;
constexpr std::uint8_t kTcpSyn = 0x02;

constexpr ChainId kUdpChain{0};
constexpr ChainId kTcpChain{1};
constexpr ChainId kTcpTransitoryChain{2};
constexpr ChainId kIcmpChain{3};

NatTable::Options table_options(const NatConfig& config) {
  return {.entries_max = config.mappings_max,
          .seed = config.seed,
          .address_first = config.external.network().value(),
          .addresses = 1U << (32 - config.external.len()),
          .timeouts = {config.udp_timeout, config.tcp_timeout, config.tcp_transitory_timeout,
                       config.icmp_timeout},
          .expired_per_packet_max = config.expired_per_packet_max};
}

std::uint32_t sessions(const NatConfig& config) {
  return config.filtering == NatFiltering::kEndpointIndependent ? 1 : config.sessions_max;
}

}  // namespace

std::vector<Problem> NatConfig::validate() const {
  auto problems = validate_fields(*this);
  if (external.len() < 26 || !external.network().is_unicast()) {
    problems.push_back({"external", external.to_string(), "is not a usable set of addresses",
                        "unicast, /26 to /32"});
  }
  return problems;
}

Nat::Nat(const NatConfig& config)
    : table_(table_options(config)),
      sessions_({sessions(config), config.seed}),
      session_chain_({sessions(config), kSessionChains}),
      filtering_(config.filtering),
      timeouts_{config.udp_timeout, config.tcp_timeout, config.icmp_timeout},
      own_macs_(config.own_macs),
      next_macs_(config.next_macs),
      expired_max_(config.expired_per_packet_max) {}

Verdict Nat::process(Instant now, PortId in, PacketBuf& packet, Probe& probe) {
  table_.expire(now, probe);
  if (filters()) expire_sessions(now, probe);
  NatPacket passing{now, Ipv4Frame(packet), probe};
  const Outcome outcome = translate(passing, in);
  probe.outcome = outcome;
  if (outcome < kOutboundNew) return Verdict::drop();
  const bool to_inside = outcome == kInboundKnown || outcome == kHairpin;
  const PortId out =
      to_inside || (outcome == kErrorTranslated && in == kOutside) ? kInside : kOutside;
  next_macs_[out].store(passing.frame.ethernet());
  own_macs_[out].store(passing.frame.ethernet() + MacAddress::kLen);
  return Verdict::forward(out);
}

Nat::Outcome Nat::translate(NatPacket& packet, PortId in) {
  if (packet.frame.kind() == Ipv4Frame::Kind::kOther) return kNotIpv4;
  if (packet.frame.kind() == Ipv4Frame::Kind::kMalformed) return kMalformed;
  if (packet.frame.is_fragment()) return kFragment;
  switch (packet.read_ends()) {
    case NatPacket::Kind::kFlow:
      return in == kInside ? outbound(packet) : inbound(packet);
    case NatPacket::Kind::kError:
      return in == kInside ? error_from_inside(packet) : error_from_outside(packet);
    case NatPacket::Kind::kMalformed:
      return kMalformed;
    case NatPacket::Kind::kOther:
      break;
  }
  return kOtherProtocol;
}

// RFC 4787 REQ-6: what goes out keeps a mapping; what comes in does too, or long downloads would
// lose theirs. Deviates from RFC 5382 §5: one connection's FIN or RST shortens the mapping that
// others of the same internal port share; their next segment lengthens it again.
void Nat::touch(const NatPacket& packet, Index index, PortId from) {
  NatMapping& mapping = table_[index];
  ChainId chain = packet.protocol() == NatProtocol::kUdp ? kUdpChain : kIcmpChain;
  if (packet.protocol() == NatProtocol::kTcp) {
    const std::uint8_t flags = packet.frame.tcp_flags();
    mapping.answered |= from == kOutside && (flags & kTcpSyn) == 0;
    chain = mapping.answered && (flags & kTcpFinOrRst) == 0 ? kTcpChain : kTcpTransitoryChain;
  }
  table_.touch(index, packet.now, chain);
}

Nat::Outcome Nat::outbound(NatPacket& packet) {
  Index index = table_.find_internal(packet.src, packet.probe);
  const bool is_new = index == kNoIndex;
  if (is_new) index = table_.add(packet.src, packet.now, packet.probe);
  if (index == kNoIndex) return kTableFull;
  touch(packet, index, kInside);
  if (filters() && !remember(packet, index)) return kTableFull;
  packet.rewrite_src(table_[index].external);
  if (table_.is_external(packet.dst.address)) return hairpin(packet);
  return is_new ? kOutboundNew : kOutboundKnown;
}

// RFC 4787 §6: to the inside over the outside address, source translated too. A query has but one
// identifier, which by now names its sender.
Nat::Outcome Nat::hairpin(NatPacket& packet) {
  if (packet.protocol() == NatProtocol::kIcmp) return kInboundUnknown;
  packet.read_ends();
  const Outcome outcome = inbound(packet);
  return outcome == kInboundKnown ? kHairpin : outcome;
}

Nat::Outcome Nat::inbound(NatPacket& packet) {
  if (!table_.is_external(packet.dst.address)) return kInboundUnknown;
  const Index index = table_.find_external(packet.dst);
  if (index == kNoIndex) return kInboundUnknown;
  if (filters() && find_session(packet, session(index, packet.src)) == kNoIndex) return kFiltered;
  touch(packet, index, kOutside);
  packet.rewrite_dst(table_[index].internal);
  return kInboundKnown;
}

// RFC 5508 §4: the quoted packet left through a mapping, so the error belongs to its owner. Errors
// do not keep a mapping alive.
Nat::Outcome Nat::error_from_outside(NatPacket& packet) {
  if (!table_.is_external(packet.src.address)) return kErrorUnknown;
  const Index index = table_.find_external(packet.src);
  if (index == kNoIndex) return kErrorUnknown;
  packet.rewrite_quoted_src(table_[index].internal);
  return kErrorTranslated;
}

Nat::Outcome Nat::error_from_inside(NatPacket& packet) {
  if (table_.is_external(packet.frame.dst())) return kErrorUnknown;
  const Index index = table_.find_internal(packet.dst, packet.probe);
  if (index == kNoIndex) return kErrorUnknown;
  packet.rewrite_quoted_dst(table_[index].external);
  return kErrorTranslated;
}

// By the mapping's serial number: a session that outlives its mapping opens nobody else's.
MapKey Nat::session(Index index, const NatEnd& remote) const {
  const bool by_port =
      filtering_ == NatFiltering::kAddressPortDependent && remote.protocol != NatProtocol::kIcmp;
  const std::uint64_t protocol = static_cast<std::uint64_t>(remote.protocol) << 16;
  const std::uint32_t serial = table_[index].serial;
  return {std::uint64_t{remote.address} << 32 | serial, protocol | (by_port ? remote.port : 0U)};
}

Index Nat::find_session(NatPacket& packet, MapKey key) {
  const Index index = sessions_.find(key, Pcvs(packet.probe, kPcvVisited));
  const ChainId chain{static_cast<std::uint8_t>(packet.protocol())};
  if (index != kNoIndex) session_chain_.rejuvenate(index, packet.now, chain);
  return index;
}

bool Nat::remember(NatPacket& packet, Index index) {
  const MapKey key = session(index, packet.dst);
  if (find_session(packet, key) != kNoIndex) return true;
  const ChainId chain{static_cast<std::uint8_t>(packet.protocol())};
  const Index fresh = session_chain_.allocate(packet.now, chain);
  if (fresh == kNoIndex) return false;
  sessions_.insert(key, fresh, Pcvs(packet.probe, kPcvPassed));
  return true;
}

void Nat::expire_sessions(Instant now, Probe& probe) {
  std::uint32_t left = expired_max_;
  for (std::uint8_t chain = 0; chain < kSessionChains; ++chain) {
    const Instant before = now - timeouts_[chain];
    for (; left > 0; --left) {
      const Index index = session_chain_.expire_one(before, ChainId{chain});
      if (index == kNoIndex) break;
      probe.count(kPcvSessionsExpired);
      sessions_.erase(index, Pcvs(probe, kPcvUnpassed));
    }
  }
}

// The mapping's slot. What the key needs is read here already: the frame's first line.
void Nat::prefetch(const PacketBuf& packet) {
  constexpr std::size_t kPortsEnd = kEthernetHeaderLen + kIpv4HeaderLen + 4;
  if (packet.len < kPortsEnd) return;
  const std::byte* ip = packet.data() + kEthernetHeaderLen;
  const bool is_udp = load_u8(ip + 9) == static_cast<std::uint8_t>(IpProtocol::kUdp);
  table_.prefetch({load_be32(ip + 12), load_be16(ip + kIpv4HeaderLen),
                   is_udp ? NatProtocol::kUdp : NatProtocol::kTcp});
}

}  // namespace twinpath
