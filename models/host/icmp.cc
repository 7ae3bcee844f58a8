// ICMP messages in and out.
#include "models/host/icmp.h"

#include <array>

namespace twinpath {

namespace {

// Nothing else here returns these.
constexpr Errno kNoNetwork{64};  // ENONET
constexpr Errno kHostDown{112};  // EHOSTDOWN

struct Meaning {
  Errno error;
  bool fatal;
};
// Linux's icmp_err_convert, by code: RFC 792, RFC 1122 §3.2.2.1 and RFC 1812 §5.2.7.1.
constexpr std::array kUnreachable = {
    Meaning{Errno::kNetworkUnreachable, false},     // network
    Meaning{Errno::kHostUnreachable, false},        // host
    Meaning{Errno::kNoProtocolOption, true},        // protocol
    Meaning{Errno::kConnectionRefused, true},       // port
    Meaning{Errno::kMessageSize, false},            // fragmentation needed
    Meaning{Errno::kOperationNotSupported, false},  // source route failed
    Meaning{Errno::kNetworkUnreachable, true},      // network unknown
    Meaning{kHostDown, true},                       // host unknown
    Meaning{kNoNetwork, true},                      // host isolated
    Meaning{Errno::kNetworkUnreachable, true},      // network prohibited
    Meaning{Errno::kHostUnreachable, true},         // host prohibited
    Meaning{Errno::kNetworkUnreachable, false},     // network, for this type of service
    Meaning{Errno::kHostUnreachable, false},        // host, for this type of service
    Meaning{Errno::kHostUnreachable, true},         // filtered
    Meaning{Errno::kHostUnreachable, true},         // host precedence violated
    Meaning{Errno::kHostUnreachable, true},         // precedence cut off
};

// Nothing: a code without a meaning is ignored.
std::optional<IcmpMeaning> meaning_of(const Icmpv4View& message) {
  using Kind = TcpIcmpKind;
  if (message.type() == Icmpv4Type::kParameterProblem) {
    return IcmpMeaning{Kind::kTimeExceeded, Errno::kProtocolError, true};
  }
  if (message.type() == Icmpv4Type::kTimeExceeded) {
    return IcmpMeaning{Kind::kTimeExceeded, Errno::kHostUnreachable};
  }
  if (message.code() >= kUnreachable.size()) return std::nullopt;
  const Meaning& row = kUnreachable[message.code()];
  if (row.error == Errno::kMessageSize) {
    return IcmpMeaning{Kind::kTooBig, row.error, row.fatal, message.next_hop_mtu_bytes()};
  }
  return IcmpMeaning{row.fatal ? Kind::kRefused : Kind::kUnreachable, row.error, row.fatal};
}

}  // namespace

Icmp::Icmp(HostContext& context, IpOutput& output)
    : context_(context),
      output_(output),
      errors_({context.config.icmp_errors_per_s, context.config.icmp_errors_burst}) {}

void Icmp::on_packet(Instant now, InterfaceId by, const Ipv4View& ip, BufPtr frame, Transports to) {
  const PortId port = context_.interfaces.port_of(by);
  const auto message = Icmpv4View::parse(ip.payload());
  if (!message) {
    context_.drop(now, {message.reason(), Way::kIn, port, frame->len});
  } else if (message->type() == Icmpv4Type::kEchoRequest) {
    reply(now, by, ip, std::move(frame));
  } else if (message->is_error()) {
    deliver_error(now, *message, to);
  } else {
    // An echo reply: we never ask.
    context_.drop(now, {DropReason::kNoSocket, Way::kIn, port, frame->len});
  }
}

// Answers in the request's own buffer: only the type changes, so the data is neither copied nor
// summed again.
void Icmp::reply(Instant now, InterfaceId by, const Ipv4View& ip, BufPtr frame) {
  // RFC 1122 §3.2.2.6: a request to a broadcast address may be discarded; answering one helps
  // amplification attacks.
  if (by != kLoopbackInterface && !output_.routes().is_local(ip.dst())) {
    const PortId port = context_.interfaces.port_of(by);
    context_.drop(now, {DropReason::kNotForUs, Way::kIn, port, frame->len});
    return;
  }
  const IpDeparture departure{.source = ip.dst(),
                              .target = ip.src(),
                              .protocol = IpProtocol::kIcmp,
                              .traffic_class = static_cast<std::uint8_t>(ip.dscp() << 2)};
  const auto message_len = static_cast<std::uint32_t>(ip.payload().size());
  frame->pop_front(static_cast<std::uint32_t>(ip.payload().data() - frame->data()));
  frame->trim_to(message_len);
  std::byte* at = frame->data();
  const std::uint16_t before = load_be16(at);
  store_u8(at, static_cast<std::uint8_t>(Icmpv4Type::kEchoReply));
  const FieldChange<std::uint16_t> change{before, load_be16(at)};
  store_be16(at + 2, updated_checksum(load_be16(at + 2), change));
  ++context_.counters.echo_replies;
  output_.send(now, departure, std::move(frame));
}

void Icmp::deliver_error(Instant now, const Icmpv4View& message, Transports to) {
  ++context_.counters.icmp_errors_in;
  const auto meaning = meaning_of(message);
  if (meaning) tell_transport(now, message.quoted(), *meaning, to, output_);
}

void Icmp::send_unreachable(Instant now, UnreachableCode code, const Ipv4View& offending) {
  send_error(now, Icmpv4Repr::unreachable(code, offending.bytes()),
             {offending.dst(), offending.src(), IpProtocol::kIcmp, 0});
}

void Icmp::send_reassembly_timeout(Instant now, std::span<const std::byte> first) {
  const Ipv4Address source = Ipv4Address::load(first.data() + 12);
  const Ipv4Address target = Ipv4Address::load(first.data() + 16);
  if (!output_.routes().is_local(target)) return;  // RFC 1122 §3.2.2: not about broadcasts
  send_error(now, Icmpv4Repr::time_exceeded(TimeExceededCode::kReassembly, first),
             {target, source, IpProtocol::kIcmp, 0});
}

void Icmp::send_error(Instant now, const Icmpv4Repr& message, const IpDeparture& departure) {
  if (!errors_.take(now)) {
    context_.drop(now, {DropReason::kRateLimited, Way::kOut, 0,
                        static_cast<std::uint32_t>(message.data.size())});
    return;
  }
  BufPtr buf(context_.pool.take());
  if (buf == nullptr) {
    context_.drop(now, {DropReason::kNoBuffer, Way::kOut, 0, 0});
    return;
  }
  message.emit(buf->push_back(static_cast<std::uint32_t>(message.len())));
  ++context_.counters.icmp_errors_out;
  output_.send(now, departure, std::move(buf));
}

void Icmp::on_undeliverable(Instant now, std::span<const std::byte> packet, Transports to) {
  const auto ip = Ipv4View::parse(packet, HeaderChecksum::kDeviceVerified);
  CHECK(ip.has_value());  // we built it
  if (ip->payload().size() < kIcmpQuotedPayloadLen || ip->fragment_offset_bytes() != 0) return;
  const QuotedPacket quoted{ip->src(), ip->dst(), ip->protocol(), ip->payload()};
  tell_transport(now, quoted, IcmpMeaning(), to, output_);
}

}  // namespace twinpath
