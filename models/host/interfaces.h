// Which interface a frame belongs to, and which port an interface sends by. Several interfaces may
// share a port, told apart by the VLAN of their frames (IEEE 802.1Q §6.9).
#pragma once

#include <vector>

#include "models/host/host_config.h"

namespace twinpath {

inline constexpr InterfaceId kNoInterface = 0xfffe;
// What a host's loopback is called in reports: no port has this number.
inline constexpr PortId kLoopbackPort = 0xffff;

class InterfaceTable {
 public:
  explicit InterfaceTable(const HostConfig& config);

  [[nodiscard]] std::size_t ports() const { return ports_; }
  // Whose untagged frames are; kNoInterface when nobody's.
  [[nodiscard]] InterfaceId untagged(PortId port) const {
    return places_.empty() ? port : find({port, 0});
  }
  // IEEE 802.1Q §6.9.1: VLAN 0 says a priority and no more.
  [[nodiscard]] InterfaceId tagged(PortId port, std::uint16_t vlan) const {
    return vlan == 0 ? untagged(port) : find({port, vlan});
  }
  [[nodiscard]] PortId port_of(InterfaceId interface) const {
    return places_.empty() || interface == kLoopbackInterface ? interface : places_[interface].port;
  }

 private:
  struct Place {
    PortId port = 0;
    std::uint16_t vlan = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };
  [[nodiscard]] InterfaceId find(const Place& place) const;

  std::size_t ports_ = 0;
  std::vector<Place> places_;  // by interface; empty when each has the port of its own number
};
static_assert(kLoopbackPort == kLoopbackInterface);

}  // namespace twinpath
