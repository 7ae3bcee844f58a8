// Frames out, and the questions and answers of ARP. Those of Neighbour Discovery are in
// link_layer_nd.cc.
#include "models/host/link_layer.h"

#include "models/wire/ip_scope.h"

namespace twinpath {

LinkLayer::Loop::Loop(LinkLayer& owner)
    : timer(&owner,
            [](void* self, Instant now) { static_cast<LinkLayer*>(self)->deliver_looping(now); }) {}

LinkLayer::LinkLayer(HostContext& context, const RouteTable& routes, LinkUser& user)
    : context_(context), routes_(routes), user_(user), neighbours_(context, *this) {
  queues_.reserve(context.interfaces.ports());
  for (std::size_t i = 0; i < context.interfaces.ports(); ++i) {
    queues_.emplace_back(context.config.tx_queue_frames);
  }
}

Resolution LinkLayer::resolve(Instant now, const Hop& hop) {
  using Outcome = Resolution::Outcome;
  if (hop.interface == kLoopbackInterface) return {Outcome::kKnown, MacAddress(), kNever};
  const InterfaceConfig& interface = context_.interface(hop.interface);
  if (!interface.arp) return {Outcome::kKnown, interface.peer, kNever};
  if (hop.next.is_multicast()) return {Outcome::kKnown, multicast_mac(hop.next), kNever};
  if (hop.next.is_v4() && routes_.is_broadcast(hop.next.v4())) {
    return {Outcome::kKnown, MacAddress::broadcast(), kNever};
  }
  return neighbours_.resolve(now, hop);
}

void LinkLayer::send(Instant now, const Hop& hop, BufPtr packet) {
  const Resolution neighbour = resolve(now, hop);
  push_header(hop.interface, neighbour.mac, *packet);
  switch (neighbour.outcome) {
    case Resolution::Outcome::kKnown:
      return enqueue(now, context_.interfaces.port_of(hop.interface), std::move(packet));
    case Resolution::Outcome::kUnknown:
      return neighbours_.hold(now, hop, std::move(packet));
    case Resolution::Outcome::kUnreachable:
      return on_unresolved(now, hop.interface, std::move(packet));
  }
}

void LinkLayer::push_header(InterfaceId interface, MacAddress to, PacketBuf& packet) const {
  const bool v4 = load_u8(packet.data()) >> 4 == 4;
  EthernetRepr header{
      .dst = to, .src = MacAddress(), .ethertype = v4 ? EtherType::kIpv4 : EtherType::kIpv6};
  if (interface != kLoopbackInterface) {
    const InterfaceConfig& own = context_.interface(interface);
    header.src = own.mac;
    header.vlans[0].tci = own.vlan;
    header.vlan_count = own.vlan == 0 ? 0 : 1;
  }
  header.emit(packet.push_front(static_cast<std::uint32_t>(header.header_len())));
}

void LinkLayer::enqueue(Instant now, PortId port, BufPtr frame) {
  if (port == kLoopbackPort) return loop(now, std::move(frame));
  if (queues_[port].full()) {
    context_.drop(now, {DropReason::kQueueFull, Way::kOut, port, frame->len});
  } else {
    queues_[port].push(std::move(frame));
  }
}

std::size_t LinkLayer::take(PortId port, std::span<BufPtr> out) {
  FrameQueue& queue = queues_[port];
  std::size_t count = 0;
  while (count < out.size() && !queue.empty()) out[count++] = queue.pop();
  return count;
}

std::uint32_t LinkLayer::room(PortId port) const {
  if (port != kLoopbackPort) return context_.config.tx_queue_frames - queues_[port].size();
  return kLoopbackFramesMax - (loop_ == nullptr ? 0 : loop_->frames.size());
}

void LinkLayer::loop(Instant now, BufPtr frame) {
  if (loop_ == nullptr) loop_ = std::make_unique<Loop>(*this);
  if (loop_->frames.full()) {
    context_.drop(now, {DropReason::kQueueFull, Way::kOut, kLoopbackPort, frame->len});
    return;
  }
  loop_->frames.push({after(now, context_.config.loopback_delay), std::move(frame)});
  if (!loop_->timer.armed()) context_.timers.arm(loop_->timer, loop_->frames.front().due);
}

// What arrives may make the host send to itself again: that waits for the next time, so the loop is
// bounded by what was there.
void LinkLayer::deliver_looping(Instant now) {
  const std::uint32_t waiting = loop_->frames.size();
  for (std::uint32_t i = 0; i < waiting && loop_->frames.front().due <= now; ++i) {
    user_.on_loopback(now, loop_->frames.pop().frame);
  }
  if (!loop_->frames.empty() && !loop_->timer.armed()) {
    context_.timers.arm(loop_->timer, loop_->frames.front().due);
  }
}

void LinkLayer::on_arp(Instant now, InterfaceId id, const ArpPacket& packet) {
  if (routes_.is_local(packet.sender_ip)) {
    ++context_.counters.address_conflicts;
    return;
  }
  const bool asks_us =
      packet.operation == ArpOperation::kRequest && routes_.is_local(packet.target_ip);
  const Hop sender{id, packet.sender_ip, packet.target_ip};
  neighbours_.on_arp(now, sender, packet.sender_mac, asks_us);
  if (!asks_us) return;
  const ArpPacket reply{.operation = ArpOperation::kReply,
                        .sender_mac = context_.interface(id).mac,
                        .sender_ip = packet.target_ip,
                        .target_mac = packet.sender_mac,
                        .target_ip = packet.sender_ip};
  send_arp(now, id, reply, packet.sender_mac);
}

void LinkLayer::ask_neighbour(Instant now, const Hop& hop, const MacAddress* unicast) {
  const MacAddress own = context_.interface(hop.interface).mac;
  if (hop.next.is_v4()) {
    const ArpPacket question{.operation = ArpOperation::kRequest,
                             .sender_mac = own,
                             .sender_ip = hop.source.v4(),
                             .target_mac = MacAddress(),
                             .target_ip = hop.next.v4()};
    send_arp(now, hop.interface, question, unicast ? *unicast : MacAddress::broadcast());
    return;
  }
  NdMessage question;
  question.target = hop.next;
  question.link_address = own;
  const IpAddress group = solicited_node(hop.next);
  const NdDeparture departure{hop.interface, hop.source, unicast ? hop.next : group,
                              unicast ? *unicast : multicast_mac(group)};
  send_nd(now, departure, question);
}

// Empty without a buffer: the next question, or the peer's, repeats what was to be said.
BufPtr LinkLayer::control_buf(Instant now, InterfaceId interface) {
  BufPtr buf(context_.pool.take());
  if (buf == nullptr) {
    const PortId port = context_.interfaces.port_of(interface);
    context_.drop(now, {DropReason::kNoBuffer, Way::kOut, port, kArpLen});
  }
  return buf;
}

void LinkLayer::send_arp(Instant now, InterfaceId id, const ArpPacket& packet, MacAddress to) {
  BufPtr buf = control_buf(now, id);
  if (buf == nullptr) return;
  const InterfaceConfig& own = context_.interface(id);
  EthernetRepr header{.dst = to, .src = own.mac, .ethertype = EtherType::kArp};
  header.vlans[0].tci = own.vlan;
  header.vlan_count = own.vlan == 0 ? 0 : 1;
  header.emit(buf->push_back(static_cast<std::uint32_t>(header.header_len())));
  packet.emit(buf->push_back(kArpLen));
  const bool question = packet.operation == ArpOperation::kRequest;
  ++(question ? context_.counters.arp_requests_out : context_.counters.arp_replies_out);
  enqueue(now, context_.interfaces.port_of(id), std::move(buf));
}

void LinkLayer::on_resolved(Instant now, InterfaceId interface, MacAddress mac, BufPtr frame) {
  mac.store(frame->data());
  enqueue(now, context_.interfaces.port_of(interface), std::move(frame));
}

void LinkLayer::on_unresolved(Instant now, InterfaceId id, BufPtr frame) {
  const PortId port = context_.interfaces.port_of(id);
  context_.drop(now, {DropReason::kNoNeighbour, Way::kOut, port, frame->len});
  const std::size_t header =
      kEthernetHeaderLen + (context_.interface(id).vlan == 0 ? 0 : kVlanTagLen);
  user_.on_undeliverable(now, frame->bytes().subspan(header));
}

}  // namespace twinpath
