// One function per header kind, named after RFC 8200's sections.
#include "models/host/ipv6_headers.h"

#include "models/wire/ipv6.h"
#include "models/wire/tcp.h"
#include "models/wire/udp.h"

namespace twinpath {

namespace {

Ipv6Problem problem(ParameterCode code, std::size_t pointer) {
  return {DropReason::kBadOption, code, static_cast<std::uint32_t>(pointer), false};
}

// RFC 8200 §4.2: the two highest bits of an option's type say what to do who does not know it.
Ipv6Problem unknown_option(std::uint8_t type, std::size_t pointer) {
  Ipv6Problem found = problem(ParameterCode::kOption, pointer);
  switch (type >> 6) {
    case 0:
      return {};
    case 1:
      found.answer.reset();
      break;
    case 2:
      found.even_to_group = true;
      break;
    default:
      break;
  }
  return found;
}

// Where an extension header stands.
struct Place {
  std::size_t at;
  std::size_t len;
};

// RFC 8200 §4.3, §4.6. Each turn passes at least one byte.
Ipv6Problem check_options(std::span<const std::byte> packet, Place header) {
  constexpr std::uint8_t kPad1 = 0;
  constexpr std::uint8_t kPadN = 1;
  const std::size_t end = header.at + header.len;
  for (std::size_t offset = header.at + 2; offset < end;) {
    const std::uint8_t type = load_u8(&packet[offset]);
    if (type == kPad1) {
      ++offset;
      continue;
    }
    if (offset + 1 >= end) return problem(ParameterCode::kHeader, offset);
    const std::size_t option_len = load_u8(&packet[offset + 1]) + std::size_t{2};
    if (option_len > end - offset) return problem(ParameterCode::kHeader, offset + 1);
    if (type != kPadN) {
      const Ipv6Problem found = unknown_option(type, offset);
      if (found.reason != DropReason::kNone) return found;
    }
    offset += option_len;
  }
  return {};
}

// RFC 8200 §4.4, RFC 5095 §3: no routing type is known here; one with nothing left to do is passed.
Ipv6Problem check_routing(std::span<const std::byte> packet, std::size_t at) {
  const std::uint8_t segments_left = load_u8(&packet[at + 3]);
  return segments_left == 0 ? Ipv6Problem() : problem(ParameterCode::kHeader, at + 2);
}

Ipv6Problem check_header(std::span<const std::byte> packet, IpProtocol kind, Place header) {
  switch (kind) {
    case IpProtocol::kHopByHop:
    case IpProtocol::kDestinationOptions:
      return check_options(packet, header);
    case IpProtocol::kRouting:
      return check_routing(packet, header.at);
    default:
      return {};
  }
}

std::size_t upper_header_len(IpProtocol protocol) {
  switch (protocol) {
    case IpProtocol::kTcp:
      return kTcpHeaderLen;
    case IpProtocol::kUdp:
      return kUdpHeaderLen;
    case IpProtocol::kIcmpv6:
      return kIcmpv6HeaderLen;
    default:
      return 0;
  }
}

// RFC 7112 §5: the first fragment carries every header, the upper layer's too.
Ipv6Problem check_chain(std::span<const std::byte> packet, const Ipv6HeaderWalk& walk,
                        DropReason stopped) {
  const bool first = walk.fragment().more && walk.fragment().offset_bytes == 0;
  const bool whole = stopped == DropReason::kNone &&
                     packet.size() - walk.header_len() >= upper_header_len(walk.protocol());
  if (first && !whole) {
    return {DropReason::kBadFragment, ParameterCode::kIncompleteChain, 0, false};
  }
  return {stopped, std::nullopt, 0, false};
}

}  // namespace

Ipv6Problem check_ipv6_headers(std::span<const std::byte> packet) {
  Ipv6HeaderWalk walk(packet);
  while (!walk.at_end()) {
    const IpProtocol kind = walk.protocol();
    const std::size_t at = walk.header_len();
    const std::size_t named_at = walk.protocol_offset();
    const DropReason reason = walk.step();
    // RFC 8200 §4: hop-by-hop options anywhere but first count as a header nobody knows.
    if (reason == DropReason::kBadOption) return problem(ParameterCode::kNextHeader, named_at);
    if (reason != DropReason::kNone) return check_chain(packet, walk, reason);
    const Ipv6Problem found = check_header(packet, kind, {at, walk.header_len() - at});
    if (found.reason != DropReason::kNone) return found;
  }
  return check_chain(packet, walk, DropReason::kNone);
}

}  // namespace twinpath
