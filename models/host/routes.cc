// Routes of a host: the nets of its interfaces, then what it was told.
#include "models/host/routes.h"

#include <algorithm>

namespace twinpath {

namespace {

// The address on `interface` that shares a net with `gateway`, else the interface's first.
Ipv4Address source_towards(const InterfaceConfig& interface, Ipv4Address gateway) {
  for (const Ipv4Prefix& prefix : interface.addresses) {
    if (prefix.contains(gateway)) return prefix.address();
  }
  return interface.addresses.empty() ? Ipv4Address() : interface.addresses.front().address();
}

}  // namespace

RouteTable::RouteTable(const HostConfig& config) {
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
    for (const Ipv4Prefix& prefix : config.interfaces[i].addresses) {
      local_.push_back(prefix.address());
      if (prefix.len() < 31) broadcast_.push_back(directed_broadcast(prefix));
      const Ipv4Prefix net(prefix.network(), prefix.len());
      add({net, Ipv4Address(), prefix.address(), static_cast<PortId>(i)});
    }
  }
  for (const RouteConfig& route : config.routes) {
    const Ipv4Address source = source_towards(config.interfaces[route.port], route.gateway);
    add({route.target, route.gateway, source, route.port});
  }
}

void RouteTable::add(const Route& route) {
  const auto at = std::find_if(routes_.begin(), routes_.end(), [&](const Route& other) {
    return other.target.len() < route.target.len();
  });
  routes_.insert(at, route);
}

std::optional<Hop> RouteTable::find(Ipv4Address target) const {
  for (const Route& route : routes_) {
    if (!route.target.contains(target)) continue;
    const Ipv4Address next = route.gateway.is_any() ? target : route.gateway;
    return Hop{route.port, next, route.source};
  }
  return std::nullopt;
}

bool RouteTable::is_local(Ipv4Address address) const {
  return std::find(local_.begin(), local_.end(), address) != local_.end();
}

bool RouteTable::is_broadcast(Ipv4Address address) const {
  return address.is_broadcast() ||
         std::find(broadcast_.begin(), broadcast_.end(), address) != broadcast_.end();
}

}  // namespace twinpath
