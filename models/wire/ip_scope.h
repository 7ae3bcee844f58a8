// What single addresses mean: groups, addresses made of a MAC, and what a socket's address covers.
// Read RFC 4291 §2.5 and §2.7, RFC 2464 §4 and §7, RFC 1112 §6.4 and RFC 3493 §5.3.
#pragma once

#include "models/wire/address.h"

namespace twinpath {

inline constexpr IpAddress kAllNodes = IpAddress::from_words({0xff02000000000000, 1});
inline constexpr IpAddress kAllNodesOfInterface = IpAddress::from_words({0xff01000000000000, 1});

// RFC 4291 §2.7.1: whoever has `address` hears this group.
constexpr IpAddress solicited_node(const IpAddress& address) {
  return IpAddress::from_words({0xff02000000000000, 0x1ff000000 | (address.low() & 0xffffff)});
}

// RFC 2464 §7, RFC 1112 §6.4. Requires: group.is_multicast().
constexpr MacAddress multicast_mac(const IpAddress& group) {
  return group.is_v4() ? MacAddress::from_u64(0x01005e000000 | (group.low() & 0x7fffff))
                       : MacAddress::from_u64(0x333300000000 | (group.low() & 0xffffffff));
}

// RFC 4291 §2.5.6 with the interface identifier of appendix A: the MAC with ff:fe in its middle and
// its universal bit turned over.
constexpr IpAddress link_local_of(MacAddress mac) {
  const std::uint64_t octets = mac.to_u64() ^ 0x020000000000;
  const std::uint64_t identifier = (octets >> 24) << 40 | 0xfffe000000 | (octets & 0xffffff);
  return IpAddress::from_words({0xfe80000000000000, identifier});
}

// Where a socket listens: "0.0.0.0" stands for every IPv4 address, "::" for every address of either
// version unless `v6_only` (RFC 3493 §5.3).
struct BoundAddress {
  IpAddress address;
  bool v6_only = false;

  constexpr bool covers(const IpAddress& target) const {
    if (!address.is_any()) return address == target;
    if (address.is_v4()) return target.is_v4();
    return !v6_only || !target.is_v4();
  }
  // Somebody could mean either of them.
  constexpr bool overlaps(const BoundAddress& other) const {
    if (!address.is_any()) return other.covers(address);
    if (!other.address.is_any()) return covers(other.address);
    if (address.is_v4() == other.address.is_v4()) return true;
    return address.is_v4() ? !other.v6_only : !v6_only;
  }
};

}  // namespace twinpath
