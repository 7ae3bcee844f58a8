// IPv4 headers. Read RFC 791 §3.1, RFC 1122 §3.2.1 (what a host must check) and RFC 6864 §4 (the
// identification field carries no meaning in atomic datagrams).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "models/wire/address.h"
#include "models/wire/byte_order.h"
#include "models/wire/checksum.h"
#include "models/wire/ip.h"
#include "models/wire/parsed.h"

namespace twinpath {

inline constexpr std::size_t kIpv4HeaderLen = 20;
inline constexpr std::size_t kIpv4HeaderLenMax = 60;
inline constexpr std::size_t kIpv4TotalLenMax = 65535;

// kDeviceVerified skips the sum because the NIC already made it (PacketBuf's verified flag).
enum class HeaderChecksum : std::uint8_t { kVerify, kDeviceVerified };

class Ipv4View {
 public:
  // `bytes` begins at the IP header and may be longer than the datagram (Ethernet padding).
  // RFC 1122 §3.2.1.1, §3.2.1.2: a wrong version or checksum is dropped silently.
  static Parsed<Ipv4View> parse(std::span<const std::byte> bytes,
                                HeaderChecksum policy = HeaderChecksum::kVerify) {
    if (bytes.size() < kIpv4HeaderLen) return DropReason::kTruncated;
    const std::uint8_t first = load_u8(bytes.data());
    if (first >> 4 != 4) return DropReason::kBadVersion;
    const std::size_t header_len = (first & 0x0fu) * 4u;
    if (header_len < kIpv4HeaderLen) return DropReason::kBadHeaderLength;
    const std::size_t total_len = load_be16(bytes.data() + 2);
    if (total_len < header_len) return DropReason::kBadLength;
    if (total_len > bytes.size()) return DropReason::kTruncated;
    const Ipv4View view(bytes.first(total_len), header_len);
    if (policy == HeaderChecksum::kVerify && !view.header_sum().is_valid()) {
      return DropReason::kBadChecksum;
    }
    if (header_len > kIpv4HeaderLen && !view.options_are_well_formed()) {
      return DropReason::kBadOption;
    }
    return view;
  }

  std::size_t header_len() const { return header_len_; }
  std::size_t total_len() const { return bytes_.size(); }
  std::uint8_t dscp() const { return load_u8(at(1)) >> 2; }
  Ecn ecn() const { return static_cast<Ecn>(load_u8(at(1)) & 3); }
  std::uint16_t identification() const { return load_be16(at(4)); }
  bool dont_fragment() const { return (load_u8(at(6)) & 0x40) != 0; }
  bool more_fragments() const { return (load_u8(at(6)) & 0x20) != 0; }
  std::size_t fragment_offset_bytes() const { return (load_be16(at(6)) & 0x1fffu) * 8u; }
  bool is_fragment() const { return (load_be16(at(6)) & 0x3fff) != 0; }
  std::uint8_t ttl() const { return load_u8(at(8)); }
  IpProtocol protocol() const { return static_cast<IpProtocol>(load_u8(at(9))); }
  std::uint16_t checksum() const { return load_be16(at(10)); }
  Ipv4Address src() const { return Ipv4Address::load(at(12)); }
  Ipv4Address dst() const { return Ipv4Address::load(at(16)); }
  std::span<const std::byte> header() const { return bytes_.first(header_len_); }
  std::span<const std::byte> options() const { return header().subspan(kIpv4HeaderLen); }
  std::span<const std::byte> payload() const { return bytes_.subspan(header_len_); }
  std::span<const std::byte> bytes() const { return bytes_; }

  // For the checksum of the transport payload.
  InetSum pseudo_sum() const {
    // Source and destination are eight adjacent bytes; their sum is one native word.
    InetSum sum;
    sum.add_native(load_native<std::uint64_t>(at(12)));
    sum.add_u32(static_cast<std::uint32_t>(protocol()));
    return sum.add_u32(static_cast<std::uint32_t>(bytes_.size() - header_len_));
  }

 private:
  Ipv4View(std::span<const std::byte> bytes, std::size_t header_len)
      : bytes_(bytes), header_len_(header_len) {}

  const std::byte* at(std::size_t offset) const { return bytes_.data() + offset; }
  InetSum header_sum() const {
    InetSum sum;
    sum.add_native(load_native<std::uint64_t>(at(0))).add_native(load_native<std::uint64_t>(at(8)));
    sum.add_native(load_native<std::uint32_t>(at(16)));
    return header_len_ == kIpv4HeaderLen ? sum : sum.add_bytes(options());
  }
  // RFC 791 §3.1: every option but EOL and NOP has a length that stays inside the header.
  bool options_are_well_formed() const;

  std::span<const std::byte> bytes_;
  std::size_t header_len_;
};

struct Ipv4Repr {
  Ipv4Address src;
  Ipv4Address dst;
  IpProtocol protocol = IpProtocol::kTcp;
  std::size_t payload_len = 0;
  std::uint8_t ttl = 64;
  std::uint8_t dscp = 0;
  Ecn ecn = Ecn::kNotEct;
  std::uint16_t identification = 0;
  bool dont_fragment = true;
  bool more_fragments = false;
  std::size_t fragment_offset_bytes = 0;  // a multiple of 8
  std::span<const std::byte> options{};   // well formed, a multiple of 4, at most 40 bytes

  std::size_t header_len() const { return kIpv4HeaderLen + options.size(); }
  std::size_t total_len() const { return header_len() + payload_len; }
  InetSum pseudo_sum() const {
    return twinpath::pseudo_sum(src, dst, {protocol, static_cast<std::uint32_t>(payload_len)});
  }
  // Writes the header with its checksum. Requires: out.size() >= header_len(),
  // total_len() <= kIpv4TotalLenMax.
  void emit(std::span<std::byte> out) const;
};

// RFC 1812 §5.3.1 for forwarders: TTL less one, checksum updated. `header` begins at the IP header
// of a parsed datagram. Requires: its TTL is not 0.
void decrement_ttl(std::span<std::byte> header);

// Rewrites an address in place and updates the header checksum. The transport checksum is the
// caller's: it knows the protocol.
void rewrite_src(std::span<std::byte> header, Ipv4Address src);
void rewrite_dst(std::span<std::byte> header, Ipv4Address dst);
void rewrite_ecn(std::span<std::byte> header, Ecn ecn);

}  // namespace twinpath
