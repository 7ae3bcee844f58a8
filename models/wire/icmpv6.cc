// ICMPv6: parse with the quoted packet, and emit.
#include "models/wire/icmpv6.h"

#include <algorithm>

#include "models/base/check.h"
#include "models/wire/ipv6.h"

namespace twinpath {
namespace {

bool is_known(Icmpv6Type type) {
  switch (type) {
    case Icmpv6Type::kUnreachable:
    case Icmpv6Type::kPacketTooBig:
    case Icmpv6Type::kTimeExceeded:
    case Icmpv6Type::kParameterProblem:
    case Icmpv6Type::kEchoRequest:
    case Icmpv6Type::kEchoReply:
    case Icmpv6Type::kRouterSolicitation:
    case Icmpv6Type::kRouterAdvertisement:
    case Icmpv6Type::kNeighbourSolicitation:
    case Icmpv6Type::kNeighbourAdvertisement:
    case Icmpv6Type::kRedirect:
      return true;
  }
  return false;
}

// The packet was cut by who quoted it, so its payload length says more than is there.
Parsed<QuotedPacket> parse_quoted(std::span<const std::byte> quote) {
  if (quote.size() < kIpv6HeaderLen) return DropReason::kTruncated;
  if (load_u8(quote.data()) >> 4 != 6) return DropReason::kBadVersion;
  Ipv6HeaderWalk walk(quote);
  const DropReason reason = walk.to_end();
  if (reason != DropReason::kNone) return reason;
  if (walk.fragment().offset_bytes != 0) return DropReason::kFragment;
  if (quote.size() < walk.header_len() + kIcmpQuotedPayloadLen) return DropReason::kTruncated;
  QuotedPacket packet;
  packet.src = IpAddress(Ipv6Address::load(quote.data() + 8));
  packet.dst = IpAddress(Ipv6Address::load(quote.data() + 24));
  packet.protocol = walk.protocol();
  packet.transport = quote.subspan(walk.header_len());
  return packet;
}

}  // namespace

Parsed<Icmpv6View> Icmpv6View::parse(std::span<const std::byte> message,
                                     std::optional<InetSum> pseudo) {
  if (message.size() < kIcmpv6HeaderLen) return DropReason::kTruncated;
  if (pseudo && !pseudo->add_bytes(message).is_valid()) return DropReason::kBadChecksum;
  Icmpv6View view(message);
  // RFC 4443 §2.4 (b): an unknown informational message is silently discarded. Of an unknown error
  // (a) would tell the upper layer, which could do nothing about it.
  if (!is_known(view.type())) return DropReason::kUnknownType;
  if (!view.is_error()) return view;
  const auto quoted = parse_quoted(view.data());
  if (!quoted) return quoted.reason();
  view.quoted_ = *quoted;
  return view;
}

void Icmpv6Repr::emit(std::span<std::byte> out, const IpAddress& source,
                      const IpAddress& target) const {
  CHECK(out.size() >= len());
  std::byte* at = out.data();
  store_u8(at, static_cast<std::uint8_t>(type));
  store_u8(at + 1, code);
  store_be16(at + 2, 0);
  store_be32(at + 4, word);
  InetSum sum = copy_and_sum(out.subspan(kIcmpv6HeaderLen, data.size()), data);
  sum.add_bytes(out.first(kIcmpv6HeaderLen));
  const PseudoHeader pseudo{IpProtocol::kIcmpv6, static_cast<std::uint32_t>(len())};
  sum.add(pseudo_sum(source.v6(), target.v6(), pseudo));
  store_be16(at + 2, sum.checksum());
}

Icmpv6Repr Icmpv6Repr::error(Icmpv6Type type, std::uint8_t code,
                             std::span<const std::byte> offending) {
  constexpr std::size_t kQuotedMax = kIpv6MtuMin - kIpv6HeaderLen - kIcmpv6HeaderLen;
  return {.type = type,
          .code = code,
          .word = 0,
          .data = offending.first(std::min(offending.size(), kQuotedMax))};
}

}  // namespace twinpath
