// IPv6: the walk over extension headers, and emission.
#include "models/wire/ipv6.h"

#include <cstring>

#include "models/base/check.h"

namespace twinpath {
namespace {

bool is_extension(IpProtocol protocol) {
  switch (protocol) {
    case IpProtocol::kHopByHop:
    case IpProtocol::kRouting:
    case IpProtocol::kFragment:
    case IpProtocol::kAuthentication:
    case IpProtocol::kDestinationOptions:
      return true;
    default:
      return false;
  }
}

// Bytes of the extension header at `at`, of which at least 8 are there.
std::size_t extension_len(IpProtocol kind, const std::byte* at) {
  const std::size_t length_field = load_u8(at + 1);
  if (kind == IpProtocol::kFragment) return kIpv6FragmentHeaderLen;  // RFC 8200 §4.5
  // RFC 4302 §2.2: AH alone counts in 4-byte units less 2.
  if (kind == IpProtocol::kAuthentication) return (length_field + 2) * 4;
  return (length_field + 1) * 8;
}

Ipv6Fragment load_fragment(const std::byte* at) {
  const std::uint16_t field = load_be16(at + 2);
  return {field & 0xfff8u, (field & 1) != 0, load_be32(at + 4), 0, 0};
}

}  // namespace

Parsed<Ipv6View> Ipv6View::parse(std::span<const std::byte> bytes) {
  if (bytes.size() < kIpv6HeaderLen) return DropReason::kTruncated;
  if (load_u8(bytes.data()) >> 4 != 6) return DropReason::kBadVersion;
  // Deviates from RFC 2675 §3: jumbograms (payload length 0 with a jumbo option) are not supported
  // and show as an empty payload, as RFC 8200 alone reads them.
  const std::size_t packet_len = kIpv6HeaderLen + load_be16(bytes.data() + 4);
  if (packet_len > bytes.size()) return DropReason::kTruncated;
  Ipv6View view(bytes.first(packet_len));
  const DropReason reason = view.walk_.to_end();
  if (reason != DropReason::kNone) return reason;
  return view;
}

bool Ipv6HeaderWalk::at_end() const {
  // Behind a later fragment's header lies the middle of something, not a header (RFC 8200 §4.5).
  return !is_extension(protocol_) || fragment_.offset_bytes != 0;
}

DropReason Ipv6HeaderWalk::step() {
  // RFC 8200 §4.1: hop-by-hop options stand only directly behind the fixed header.
  if (protocol_ == IpProtocol::kHopByHop && count_ != 0) return DropReason::kBadOption;
  if (count_ == kIpv6ExtensionsMax) return DropReason::kTooManyExtensions;
  if (bytes_.size() - header_len_ < kIpv6FragmentHeaderLen) return DropReason::kTruncated;
  const std::byte* at = bytes_.data() + header_len_;
  const std::size_t len = extension_len(protocol_, at);
  if (len > bytes_.size() - header_len_) return DropReason::kTruncated;
  if (protocol_ == IpProtocol::kFragment) {
    fragment_ = load_fragment(at);
    fragment_.header_offset = header_len_;
    fragment_.named_offset = protocol_offset_;
  }
  protocol_ = static_cast<IpProtocol>(load_u8(at));
  protocol_offset_ = header_len_;
  header_len_ += len;
  ++count_;
  return DropReason::kNone;
}

DropReason Ipv6HeaderWalk::to_end() {
  while (!at_end()) {
    const DropReason reason = step();
    if (reason != DropReason::kNone) return reason;
  }
  return DropReason::kNone;
}

std::size_t Ipv6Repr::header_len() const {
  std::size_t len = kIpv6HeaderLen;
  for (const Ipv6Extension& extension : extensions) len += extension.len();
  return len;
}

void Ipv6Repr::emit(std::span<std::byte> out) const {
  const std::size_t behind_fixed = header_len() - kIpv6HeaderLen + payload_len;
  CHECK(out.size() >= header_len() && behind_fixed <= kIpv6PayloadLenMax);
  std::byte* at = out.data();
  const std::uint32_t traffic_class = std::uint32_t{dscp} << 2 | static_cast<std::uint32_t>(ecn);
  store_be32(at, 6u << 28 | traffic_class << 20 | (flow_label & 0xfffff));
  store_be16(at + 4, static_cast<std::uint16_t>(behind_fixed));
  store_u8(at + 7, hop_limit);
  src.store(at + 8);
  dst.store(at + 24);
  std::byte* next_header_field = at + 6;
  at += kIpv6HeaderLen;
  for (const Ipv6Extension& extension : extensions) {
    CHECK(extension.len() % 8 == 0 && extension.kind != IpProtocol::kAuthentication);
    store_u8(next_header_field, static_cast<std::uint8_t>(extension.kind));
    next_header_field = at;
    // RFC 8200 §4.5: the fragment header has a reserved byte where the others have a length.
    const bool has_length = extension.kind != IpProtocol::kFragment;
    store_u8(at + 1, static_cast<std::uint8_t>(has_length ? extension.len() / 8 - 1 : 0));
    std::memcpy(at + 2, extension.body.data(), extension.body.size());
    at += extension.len();
  }
  store_u8(next_header_field, static_cast<std::uint8_t>(protocol));
}

}  // namespace twinpath
