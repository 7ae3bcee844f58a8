// The boundary to drivers, the link's part of the way in, and what both versions of IP hand to
// transports. Packets of IP itself are in ip_host_input.cc.
#include "models/host/ip_host.h"

#include "models/wire/ethernet.h"
#include "models/wire/tcp.h"

namespace twinpath {

IpHost::IpHost(const HostConfig& config, const TcpConfig& tcp, BufPool& pool)
    : context_(config, pool),
      output_(context_, *this),
      icmp_(context_, output_),
      icmpv6_(context_, output_),
      reassembler_(context_, *this),
      tcp_(tcp, {pool, context_.timers, context_.bus, rng("tcp"), *this}),
      udp_(context_, output_, *this, rng("udp")) {
  CHECK(validate(config).empty());
  tcp_.set_observer(&context_.flows);
  tcp_.set_paths(this);
}

void IpHost::on_rx(Instant now, PortId port, std::span<BufPtr> frames) {
  CHECK(port < context_.interfaces.ports());
  if (frames.size() > 1 && tcp_.gains_by_expecting()) expect(frames);
  for (BufPtr& frame : frames) {
    ++context_.counters.rx_frames;
    context_.counters.rx_bytes += frame->len;
    on_frame(now, port, std::move(frame));
  }
  if (user_ != nullptr) user_->on_turn_end();
}

// Untagged TCP over IPv4 without IP options; what else comes is not expected.
void IpHost::expect(std::span<const BufPtr> frames) const {
  constexpr std::size_t kIp = kEthernetHeaderLen;
  constexpr std::size_t kTcp = kIp + kIpv4HeaderLen;
  constexpr std::uint8_t kVersionAndLen = 0x45;
  std::array<TcpStack::Expected, TcpStack::kExpectedMax> segments;
  std::size_t count = 0;
  for (const BufPtr& frame : frames.first(std::min(frames.size(), segments.size()))) {
    const auto bytes = std::as_const(*frame).bytes();
    if (bytes.size() < kTcp + kTcpHeaderLen) continue;
    if (load_be16(&bytes[12]) != static_cast<std::uint16_t>(EtherType::kIpv4)) continue;
    if (load_u8(&bytes[kIp]) != kVersionAndLen) continue;
    if (load_u8(&bytes[kIp + 9]) != static_cast<std::uint8_t>(IpProtocol::kTcp)) continue;
    segments[count++] = {{Ipv4Address::load(&bytes[kIp + 16]), load_be16(&bytes[kTcp + 2])},
                         {Ipv4Address::load(&bytes[kIp + 12]), load_be16(&bytes[kTcp])}};
  }
  tcp_.expect(std::span(segments).first(count));
}

void IpHost::drop(Instant now, InterfaceId interface, DropReason reason, const PacketBuf& frame) {
  context_.drop(now, {reason, Way::kIn, context_.interfaces.port_of(interface), frame.len});
}

void IpHost::on_frame(Instant now, PortId port, BufPtr frame) {
  const auto ethernet = EthernetView::parse(frame->bytes());
  if (!ethernet) return context_.drop(now, {ethernet.reason(), Way::kIn, port, frame->len});
  const InterfaceId id = ethernet->vlan_count() == 0 ? context_.interfaces.untagged(port)
                                                     : interface_of(port, *ethernet);
  if (id == kNoInterface) {
    return context_.drop(now, {DropReason::kNotForUs, Way::kIn, port, frame->len});
  }
  const InterfaceConfig& interface = context_.interface(id);
  const MacAddress dst = ethernet->dst();
  if (dst != interface.mac && !dst.is_multicast() && interface.arp) {
    return drop(now, id, DropReason::kNotForUs, *frame);
  }
  frame->l3_offset = static_cast<std::uint16_t>(ethernet->header_len());
  // Without ARP every frame may carry a group address, so there only IP's counts.
  const Arrival arrival{id, interface.arp && dst.is_multicast()};
  switch (ethernet->ethertype()) {
    case EtherType::kIpv4:
      return on_ipv4(now, arrival, std::move(frame));
    case EtherType::kIpv6:
      if (speaks_ipv6(interface)) return on_ipv6(now, arrival, std::move(frame));
      return drop(now, id, DropReason::kUnknownEthertype, *frame);
    case EtherType::kArp:
      return on_arp(now, id, std::move(frame));
    default:
      return drop(now, id, DropReason::kUnknownEthertype, *frame);
  }
}

// One tag names an interface; a tag inside another one is nobody's here.
InterfaceId IpHost::interface_of(PortId port, const EthernetView& ethernet) const {
  const VlanTag tag = ethernet.vlan(0);
  const bool known = ethernet.vlan_count() == 1 && tag.tpid == EtherType::kVlan;
  return known ? context_.interfaces.tagged(port, tag.id()) : kNoInterface;
}

void IpHost::on_arp(Instant now, InterfaceId id, BufPtr frame) {
  const auto packet = ArpPacket::parse(frame->bytes().subspan(frame->l3_offset));
  if (!packet) return drop(now, id, packet.reason(), *frame);
  if (!context_.interface(id).arp) return drop(now, id, DropReason::kNotForUs, *frame);
  output_.link().on_arp(now, id, *packet);
}

// What a host sends to itself was never on a wire, so its checksums stand as they were made.
void IpHost::on_loopback(Instant now, BufPtr frame) {
  frame->flags |= kChecksumVerified;
  frame->reserved = 0;
  frame->l3_offset = kEthernetHeaderLen;
  const Arrival arrival{kLoopbackInterface, false};
  const bool v4 = load_u8(frame->data() + kEthernetHeaderLen) >> 4 == 4;
  if (v4) {
    on_ipv4(now, arrival, std::move(frame));
  } else {
    on_ipv6(now, arrival, std::move(frame));
  }
  if (udp_.someone_waits_for_room()) udp_.on_room();
}

std::size_t IpHost::poll_tx(Instant now, PortId port, std::span<BufPtr> out) {
  std::size_t count = output_.take(port, out);
  TcpDeparture segment;
  // Bounded by TCP's windows: a segment given out is not given again before its timer.
  while (count < out.size() && tcp_.next_segment(now, segment)) {
    const IpDeparture departure{.source = segment.source,
                                .target = segment.target,
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
  for (const BufPtr& frame : out.first(count)) {
    context_.counters.tx_bytes += frame->len;
    frame->reserved = 0;
  }
  context_.counters.tx_frames += count;
  if (count > 0 && udp_.someone_waits_for_room()) udp_.on_room();
  return count;
}

void IpHost::on_undeliverable(Instant now, std::span<const std::byte> packet) {
  if (load_u8(packet.data()) >> 4 == 4) {
    icmp_.on_undeliverable(now, packet, {tcp_, udp_});
  } else {
    icmpv6_.on_undeliverable(now, packet, {tcp_, udp_});
  }
}

void IpHost::on_reassembly_timeout(Instant now, InterfaceId interface,
                                   std::span<const std::byte> first) {
  if (load_u8(first.data()) >> 4 == 4) return icmp_.send_reassembly_timeout(now, first);
  icmpv6_.send_error(
      now, {interface, first},
      {Icmpv6Type::kTimeExceeded, static_cast<std::uint8_t>(TimeExceededCode::kReassembly)});
}

}  // namespace twinpath
