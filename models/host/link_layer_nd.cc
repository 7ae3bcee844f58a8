// Neighbour Discovery's questions and answers.
#include "models/host/link_layer.h"
#include "models/wire/ip_scope.h"
#include "models/wire/ipv6.h"

namespace twinpath {

BufPtr LinkLayer::nd_packet(Instant now, const NdDeparture& departure, const NdMessage& message) {
  BufPtr buf = control_buf(now, departure.interface);
  if (buf == nullptr) return buf;
  message.emit(buf->push_back(static_cast<std::uint32_t>(message.len())), departure.source,
               departure.to);
  const Ipv6Repr header{.src = departure.source.v6(),
                        .dst = departure.to.v6(),
                        .protocol = IpProtocol::kIcmpv6,
                        .payload_len = message.len(),
                        .hop_limit = kNdHopLimit};
  header.emit(buf->push_front(kIpv6HeaderLen));
  const bool question = message.kind == NdMessage::Kind::kSolicitation;
  ++(question ? context_.counters.nd_solicitations_out : context_.counters.nd_advertisements_out);
  return buf;
}

void LinkLayer::send_nd(Instant now, const NdDeparture& departure, const NdMessage& message) {
  BufPtr buf = nd_packet(now, departure, message);
  if (buf == nullptr) return;
  push_header(departure.interface, departure.mac, *buf);
  enqueue(now, context_.interfaces.port_of(departure.interface), std::move(buf));
}

void LinkLayer::on_nd(Instant now, const NdArrival& arrival) {
  const NdMessage& message = arrival.message;
  if (message.kind == NdMessage::Kind::kAdvertisement) {
    // RFC 4862 §5.4.4: somebody else has an address of ours.
    if (routes_.is_on(arrival.interface, message.target)) {
      ++context_.counters.address_conflicts;
      return;
    }
    neighbours_.on_advertisement(now, arrival.interface, message);
    return;
  }
  if (!routes_.is_on(arrival.interface, message.target)) return;
  if (routes_.is_local(arrival.source)) {
    ++context_.counters.address_conflicts;
    return;
  }
  answer_solicitation(now, arrival);
}

// RFC 4861 §7.2.3, §7.2.4. To who has no address yet the answer goes to all, unsolicited.
void LinkLayer::answer_solicitation(Instant now, const NdArrival& arrival) {
  const bool anonymous = arrival.source.is_any();
  const IpAddress& ours = arrival.message.target;
  const Hop sender{arrival.interface, arrival.source, ours};
  if (!anonymous && arrival.message.link_address) {
    neighbours_.on_solicitation(now, sender, *arrival.message.link_address);
  }
  NdMessage answer;
  answer.kind = NdMessage::Kind::kAdvertisement;
  answer.target = ours;
  answer.solicited = !anonymous;
  answer.overrides = true;
  answer.link_address = context_.interface(arrival.interface).mac;
  if (anonymous) {
    send_nd(now, {arrival.interface, ours, kAllNodes, multicast_mac(kAllNodes)}, answer);
    return;
  }
  // Who asked without saying where it is has to be found first.
  BufPtr packet = nd_packet(now, {arrival.interface, ours, arrival.source, MacAddress()}, answer);
  if (packet != nullptr) send(now, sender, std::move(packet));
}

void LinkLayer::ask_for_duplicates(Instant now, InterfaceId interface, const IpAddress& address) {
  NdMessage question;
  question.target = address;
  const IpAddress group = solicited_node(address);
  send_nd(now, {interface, IpAddress(), group, multicast_mac(group)}, question);
}

}  // namespace twinpath
