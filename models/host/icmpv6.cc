// ICMPv6 messages in and out.
#include "models/host/icmpv6.h"

#include "models/wire/ip_scope.h"

namespace twinpath {

namespace {

// Linux's icmpv6_err_convert.
IcmpMeaning unreachable(Unreachable6Code code) {
  using Kind = TcpIcmpKind;
  switch (code) {
    case Unreachable6Code::kNoRoute:
      return {Kind::kUnreachable, Errno::kNetworkUnreachable};
    case Unreachable6Code::kPort:
      return {Kind::kRefused, Errno::kConnectionRefused, true};
    case Unreachable6Code::kAdministrative:
    case Unreachable6Code::kPolicy:
    case Unreachable6Code::kReject:
      return {Kind::kRefused, Errno::kAccess, true};
    case Unreachable6Code::kBeyondScope:
    case Unreachable6Code::kAddress:
      return {Kind::kUnreachable, Errno::kHostUnreachable};
  }
  return {Kind::kRefused, Errno::kProtocolError, true};
}

IcmpMeaning meaning_of(const Icmpv6View& message) {
  switch (message.type()) {
    case Icmpv6Type::kPacketTooBig:
      return {TcpIcmpKind::kTooBig, Errno::kMessageSize, false, message.mtu_bytes()};
    case Icmpv6Type::kUnreachable:
      return unreachable(static_cast<Unreachable6Code>(message.code()));
    case Icmpv6Type::kParameterProblem:
      return {TcpIcmpKind::kTimeExceeded, Errno::kProtocolError, true};
    default:
      return {TcpIcmpKind::kTimeExceeded, Errno::kHostUnreachable};
  }
}

// RFC 4443 §2.4 (e.1), (e.2).
bool is_error_or_redirect(std::span<const std::byte> packet) {
  Ipv6HeaderWalk walk(packet);
  if (walk.to_end() != DropReason::kNone || walk.protocol() != IpProtocol::kIcmpv6) return false;
  if (walk.fragment().offset_bytes != 0 || packet.size() <= walk.header_len()) return false;
  const std::uint8_t type = load_u8(&packet[walk.header_len()]);
  return type < 128 || type == static_cast<std::uint8_t>(Icmpv6Type::kRedirect);
}

}  // namespace

Icmpv6::Icmpv6(HostContext& context, IpOutput& output)
    : context_(context),
      output_(output),
      tests_(context, output),
      errors_({context.config.icmp_errors_per_s, context.config.icmp_errors_burst}) {}

void Icmpv6::drop(Instant now, InterfaceId by, DropReason reason, const PacketBuf& frame) {
  context_.drop(now, {reason, Way::kIn, context_.interfaces.port_of(by), frame.len});
}

void Icmpv6::on_packet(Instant now, InterfaceId by, const Ipv6View& ip, BufPtr frame,
                       Transports to) {
  const bool verified = (frame->flags & kChecksumVerified) != 0;
  const auto message =
      Icmpv6View::parse(ip.payload(), verified ? std::nullopt : std::optional(ip.pseudo_sum()));
  if (!message) return drop(now, by, message.reason(), *frame);
  switch (message->type()) {
    case Icmpv6Type::kEchoRequest:
      return reply(now, by, ip, std::move(frame));
    case Icmpv6Type::kEchoReply:
      return drop(now, by, DropReason::kNoSocket, *frame);  // we never ask
    case Icmpv6Type::kNeighbourSolicitation:
    case Icmpv6Type::kNeighbourAdvertisement: {
      const DropReason reason = on_nd(now, by, ip);
      if (reason != DropReason::kNone) drop(now, by, reason, *frame);
      return;
    }
    case Icmpv6Type::kRouterSolicitation:
    case Icmpv6Type::kRouterAdvertisement:
    case Icmpv6Type::kRedirect:
      // Routes and addresses are what the configuration says.
      return drop(now, by, DropReason::kNotInUse, *frame);
    default:
      return deliver_error(now, *message, to);
  }
}

// RFC 4443 §4.2. Answers in the request's own buffer: only the type and the addresses change.
void Icmpv6::reply(Instant now, InterfaceId by, const Ipv6View& ip, BufPtr frame) {
  const IpAddress asker(ip.src());
  const IpAddress asked(ip.dst());
  const auto source = asked.is_multicast() ? output_.routes().source_on(by, asker) : asked;
  if (!source) return drop(now, by, DropReason::kNotForUs, *frame);
  const IpDeparture departure{.source = *source,
                              .target = asker,
                              .protocol = IpProtocol::kIcmpv6,
                              .traffic_class = static_cast<std::uint8_t>(ip.dscp() << 2),
                              .interface = asker.is_link_local() ? by : kNoInterface};
  const auto message_len = static_cast<std::uint32_t>(ip.payload().size());
  frame->pop_front(static_cast<std::uint32_t>(ip.payload().data() - frame->data()));
  frame->trim_to(message_len);
  std::byte* at = frame->data();
  store_u8(at, static_cast<std::uint8_t>(Icmpv6Type::kEchoReply));
  store_be16(at + 2, 0);
  InetSum sum = pseudo_sum(source->v6(), asker.v6(), {IpProtocol::kIcmpv6, message_len});
  store_be16(at + 2, sum.add_bytes(frame->bytes()).checksum());
  ++context_.counters.echo_replies;
  output_.send(now, departure, std::move(frame));
}

void Icmpv6::deliver_error(Instant now, const Icmpv6View& message, Transports to) {
  ++context_.counters.icmp_errors_in;
  const IcmpMeaning meaning = meaning_of(message);
  // RFC 8201 §4: a smaller MTU than every link's is a lie.
  if (meaning.kind == TcpIcmpKind::kTooBig && meaning.mtu_bytes < kIpv6MtuMin) return;
  tell_transport(now, message.quoted(), meaning, to, output_);
}

// RFC 4861 §7.1.1, §7.1.2: what every node checks, then the link layer's part.
DropReason Icmpv6::on_nd(Instant now, InterfaceId by, const Ipv6View& ip) {
  if (ip.hop_limit() != kNdHopLimit) return DropReason::kBadHopLimit;
  if (by == kLoopbackInterface || !context_.interface(by).arp) return DropReason::kNotForUs;
  const auto message = NdMessage::parse(ip.payload());
  if (!message) return message.reason();
  const NdArrival arrival{by, IpAddress(ip.src()), IpAddress(ip.dst()), *message};
  const bool solicitation = message->kind == NdMessage::Kind::kSolicitation;
  if (arrival.source.is_any()) {
    const bool probe =
        solicitation && !message->link_address && arrival.target == solicited_node(message->target);
    if (!probe) return DropReason::kBadAddress;
  }
  if (!solicitation && message->solicited && arrival.target.is_multicast()) {
    return DropReason::kBadAddress;
  }
  if (!tests_.on_nd(arrival)) output_.link().on_nd(now, arrival);
  return DropReason::kNone;
}

bool Icmpv6::may_answer(const Offence& offence, const Error& error) const {
  const IpAddress source(Ipv6Address::load(&offence.packet[8]));
  const IpAddress target(Ipv6Address::load(&offence.packet[24]));
  if (!source.is_unicast() || source.is_v4()) return false;
  const bool to_group = offence.by_group || target.is_multicast();
  return (!to_group || error.even_to_group) && !is_error_or_redirect(offence.packet);
}

void Icmpv6::send_error(Instant now, const Offence& offence, const Error& error) {
  if (!may_answer(offence, error)) return;
  const IpAddress to(Ipv6Address::load(&offence.packet[8]));
  const IpAddress asked(Ipv6Address::load(&offence.packet[24]));
  // RFC 4443 §2.2 (a), (b).
  const bool ours = output_.routes().is_local(asked) || asked.is_loopback();
  const auto source = ours ? asked : output_.routes().source_on(offence.interface, to);
  if (!source) return;
  if (!errors_.take(now)) {
    context_.drop(now, {DropReason::kRateLimited, Way::kOut, 0,
                        static_cast<std::uint32_t>(offence.packet.size())});
    return;
  }
  BufPtr buf(context_.pool.take());
  auto message = Icmpv6Repr::error(error.type, error.code, offence.packet);
  message.word = error.word;
  if (buf == nullptr || buf->tailroom() < message.len()) {
    context_.drop(now, {DropReason::kNoBuffer, Way::kOut, 0, 0});
    return;
  }
  message.emit(buf->push_back(static_cast<std::uint32_t>(message.len())), *source, to);
  ++context_.counters.icmp_errors_out;
  const bool near = to.is_link_local() && offence.interface != kLoopbackInterface;
  output_.send(now,
               {.source = *source,
                .target = to,
                .protocol = IpProtocol::kIcmpv6,
                .interface = near ? offence.interface : kNoInterface},
               std::move(buf));
}

void Icmpv6::on_undeliverable(Instant now, std::span<const std::byte> packet, Transports to) {
  const auto ip = Ipv6View::parse(packet);
  CHECK(ip.has_value());  // we built it
  if (ip->payload().size() < kIcmpQuotedPayloadLen || ip->fragment().offset_bytes != 0) return;
  const QuotedPacket quoted{IpAddress(ip->src()), IpAddress(ip->dst()), ip->protocol(),
                            ip->payload()};
  tell_transport(now, quoted, IcmpMeaning(), to, output_);
}

}  // namespace twinpath
