// Frames in, frames out, in bursts: one queue pair of a device. Drivers implement Port; faults,
// delay, pcap and trace (models/port) wrap it. Virtual on purpose: one call moves up to kBurst
// frames, and a fake or a decorator is then an ordinary object.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "models/base/packet_buf.h"

namespace twinpath {

using PortId = std::uint16_t;
inline constexpr std::size_t kBurst = 32;  // frames moved by one call at most

struct PortCaps {
  std::uint32_t mtu_bytes = 1500;       // longest L3 packet
  std::uint32_t rx_descriptors = 1024;  // depth of the device's rings
  std::uint32_t tx_descriptors = 1024;
  std::uint16_t queue = 0;                 // which queue pair this is
  std::uint16_t queues = 1;                // how many the device has
  std::array<std::uint8_t, 40> rss_key{};  // all zero = no RSS
  bool rx_checksum = false;                // the device verifies L3 and L4 sums
  bool tx_checksum = false;                // the device fills them in
  bool chains = false;                     // takes frames of several buffers
  bool gso = false;                        // cuts frames that carry gso_bytes
  bool arp = true;                         // carries Ethernet; false: only IP packets pass
};

class Port {
 public:
  virtual ~Port() = default;
  [[nodiscard]] virtual PortCaps caps() const = 0;
  // Fills `out` from the front, returns how many; the caller owns them.
  virtual std::size_t rx_burst(std::span<BufPtr> out) = 0;
  // Takes frames from the front, leaves the rest with the caller, returns how many it took.
  virtual std::size_t tx_burst(std::span<BufPtr> frames) = 0;
  // How many frames tx_burst() would take now.
  [[nodiscard]] virtual std::size_t tx_room() const = 0;
};

}  // namespace twinpath
