// ICMPv4: parse with the quoted packet, and emit.
#include "models/wire/icmpv4.h"

#include <algorithm>

#include "models/base/check.h"
#include "models/wire/ipv4.h"

namespace twinpath {
namespace {

bool is_known(Icmpv4Type type) {
  switch (type) {
    case Icmpv4Type::kEchoReply:
    case Icmpv4Type::kUnreachable:
    case Icmpv4Type::kEchoRequest:
    case Icmpv4Type::kTimeExceeded:
    case Icmpv4Type::kParameterProblem:
      return true;
  }
  return false;
}

std::span<const std::byte> quotable(std::span<const std::byte> offending) {
  constexpr std::size_t kQuotedMax = kIcmpErrorPacketLenMax - kIpv4HeaderLen - kIcmpv4HeaderLen;
  return offending.first(std::min(offending.size(), kQuotedMax));
}

}  // namespace

Parsed<Icmpv4View> Icmpv4View::parse(std::span<const std::byte> message) {
  if (message.size() < kIcmpv4HeaderLen) return DropReason::kTruncated;
  if (!sum_bytes(message).is_valid()) return DropReason::kBadChecksum;
  Icmpv4View view(message);
  // RFC 1122 §3.2.2: a message of unknown type is silently discarded.
  if (!is_known(view.type())) return DropReason::kUnknownType;
  if (!view.is_error()) return view;
  const DropReason reason = view.parse_quoted();
  if (reason != DropReason::kNone) return reason;
  return view;
}

DropReason Icmpv4View::parse_quoted() {
  const auto quote = data();
  if (quote.size() < kIpv4HeaderLen) return DropReason::kTruncated;
  const std::uint8_t first = load_u8(quote.data());
  if (first >> 4 != 4) return DropReason::kBadVersion;
  const std::size_t header_len = (first & 0x0fu) * 4u;
  if (header_len < kIpv4HeaderLen) return DropReason::kBadHeaderLength;
  if (quote.size() < header_len + kIcmpQuotedPayloadLen) return DropReason::kTruncated;
  // The middle of a datagram names no ports.
  if ((load_be16(quote.data() + 6) & 0x1fff) != 0) return DropReason::kFragment;
  quoted_.src = Ipv4Address::load(quote.data() + 12);
  quoted_.dst = Ipv4Address::load(quote.data() + 16);
  quoted_.protocol = static_cast<IpProtocol>(load_u8(quote.data() + 9));
  quoted_.transport = quote.subspan(header_len);
  return DropReason::kNone;
}

void Icmpv4Repr::emit(std::span<std::byte> out) const {
  CHECK(out.size() >= len());
  const bool is_echo = type == Icmpv4Type::kEchoReply || type == Icmpv4Type::kEchoRequest;
  std::byte* at = out.data();
  store_u8(at, static_cast<std::uint8_t>(type));
  store_u8(at + 1, code);
  store_be16(at + 2, 0);
  store_be16(at + 4, is_echo ? echo.identifier : std::uint16_t{0});
  store_be16(at + 6, is_echo ? echo.sequence : next_hop_mtu_bytes);
  InetSum sum = copy_and_sum(out.subspan(kIcmpv4HeaderLen, data.size()), data);
  sum.add_bytes(out.first(kIcmpv4HeaderLen));
  store_be16(at + 2, sum.checksum());
}

Icmpv4Repr Icmpv4Repr::echo_reply(const Icmpv4View& request) {
  return {.type = Icmpv4Type::kEchoReply, .echo = request.echo(), .data = request.data()};
}

Icmpv4Repr Icmpv4Repr::unreachable(UnreachableCode code, std::span<const std::byte> offending) {
  return {.type = Icmpv4Type::kUnreachable,
          .code = static_cast<std::uint8_t>(code),
          .data = quotable(offending)};
}

Icmpv4Repr Icmpv4Repr::fragmentation_needed(std::uint16_t mtu_bytes,
                                            std::span<const std::byte> offending) {
  Icmpv4Repr repr = unreachable(UnreachableCode::kFragmentationNeeded, offending);
  repr.next_hop_mtu_bytes = mtu_bytes;
  return repr;
}

Icmpv4Repr Icmpv4Repr::time_exceeded(TimeExceededCode code, std::span<const std::byte> offending) {
  return {.type = Icmpv4Type::kTimeExceeded,
          .code = static_cast<std::uint8_t>(code),
          .data = quotable(offending)};
}

}  // namespace twinpath
