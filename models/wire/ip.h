// What both versions of IP share: protocol numbers, the ECN field (RFC 3168 §5) and the
// pseudo-header that transport checksums cover (RFC 9293 §3.1, RFC 8200 §8.1).
#pragma once

#include <cstdint>

#include "models/wire/address.h"
#include "models/wire/checksum.h"

namespace twinpath {

enum class IpProtocol : std::uint8_t {
  kHopByHop = 0,
  kIcmp = 1,
  kTcp = 6,
  kUdp = 17,
  kRouting = 43,
  kFragment = 44,
  kEsp = 50,
  kAuthentication = 51,
  kIcmpv6 = 58,
  kNoNextHeader = 59,
  kDestinationOptions = 60,
};

// No path is taken for narrower, whatever a router says. RFC 8200 §5; for IPv4 Linux's floor: who
// claims less wants us slow (routers older than RFC 1191 say 0).
inline constexpr std::uint32_t kIpv6MtuMin = 1280;  // of every link, and of no ICMPv6 error more
inline constexpr std::uint32_t kIpv4PathMtuMin = 552;

// RFC 3168 §5; ECT(1) names L4S traffic since RFC 9331 §2.
enum class Ecn : std::uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

// The upper-layer packet length goes in with the addresses; a 32-bit length serves both versions
// because the upper half of an IPv4 length is zero.
struct PseudoHeader {
  IpProtocol protocol = IpProtocol::kTcp;
  std::uint32_t upper_len = 0;
};

constexpr InetSum pseudo_sum(Ipv4Address src, Ipv4Address dst, PseudoHeader header) {
  InetSum sum;
  sum.add_u32(src.value()).add_u32(dst.value());
  sum.add_u32(static_cast<std::uint32_t>(header.protocol)).add_u32(header.upper_len);
  return sum;
}

inline InetSum pseudo_sum(const Ipv6Address& src, const Ipv6Address& dst, PseudoHeader header) {
  InetSum sum = sum_bytes(std::as_bytes(std::span(src.octets())));
  sum.add_bytes(std::as_bytes(std::span(dst.octets())));
  sum.add_u32(static_cast<std::uint32_t>(header.protocol)).add_u32(header.upper_len);
  return sum;
}

// Of either version. Requires: both addresses are of one version.
inline InetSum pseudo_sum(const IpAddress& src, const IpAddress& dst, PseudoHeader header) {
  if (dst.is_v4()) return pseudo_sum(src.v4(), dst.v4(), header);
  return pseudo_sum(src.v6(), dst.v6(), header);
}

}  // namespace twinpath
