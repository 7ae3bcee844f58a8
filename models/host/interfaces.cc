// A list: a port has a handful of VLANs, and a host without any does not look at it.
#include "models/host/interfaces.h"

#include <algorithm>

namespace twinpath {

InterfaceTable::InterfaceTable(const HostConfig& config) {
  bool ordinary = true;
  std::vector<Place> places;
  places.reserve(config.interfaces.size());
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
    const InterfaceConfig& interface = config.interfaces[i];
    const auto own = static_cast<PortId>(i);
    const PortId port = interface.port == InterfaceConfig::kOwnPort ? own : interface.port;
    places.push_back({port, interface.vlan});
    ports_ = std::max(ports_, port + std::size_t{1});
    ordinary = ordinary && places.back() == Place{own, 0};
  }
  if (!ordinary) places_ = std::move(places);
}

InterfaceId InterfaceTable::find(const Place& place) const {
  const auto found = std::find(places_.begin(), places_.end(), place);
  return found == places_.end() ? kNoInterface : static_cast<InterfaceId>(found - places_.begin());
}

}  // namespace twinpath
