// Packets of IP on their way in: what RFC 1122 §3.2.1 and RFC 8200 §4 make a host refuse, and the
// way to the transports. Fragments are in ip_host_fragments.cc.
#include "models/host/ip_host.h"
#include "models/host/ipv6_headers.h"
#include "models/wire/ethernet.h"
#include "models/wire/udp.h"

namespace twinpath {

// What RFC 1122 §3.2.1 makes a host discard although it parses.
DropReason IpHost::refusal(InterfaceId interface, const Ipv4View& ip) const {
  const Ipv4Address source = ip.src();
  const Ipv4Address target = ip.dst();
  if (interface == kLoopbackInterface) return DropReason::kNone;
  if (!output_.routes().is_local(target) && !output_.routes().is_broadcast(target)) {
    return DropReason::kNotForUs;
  }
  // RFC 1122 §3.2.1.3: never a source. 127/8 must not be seen outside a host.
  if (!source.is_unicast() || source.is_loopback() || output_.routes().is_broadcast(source)) {
    return DropReason::kBadAddress;
  }
  return DropReason::kNone;
}

// RFC 4291 §2.5.2, §2.5.3, §2.7: who may stand where. The mapped form of an IPv4 address is for
// sockets only (RFC 4942 §2.2).
DropReason IpHost::refusal(InterfaceId interface, const IpAddress& source,
                           const IpAddress& target) const {
  if (interface == kLoopbackInterface) return DropReason::kNone;
  if (target.is_multicast()) {
    if (!icmpv6_.hears(interface, target)) return DropReason::kNotForUs;
  } else if (!output_.routes().is_local(target)) {
    return DropReason::kNotForUs;
  }
  if (source.is_multicast() || source.is_loopback() || source.is_v4() || target.is_v4()) {
    return DropReason::kBadAddress;
  }
  return DropReason::kNone;
}

void IpHost::on_ipv4(Instant now, const Arrival& arrival, BufPtr frame) {
  const bool verified = (frame->flags & kChecksumVerified) != 0;
  const auto parsed =
      Ipv4View::parse(frame->bytes().subspan(frame->l3_offset),
                      verified ? HeaderChecksum::kDeviceVerified : HeaderChecksum::kVerify);
  if (!parsed) return drop(now, arrival.interface, parsed.reason(), *frame);
  const DropReason reason = refusal(arrival.interface, *parsed);
  if (reason != DropReason::kNone) return drop(now, arrival.interface, reason, *frame);
  const Ipv4View& ip = *parsed;
  if (ip.is_fragment()) return on_ipv4_fragment(now, arrival, ip, std::move(frame));
  frame->l4_offset = static_cast<std::uint16_t>(frame->l3_offset + ip.header_len());
  switch (ip.protocol()) {
    case IpProtocol::kTcp:
      return to_tcp(now, arrival, ip, std::move(frame));
    case IpProtocol::kUdp:
      return to_udp(now, arrival, ip, std::move(frame));
    case IpProtocol::kIcmp:
      return icmp_.on_packet(now, arrival.interface, ip, std::move(frame), {tcp_, udp_});
    default:
      break;
  }
  // RFC 1122 §3.2.2.1: protocol unreachable; §3.2.2: no error about what went to a group.
  if (!is_for_many(arrival, ip)) icmp_.send_unreachable(now, UnreachableCode::kProtocol, ip);
  drop(now, arrival.interface, DropReason::kUnknownProtocol, *frame);
}

void IpHost::on_ipv6(Instant now, const Arrival& arrival, BufPtr frame) {
  const auto bytes = std::as_const(*frame).bytes().subspan(frame->l3_offset);
  const auto parsed = Ipv6View::parse(bytes);
  const bool has_addresses = bytes.size() >= kIpv6HeaderLen && load_u8(bytes.data()) >> 4 == 6;
  if (!parsed && !has_addresses) return drop(now, arrival.interface, parsed.reason(), *frame);
  const IpAddress source(Ipv6Address::load(&bytes[8]));
  const IpAddress target(Ipv6Address::load(&bytes[24]));
  const DropReason reason = refusal(arrival.interface, source, target);
  if (reason != DropReason::kNone) return drop(now, arrival.interface, reason, *frame);
  if (!parsed) {
    const std::size_t len = kIpv6HeaderLen + load_be16(&bytes[4]);
    const bool cut = len > bytes.size();
    if (cut || headers_are_good(now, arrival, bytes.first(len))) {
      drop(now, arrival.interface, parsed.reason(), *frame);
    }
    return;
  }
  if (parsed->extension_count() > 0 && !headers_are_good(now, arrival, parsed->bytes())) return;
  if (parsed->is_fragment()) return on_ipv6_fragment(now, arrival, *parsed, std::move(frame));
  on_ipv6_payload(now, arrival, *parsed, std::move(frame));
}

// Answers and drops what is not.
bool IpHost::headers_are_good(Instant now, const Arrival& arrival,
                              std::span<const std::byte> packet) {
  const Ipv6Problem found = check_ipv6_headers(packet);
  if (found.reason == DropReason::kNone) return true;
  if (found.answer) {
    icmpv6_.send_error(now, {arrival.interface, packet, arrival.by_group},
                       {.type = Icmpv6Type::kParameterProblem,
                        .code = static_cast<std::uint8_t>(*found.answer),
                        .word = found.pointer,
                        .even_to_group = found.even_to_group});
  }
  context_.drop(now, {found.reason, Way::kIn, context_.interfaces.port_of(arrival.interface),
                      static_cast<std::uint32_t>(packet.size())});
  return false;
}

void IpHost::on_ipv6_payload(Instant now, const Arrival& arrival, const Ipv6View& ip,
                             BufPtr frame) {
  switch (ip.protocol()) {
    case IpProtocol::kTcp:
      return to_tcp(now, arrival, ip, std::move(frame));
    case IpProtocol::kUdp:
      return to_udp(now, arrival, ip, std::move(frame));
    case IpProtocol::kIcmpv6:
      return icmpv6_.on_packet(now, arrival.interface, ip, std::move(frame), {tcp_, udp_});
    case IpProtocol::kNoNextHeader:
      break;  // RFC 8200 §4.7: nothing is meant to follow
    default:
      // RFC 8200 §4: a header nobody here knows.
      icmpv6_.send_error(now, {arrival.interface, ip.bytes(), arrival.by_group},
                         {.type = Icmpv6Type::kParameterProblem,
                          .code = static_cast<std::uint8_t>(ParameterCode::kNextHeader),
                          .word = static_cast<std::uint32_t>(ip.protocol_offset())});
      break;
  }
  drop(now, arrival.interface, DropReason::kUnknownProtocol, *frame);
}

template <typename IpView>
void IpHost::to_tcp(Instant now, const Arrival& arrival, const IpView& ip, BufPtr frame) {
  // RFC 9293 §3.9.2.3, MUST-57: a connection has one peer at each end.
  const IpAddress source(ip.src());
  if (is_for_many(arrival, ip) || source.is_any()) {
    return drop(now, arrival.interface, DropReason::kBadAddress, *frame);
  }
  const auto traffic_class =
      static_cast<std::uint8_t>(unsigned{ip.dscp()} << 2 | static_cast<unsigned>(ip.ecn()));
  const TcpArrival segment{source, IpAddress(ip.dst()), traffic_class};
  const auto payload = ip.payload();
  frame->l4_offset = static_cast<std::uint16_t>(payload.data() - frame->data());
  frame->pop_front(frame->l4_offset);
  frame->trim_to(static_cast<std::uint32_t>(payload.size()));
  tcp_.on_segment(now, segment, std::move(frame));
}

template <typename IpView>
void IpHost::to_udp(Instant now, const Arrival& arrival, const IpView& ip, BufPtr frame) {
  const bool verified = (frame->flags & kChecksumVerified) != 0;
  const auto datagram =
      UdpView::parse(ip.payload(), verified ? std::nullopt : std::optional(ip.pseudo_sum()));
  if (!datagram) return drop(now, arrival.interface, datagram.reason(), *frame);
  const UdpEndpoint source{IpAddress(ip.src()), datagram->src_port()};
  const UdpEndpoint target{IpAddress(ip.dst()), datagram->dst_port()};
  // RFC 8200 §8.1: over IPv6 there is always a checksum.
  if (!target.address.is_v4() && !verified && !datagram->has_checksum()) {
    return drop(now, arrival.interface, DropReason::kBadChecksum, *frame);
  }
  if (!udp_.has_endpoint(target, source)) {
    if (!is_for_many(arrival, ip)) say_no_port(now, arrival, ip);
    return drop(now, arrival.interface, DropReason::kNoSocket, *frame);
  }
  const auto payload = datagram->payload();
  frame->l4_offset = static_cast<std::uint16_t>(ip.payload().data() - frame->data());
  frame->pop_front(frame->l4_offset + static_cast<std::uint32_t>(kUdpHeaderLen));
  frame->trim_to(static_cast<std::uint32_t>(payload.size()));
  udp_.on_datagram(now, source, target, std::move(frame));
}

// RFC 1122 §4.1.3.1: port unreachable.
void IpHost::say_no_port(Instant now, const Arrival&, const Ipv4View& ip) {
  icmp_.send_unreachable(now, UnreachableCode::kPort, ip);
}

void IpHost::say_no_port(Instant now, const Arrival& arrival, const Ipv6View& ip) {
  icmpv6_.send_error(now, {arrival.interface, ip.bytes(), arrival.by_group},
                     {.type = Icmpv6Type::kUnreachable,
                      .code = static_cast<std::uint8_t>(Unreachable6Code::kPort)});
}

}  // namespace twinpath
