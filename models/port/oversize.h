// Watches for received IP packets longer than the MTU: what a peer sends that leaves cutting to its
// device (TSO, GSO) or joining (GRO) where no device does it. No wire carries such frames, and a
// capturing driver hands over their front only, so the length is read from the IP header.
#pragma once

#include <cstdint>

#include "models/port/decorator.h"
#include "models/wire/ethernet.h"

namespace twinpath {

struct OversizeCounters {
  std::uint64_t frames = 0;
  std::uint32_t longest_bytes = 0;  // Ethernet header included
};

class OversizePort final : public PortDecorator {
 public:
  template <typename PortType>
  explicit OversizePort(PortType& inner_port)
      : PortDecorator(inner_port),
        longest_bytes_(inner_port.caps().mtu_bytes +
                       static_cast<std::uint32_t>(kEthernetHeaderLen)) {}

  std::size_t rx_burst(std::span<BufPtr> out) override;
  [[nodiscard]] const OversizeCounters& counters() const { return counters_; }

 private:
  std::uint32_t longest_bytes_;
  OversizeCounters counters_;
};

}  // namespace twinpath
