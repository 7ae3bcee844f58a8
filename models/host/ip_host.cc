// The way through a host, in both directions.
#include "models/host/ip_host.h"

#include "models/wire/ethernet.h"
#include "models/wire/udp.h"

namespace twinpath {

IpHost::IpHost(const HostConfig& config, const TcpConfig& tcp, BufPool& pool)
    : context_(config, pool),
      output_(context_, *this),
      icmp_(context_, output_),
      tcp_(tcp, {pool, context_.timers, context_.bus, rng("tcp"), *this}),
      udp_(context_, output_, *this, rng("udp")) {
  CHECK(validate(config).empty());
  tcp_.set_observer(&context_.flows);
}

void IpHost::on_rx(Instant now, PortId port, std::span<BufPtr> frames) {
  CHECK(port < context_.config.interfaces.size());
  for (BufPtr& frame : frames) {
    ++context_.counters.rx_frames;
    context_.counters.rx_bytes += frame->len;
    on_frame(now, port, std::move(frame));
  }
  if (user_ != nullptr) user_->on_turn_end();
}

void IpHost::drop(Instant now, PortId port, DropReason reason, const PacketBuf& frame) {
  context_.drop(now, {reason, Way::kIn, port, frame.len});
}

void IpHost::on_frame(Instant now, PortId port, BufPtr frame) {
  const auto ethernet = EthernetView::parse(frame->bytes());
  if (!ethernet) return drop(now, port, ethernet.reason(), *frame);
  const InterfaceConfig& interface = context_.config.interfaces[port];
  const MacAddress dst = ethernet->dst();
  if (dst != interface.mac && !dst.is_multicast() && interface.arp) {
    return drop(now, port, DropReason::kNotForUs, *frame);
  }
  // A tagged frame belongs to a VLAN we are no member of.
  if (ethernet->vlan_count() > 0) return drop(now, port, DropReason::kNotForUs, *frame);
  frame->l3_offset = kEthernetHeaderLen;
  switch (ethernet->ethertype()) {
    case EtherType::kIpv4:
      return on_ipv4(now, port, std::move(frame));
    case EtherType::kArp:
      return on_arp(now, port, std::move(frame));
    default:
      return drop(now, port, DropReason::kUnknownEthertype, *frame);
  }
}

void IpHost::on_arp(Instant now, PortId port, BufPtr frame) {
  const auto packet = ArpPacket::parse(frame->bytes().subspan(kEthernetHeaderLen));
  if (!packet) return drop(now, port, packet.reason(), *frame);
  if (!context_.config.interfaces[port].arp) {
    return drop(now, port, DropReason::kNotForUs, *frame);
  }
  output_.on_arp(now, port, *packet);
}

// What RFC 1122 §3.2.1 makes a host discard although it parses.
DropReason IpHost::refusal(const Ipv4View& ip) const {
  const Ipv4Address source = ip.src();
  const Ipv4Address target = ip.dst();
  if (!output_.routes().is_local(target) && !output_.routes().is_broadcast(target)) {
    return DropReason::kNotForUs;
  }
  // RFC 1122 §3.2.1.3: never a source. 127/8 must not be seen outside a host.
  if (!source.is_unicast() || source.is_loopback() || output_.routes().is_broadcast(source)) {
    return DropReason::kBadAddress;
  }
  return ip.is_fragment() ? DropReason::kFragment : DropReason::kNone;
}

// Sent to a group, on the link or by its IP address. Without ARP every frame may carry a group
// address, so there only IP's counts.
bool IpHost::is_for_many(PortId port, const Ipv4View& ip, const PacketBuf& frame) const {
  const bool by_link =
      context_.config.interfaces[port].arp && MacAddress::load(frame.data()).is_multicast();
  return by_link || !output_.routes().is_local(ip.dst());
}

void IpHost::on_ipv4(Instant now, PortId port, BufPtr frame) {
  const bool verified = (frame->flags & kChecksumVerified) != 0;
  const auto parsed =
      Ipv4View::parse(frame->bytes().subspan(kEthernetHeaderLen),
                      verified ? HeaderChecksum::kDeviceVerified : HeaderChecksum::kVerify);
  if (!parsed) return drop(now, port, parsed.reason(), *frame);
  const Ipv4View& ip = *parsed;
  const DropReason reason = refusal(ip);
  if (reason != DropReason::kNone) return drop(now, port, reason, *frame);
  frame->l4_offset = static_cast<std::uint16_t>(kEthernetHeaderLen + ip.header_len());
  switch (ip.protocol()) {
    case IpProtocol::kTcp:
      return to_tcp(now, port, ip, std::move(frame));
    case IpProtocol::kUdp:
      return to_udp(now, port, ip, std::move(frame));
    case IpProtocol::kIcmp:
      return icmp_.on_packet(now, port, ip, std::move(frame), {tcp_, udp_});
    default:
      break;
  }
  // RFC 1122 §3.2.2.1: protocol unreachable; §3.2.2: no error about what went to a group.
  if (!is_for_many(port, ip, *frame)) {
    icmp_.send_unreachable(now, UnreachableCode::kProtocol, ip);
  }
  drop(now, port, DropReason::kUnknownProtocol, *frame);
}

void IpHost::to_tcp(Instant now, PortId port, const Ipv4View& ip, BufPtr frame) {
  const auto traffic_class =
      static_cast<std::uint8_t>(unsigned{ip.dscp()} << 2 | static_cast<unsigned>(ip.ecn()));
  // RFC 9293 §3.9.2.3, MUST-57: a connection has one peer at each end.
  if (is_for_many(port, ip, *frame)) return drop(now, port, DropReason::kBadAddress, *frame);
  const TcpArrival arrival{ip.src(), ip.dst(), traffic_class};
  const auto segment_len = static_cast<std::uint32_t>(ip.total_len() - ip.header_len());
  frame->pop_front(frame->l4_offset);
  frame->trim_to(segment_len);
  tcp_.on_segment(now, arrival, std::move(frame));
}

void IpHost::to_udp(Instant now, PortId port, const Ipv4View& ip, BufPtr frame) {
  const bool verified = (frame->flags & kChecksumVerified) != 0;
  const auto datagram =
      UdpView::parse(ip.payload(), verified ? std::nullopt : std::optional(ip.pseudo_sum()));
  if (!datagram) return drop(now, port, datagram.reason(), *frame);
  const UdpEndpoint source{ip.src(), datagram->src_port()};
  const UdpEndpoint target{ip.dst(), datagram->dst_port()};
  if (!udp_.has_endpoint(target, source)) {
    // RFC 1122 §4.1.3.1: port unreachable.
    if (!is_for_many(port, ip, *frame)) {
      icmp_.send_unreachable(now, UnreachableCode::kPort, ip);
    }
    return drop(now, port, DropReason::kNoSocket, *frame);
  }
  const auto payload_len = static_cast<std::uint32_t>(datagram->payload().size());
  frame->pop_front(frame->l4_offset + static_cast<std::uint32_t>(kUdpHeaderLen));
  frame->trim_to(payload_len);
  udp_.on_datagram(now, source, target, std::move(frame));
}

std::size_t IpHost::poll_tx(Instant now, PortId port, std::span<BufPtr> out) {
  std::size_t count = output_.take(port, out);
  TcpDeparture segment;
  // Bounded by TCP's windows: a segment given out is not given again before its timer.
  while (count < out.size() && tcp_.next_segment(now, segment)) {
    const IpDeparture departure{.source = segment.source.v4(),
                                .target = segment.target.v4(),
                                .protocol = IpProtocol::kTcp,
                                .traffic_class = segment.traffic_class};
    IpOutput::Framed framed = output_.frame(now, departure, std::move(segment.buf));
    if (framed.frame == nullptr) {
      ask_for_turn(now);  // the question may leave by another port
      continue;
    }
    if (framed.port == port) {
      out[count++] = std::move(framed.frame);
    } else {
      output_.enqueue(now, framed.port, std::move(framed.frame));
      ask_for_turn(now);
    }
  }
  // Asking for a neighbour put a frame behind what take() gave before.
  count += output_.take(port, out.subspan(count));
  for (const BufPtr& frame : out.first(count)) context_.counters.tx_bytes += frame->len;
  context_.counters.tx_frames += count;
  if (count > 0 && udp_.someone_waits_for_room()) udp_.on_room();
  return count;
}

}  // namespace twinpath
