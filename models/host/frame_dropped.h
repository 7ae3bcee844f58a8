// What a host reports when a frame or packet goes no further, and its counters of the same.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "models/base/event.h"
#include "models/base/port.h"
#include "models/wire/parsed.h"

namespace twinpath {

enum class Way : std::uint8_t { kIn, kOut };

struct FrameDropped {
  static constexpr std::string_view kPath = "host.drop";
  EventHeader header;
  DropReason reason = DropReason::kNone;
  Way way = Way::kIn;
  PortId port = 0;
  std::uint32_t len = 0;  // bytes of what was dropped
};

// Plain numbers that drivers read at any time.
struct HostCounters {
  std::uint64_t rx_frames = 0;
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_frames = 0;
  std::uint64_t tx_bytes = 0;
  std::uint64_t echo_replies = 0;      // ICMP echo requests answered
  std::uint64_t icmp_errors_out = 0;   // unreachables sent
  std::uint64_t icmp_errors_in = 0;    // handed to a transport
  std::uint64_t arp_requests_out = 0;  // questions and unicast polls
  std::uint64_t arp_replies_out = 0;
  std::uint64_t nd_solicitations_out = 0;  // the same over IPv6
  std::uint64_t nd_advertisements_out = 0;
  std::uint64_t address_conflicts = 0;  // somebody else claimed an address of ours
  std::uint64_t fragments_out = 0;
  std::uint64_t fragments_in = 0;
  std::uint64_t datagrams_reassembled = 0;
  std::uint64_t path_mtu_lowered = 0;                 // a router's word, believed
  std::array<std::uint64_t, kDropReasons> dropped{};  // by reason, both ways

  [[nodiscard]] std::uint64_t drops(DropReason reason) const {
    return dropped[static_cast<std::size_t>(reason)];
  }
};

}  // namespace twinpath
