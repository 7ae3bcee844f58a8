// Neighbour Discovery messages: options are walked whole, so that a bad one behind a good one
// refuses the message, as RFC 4861 §7.1 wants.
#include "models/wire/neighbour_discovery.h"

#include <algorithm>

#include "models/base/check.h"
#include "models/wire/icmpv6.h"

namespace twinpath {
namespace {

constexpr std::size_t kFixedLen = 24;  // ICMPv6 header, flags, target
constexpr std::size_t kOptionLen = 8;  // type, length, MAC address
constexpr std::size_t kTargetOffset = 8;
constexpr std::uint8_t kSourceLinkAddress = 1;
constexpr std::uint8_t kTargetLinkAddress = 2;
constexpr std::uint32_t kRouterFlag = 1U << 31;
constexpr std::uint32_t kSolicitedFlag = 1U << 30;
constexpr std::uint32_t kOverrideFlag = 1U << 29;

std::uint8_t option_of(NdMessage::Kind kind) {
  return kind == NdMessage::Kind::kSolicitation ? kSourceLinkAddress : kTargetLinkAddress;
}

// Bounded by the message: every option is at least 8 bytes long.
DropReason parse_options(std::span<const std::byte> options, NdMessage& message) {
  while (!options.empty()) {
    if (options.size() < 2) return DropReason::kTruncated;
    const std::size_t len = load_u8(options.data() + 1) * std::size_t{8};
    if (len == 0) return DropReason::kBadOption;
    if (len > options.size()) return DropReason::kTruncated;
    const bool wanted = load_u8(options.data()) == option_of(message.kind);
    if (wanted) message.link_address = MacAddress::load(options.data() + 2);
    options = options.subspan(len);
  }
  return DropReason::kNone;
}

}  // namespace

Parsed<NdMessage> NdMessage::parse(std::span<const std::byte> message) {
  if (message.size() < kFixedLen) return DropReason::kTruncated;
  if (load_u8(message.data() + 1) != 0) return DropReason::kUnknownType;
  const std::uint32_t flags = load_be32(message.data() + 4);
  NdMessage parsed;
  const auto type = static_cast<Icmpv6Type>(load_u8(message.data()));
  if (type == Icmpv6Type::kNeighbourAdvertisement) {
    parsed.kind = Kind::kAdvertisement;
    parsed.router = (flags & kRouterFlag) != 0;
    parsed.solicited = (flags & kSolicitedFlag) != 0;
    parsed.overrides = (flags & kOverrideFlag) != 0;
  }
  parsed.target = IpAddress(Ipv6Address::load(message.data() + kTargetOffset));
  if (!parsed.target.is_unicast() || parsed.target.is_v4()) return DropReason::kBadAddress;
  const DropReason reason = parse_options(message.subspan(kFixedLen), parsed);
  if (reason != DropReason::kNone) return reason;
  return parsed;
}

std::size_t NdMessage::len() const { return kFixedLen + (link_address ? kOptionLen : 0); }

void NdMessage::emit(std::span<std::byte> out, const IpAddress& source, const IpAddress& to) const {
  CHECK(out.size() >= len());
  std::array<std::byte, kFixedLen + kOptionLen - kIcmpv6HeaderLen> body{};
  target.v6().store(body.data());
  if (link_address) {
    store_u8(&body[Ipv6Address::kLen], option_of(kind));
    store_u8(&body[Ipv6Address::kLen + 1], kOptionLen / 8);
    link_address->store(&body[Ipv6Address::kLen + 2]);
  }
  const std::uint32_t flags = (router ? kRouterFlag : 0) | (solicited ? kSolicitedFlag : 0) |
                              (overrides ? kOverrideFlag : 0);
  const Icmpv6Repr message{.type = kind == Kind::kSolicitation
                                       ? Icmpv6Type::kNeighbourSolicitation
                                       : Icmpv6Type::kNeighbourAdvertisement,
                           .code = 0,
                           .word = flags,
                           .data = std::span(body).first(len() - kIcmpv6HeaderLen)};
  message.emit(out, source, to);
}

}  // namespace twinpath
