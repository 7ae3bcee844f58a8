// IPv6 headers and the walk over extension headers. Read RFC 8200 §3 and §4. What a host must
// answer about them is in models/host/ipv6_headers.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "models/wire/address.h"
#include "models/wire/byte_order.h"
#include "models/wire/ip.h"
#include "models/wire/parsed.h"

namespace twinpath {

inline constexpr std::size_t kIpv6HeaderLen = 40;
inline constexpr std::size_t kIpv6PayloadLenMax = 65535;
// RFC 8504 §5.3 lets a host refuse long chains; each kind but Destination Options occurs at most
// once (RFC 8200 §4.1), so 8 admits every legal chain.
inline constexpr std::size_t kIpv6ExtensionsMax = 8;

inline constexpr std::size_t kIpv6FragmentHeaderLen = 8;

struct Ipv6Fragment {
  std::size_t offset_bytes = 0;
  bool more = false;
  std::uint32_t identification = 0;
  std::size_t header_offset = 0;  // of the fragment header in the packet; 0 = there is none
  std::size_t named_offset = 0;   // of the field before it that announces it
};

// Goes from header to header of a packet that may be cut short, as those in ICMP errors are.
class Ipv6HeaderWalk {
 public:
  // Requires: bytes.size() >= kIpv6HeaderLen.
  explicit Ipv6HeaderWalk(std::span<const std::byte> bytes)
      : bytes_(bytes), protocol_(static_cast<IpProtocol>(load_u8(bytes.data() + 6))) {}

  // An upper layer, or the middle of a fragmented packet, is reached.
  [[nodiscard]] bool at_end() const;
  // Passes one extension header. Requires: !at_end().
  DropReason step();
  DropReason to_end();

  // What stands at header_len().
  [[nodiscard]] IpProtocol protocol() const { return protocol_; }
  [[nodiscard]] std::size_t header_len() const { return header_len_; }
  // Of the field that said protocol().
  [[nodiscard]] std::size_t protocol_offset() const { return protocol_offset_; }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] const Ipv6Fragment& fragment() const { return fragment_; }

 private:
  std::span<const std::byte> bytes_;
  IpProtocol protocol_;
  std::size_t header_len_ = kIpv6HeaderLen;
  std::size_t protocol_offset_ = 6;
  std::size_t count_ = 0;
  Ipv6Fragment fragment_;
};

class Ipv6View {
 public:
  // `bytes` begins at the IPv6 header and may be longer than the packet.
  static Parsed<Ipv6View> parse(std::span<const std::byte> bytes);

  std::uint8_t dscp() const { return static_cast<std::uint8_t>(traffic_class() >> 2); }
  Ecn ecn() const { return static_cast<Ecn>(traffic_class() & 3); }
  std::uint32_t flow_label() const { return load_be32(bytes_.data()) & 0xfffff; }
  std::uint8_t hop_limit() const { return load_u8(bytes_.data() + 7); }
  // Of the first header behind the fixed one.
  IpProtocol next_header() const { return static_cast<IpProtocol>(load_u8(bytes_.data() + 6)); }
  Ipv6Address src() const { return Ipv6Address::load(bytes_.data() + 8); }
  Ipv6Address dst() const { return Ipv6Address::load(bytes_.data() + 24); }

  // What follows all extension headers; kNoNextHeader when nothing does.
  IpProtocol protocol() const { return walk_.protocol(); }
  std::size_t protocol_offset() const { return walk_.protocol_offset(); }
  // Fixed header and extension headers.
  std::size_t header_len() const { return walk_.header_len(); }
  std::span<const std::byte> extensions() const {
    return bytes_.subspan(kIpv6HeaderLen, header_len() - kIpv6HeaderLen);
  }
  std::size_t extension_count() const { return walk_.count(); }
  // A fragment with offset 0 and none to follow is an atomic fragment (RFC 6946), whole by itself.
  bool is_fragment() const { return fragment().offset_bytes != 0 || fragment().more; }
  const Ipv6Fragment& fragment() const { return walk_.fragment(); }
  std::span<const std::byte> payload() const { return bytes_.subspan(header_len()); }
  std::span<const std::byte> bytes() const { return bytes_; }
  InetSum pseudo_sum() const {
    return twinpath::pseudo_sum(src(), dst(),
                                {protocol(), static_cast<std::uint32_t>(payload().size())});
  }

 private:
  explicit Ipv6View(std::span<const std::byte> bytes) : bytes_(bytes), walk_(bytes) {}
  unsigned traffic_class() const { return load_be16(bytes_.data()) >> 4 & 0xff; }

  std::span<const std::byte> bytes_;
  Ipv6HeaderWalk walk_;
};

// One extension header to emit: `body` is everything behind its first two bytes (next header and
// length). Requires: (body.size() + 2) % 8 == 0, and not AH, whose length counts differently.
struct Ipv6Extension {
  IpProtocol kind = IpProtocol::kHopByHop;
  std::span<const std::byte> body{};

  std::size_t len() const { return 2 + body.size(); }
};

struct Ipv6Repr {
  Ipv6Address src;
  Ipv6Address dst;
  IpProtocol protocol = IpProtocol::kTcp;
  std::size_t payload_len = 0;  // behind the extension headers
  std::uint8_t hop_limit = 64;
  std::uint8_t dscp = 0;
  Ecn ecn = Ecn::kNotEct;
  std::uint32_t flow_label = 0;  // 20 bits
  std::span<const Ipv6Extension> extensions{};

  std::size_t header_len() const;
  InetSum pseudo_sum() const {
    return twinpath::pseudo_sum(src, dst, {protocol, static_cast<std::uint32_t>(payload_len)});
  }
  // Writes the fixed header and the extension headers. Requires: out.size() >= header_len().
  void emit(std::span<std::byte> out) const;
};

}  // namespace twinpath
