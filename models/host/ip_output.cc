// The fast path is find_path() hitting its slot and two headers written; the rest is for packets
// whose way is not known yet.
#include "models/host/ip_output.h"

namespace twinpath {

IpOutput::IpOutput(HostContext& context, UndeliverableUser& user)
    : context_(context), user_(user), routes_(context.config), neighbours_(context, *this) {
  queues_.reserve(context.config.interfaces.size());
  for (std::size_t i = 0; i < context.config.interfaces.size(); ++i) {
    queues_.emplace_back(context.config.tx_queue_frames);
  }
}

IpOutput::Framed IpOutput::frame(Instant now, const IpDeparture& departure, BufPtr packet) {
  CHECK(packet->data_off >= kIpHeadroomBytes);
  const Path* path = find_path(now, departure.target);
  if (path == nullptr) return {frame_unresolved(now, departure, std::move(packet)), 0};
  if (packet->len + kIpv4HeaderLen > context_.config.interfaces[path->port].mtu_bytes) {
    return {refuse(now, DropReason::kTooBig, std::move(packet)), 0};
  }
  push_ip_header(departure, *packet);
  push_ethernet_header(path->port, path->mac, *packet);
  return {std::move(packet), path->port};
}

const IpOutput::Path* IpOutput::find_path(Instant now, Ipv4Address target) {
  const Path& slot = paths_[(target.value() * 0x9e3779b1U) >> 28];
  if (slot.target == target && now < slot.until) return &slot;
  const auto hop = routes_.find(target);
  return hop ? resolve_path(now, *hop, target) : nullptr;
}

// Fills the slot of `target`. Nothing when its neighbour has to be asked first.
const IpOutput::Path* IpOutput::resolve_path(Instant now, const Hop& hop, Ipv4Address target) {
  static_assert(kPaths == 16, "the shift in find_path() keeps four bits");
  Path& slot = paths_[(target.value() * 0x9e3779b1U) >> 28];
  const InterfaceConfig& interface = context_.config.interfaces[hop.port];
  if (!interface.arp) {
    slot = {target, interface.peer, hop.port, kNever};
  } else if (routes_.is_broadcast(hop.next)) {
    slot = {target, MacAddress::broadcast(), hop.port, kNever};
  } else {
    const Resolution neighbour = neighbours_.resolve(now, hop);
    if (neighbour.outcome != Resolution::Outcome::kKnown) return nullptr;
    slot = {target, neighbour.mac, hop.port, neighbour.until};
  }
  return &slot;
}

void IpOutput::push_ip_header(const IpDeparture& departure, PacketBuf& packet) {
  const Ipv4Repr header{.src = departure.source,
                        .dst = departure.target,
                        .protocol = departure.protocol,
                        .payload_len = packet.len,
                        .ttl = context_.config.ttl,
                        .dscp = static_cast<std::uint8_t>(departure.traffic_class >> 2),
                        .ecn = static_cast<Ecn>(departure.traffic_class & 3),
                        .identification = 0,  // RFC 6864 §4.1: meaningless in atomic datagrams
                        .dont_fragment = true};
  header.emit(packet.push_front(kIpv4HeaderLen));
}

void IpOutput::push_ethernet_header(PortId port, MacAddress to, PacketBuf& packet) {
  const EthernetRepr header{
      .dst = to, .src = context_.config.interfaces[port].mac, .ethertype = EtherType::kIpv4};
  header.emit(packet.push_front(kEthernetHeaderLen));
}

BufPtr IpOutput::frame_unresolved(Instant now, const IpDeparture& departure, BufPtr packet) {
  const auto hop = routes_.find(departure.target);
  if (!hop) return refuse(now, DropReason::kNoRoute, std::move(packet));
  if (packet->len + kIpv4HeaderLen > context_.config.interfaces[hop->port].mtu_bytes) {
    return refuse(now, DropReason::kTooBig, std::move(packet));
  }
  push_ip_header(departure, *packet);
  push_ethernet_header(hop->port, MacAddress(), *packet);
  if (neighbours_.resolve(now, *hop).outcome == Resolution::Outcome::kUnreachable) {
    on_unresolved(now, hop->port, std::move(packet));
  } else {
    neighbours_.hold(now, *hop, std::move(packet));
  }
  return nullptr;
}

BufPtr IpOutput::refuse(Instant now, DropReason reason, BufPtr packet) {
  context_.drop(now, {reason, Way::kOut, 0, packet->len});
  return nullptr;
}

void IpOutput::send(Instant now, const IpDeparture& departure, BufPtr packet) {
  Framed framed = frame(now, departure, std::move(packet));
  if (framed.frame != nullptr) enqueue(now, framed.port, std::move(framed.frame));
}

void IpOutput::enqueue(Instant now, PortId port, BufPtr frame) {
  if (queues_[port].full()) {
    context_.drop(now, {DropReason::kQueueFull, Way::kOut, port, frame->len});
  } else {
    queues_[port].push(std::move(frame));
  }
}

std::size_t IpOutput::take(PortId port, std::span<BufPtr> out) {
  FrameQueue& queue = queues_[port];
  std::size_t count = 0;
  while (count < out.size() && !queue.empty()) out[count++] = queue.pop();
  return count;
}

void IpOutput::on_arp(Instant now, PortId port, const ArpPacket& packet) {
  const InterfaceConfig& interface = context_.config.interfaces[port];
  if (routes_.is_local(packet.sender_ip)) {
    ++context_.counters.address_conflicts;
    return;
  }
  const bool asks_us =
      packet.operation == ArpOperation::kRequest && routes_.is_local(packet.target_ip);
  neighbours_.learn(now, port, packet, asks_us);
  if (!asks_us) return;
  const ArpPacket reply{.operation = ArpOperation::kReply,
                        .sender_mac = interface.mac,
                        .sender_ip = packet.target_ip,
                        .target_mac = packet.sender_mac,
                        .target_ip = packet.sender_ip};
  send_arp(now, port, reply, packet.sender_mac);
}

void IpOutput::send_arp(Instant now, PortId port, const ArpPacket& packet, MacAddress to) {
  BufPtr buf(context_.pool.take());
  if (buf == nullptr) {
    // The next question, or the peer's, repeats it.
    context_.drop(now, {DropReason::kNoBuffer, Way::kOut, port, kArpLen});
    return;
  }
  const EthernetRepr header{
      .dst = to, .src = context_.config.interfaces[port].mac, .ethertype = EtherType::kArp};
  header.emit(buf->push_back(kEthernetHeaderLen));
  packet.emit(buf->push_back(kArpLen));
  const bool question = packet.operation == ArpOperation::kRequest;
  ++(question ? context_.counters.arp_requests_out : context_.counters.arp_replies_out);
  enqueue(now, port, std::move(buf));
}

void IpOutput::on_resolved(Instant now, PortId port, MacAddress mac, BufPtr frame) {
  mac.store(frame->data());
  enqueue(now, port, std::move(frame));
}

void IpOutput::on_unresolved(Instant now, PortId port, BufPtr frame) {
  context_.drop(now, {DropReason::kNoNeighbour, Way::kOut, port, frame->len});
  user_.on_undeliverable(now, frame->bytes().subspan(kEthernetHeaderLen));
}

Errno IpOutput::reachability(Instant now, Ipv4Address target) {
  const auto hop = routes_.find(target);
  const bool elsewhere = !target.is_multicast() && !target.is_any() && !routes_.is_local(target);
  if (!hop || !elsewhere) return Errno::kNetworkUnreachable;
  const InterfaceConfig& interface = context_.config.interfaces[hop->port];
  if (!interface.arp || routes_.is_broadcast(hop->next)) return Errno::kNone;
  const Resolution neighbour = neighbours_.resolve(now, *hop);
  return neighbour.outcome == Resolution::Outcome::kUnreachable ? Errno::kHostUnreachable
                                                                : Errno::kNone;
}

bool IpOutput::has_room(Ipv4Address target) const {
  const auto hop = routes_.find(target);
  return hop && !queues_[hop->port].full();
}

std::uint32_t IpOutput::mtu_bytes(Ipv4Address target) const {
  const auto hop = routes_.find(target);
  return hop ? context_.config.interfaces[hop->port].mtu_bytes : 0;
}

}  // namespace twinpath
