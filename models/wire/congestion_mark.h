// A router's side of explicit congestion notification: "congestion experienced" written into a
// packet on its way. Read RFC 3168 §5 and §8.2.
#pragma once

#include <cstddef>
#include <span>

namespace twinpath {

// What became of the mark.
enum class CongestionMark {
  kMarked,   // or the packet said so before
  kRefused,  // not ECN-capable, or no IP packet: only its loss can tell
};

// Marks the IPv4 or IPv6 packet in an Ethernet frame, behind VLAN tags if there are some. An IPv4
// header's checksum stays as right or wrong as it was.
CongestionMark mark_congestion(std::span<std::byte> frame);

}  // namespace twinpath
