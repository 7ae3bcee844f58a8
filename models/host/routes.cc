// Routes of a host: the nets of its interfaces, then what it was told.
#include "models/host/routes.h"

#include <algorithm>
#include <bit>

#include "models/wire/ip_scope.h"

namespace twinpath {

namespace {

constexpr IpAddress kIpv4Loopback = Ipv4Address(0x7f000001);

// The IPv4 address on `interface` that shares a net with `gateway`, else the interface's first.
IpAddress source_towards(const InterfaceConfig& interface, const IpAddress& gateway) {
  const IpPrefix* first = nullptr;
  for (const IpPrefix& prefix : interface.addresses) {
    if (!prefix.is_v4()) continue;
    if (prefix.contains(gateway)) return prefix.address();
    if (first == nullptr) first = &prefix;
  }
  return first == nullptr ? IpAddress(Ipv4Address()) : first->address();
}

unsigned common_bits(const IpAddress& one, const IpAddress& other) {
  const std::uint64_t high = one.high() ^ other.high();
  if (high != 0) return static_cast<unsigned>(std::countl_zero(high));
  return 64 + static_cast<unsigned>(std::countl_zero(one.low() ^ other.low()));
}

}  // namespace

std::vector<IpPrefix> ipv6_addresses(const InterfaceConfig& interface) {
  std::vector<IpPrefix> addresses;
  if (!speaks_ipv6(interface)) return addresses;
  for (const IpPrefix& prefix : interface.addresses) {
    if (!prefix.is_v4()) addresses.push_back(prefix);
  }
  const bool has_link_local =
      std::any_of(addresses.begin(), addresses.end(),
                  [](const IpPrefix& prefix) { return prefix.address().is_link_local(); });
  constexpr unsigned kLinkLocalLen = 64;
  if (!has_link_local) {
    addresses.emplace_back(Ipv6Prefix(link_local_of(interface.mac).v6(), kLinkLocalLen));
  }
  return addresses;
}

RouteTable::RouteTable(const HostConfig& config) {
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
    const auto interface = static_cast<InterfaceId>(i);
    for (const IpPrefix& prefix : config.interfaces[i].addresses) {
      if (prefix.is_v4()) add_address(interface, prefix);
    }
    // RFC 4862 §5.4: until nobody else is known to have them, they are not ours.
    if (config.dad_transmits > 0) continue;
    for (const IpPrefix& prefix : ipv6_addresses(config.interfaces[i])) {
      add_address(interface, prefix);
    }
  }
  for (const RouteConfig& route : config.routes) {
    const bool v4 = route.target.is_v4();
    const InterfaceConfig& interface = config.interfaces[route.interface];
    add({route.target.net(), route.gateway,
         v4 ? source_towards(interface, route.gateway) : IpAddress(), route.interface});
  }
}

void RouteTable::add_address(InterfaceId interface, const IpPrefix& prefix) {
  local_.push_back({prefix.address(), interface});
  if (prefix.is_v4() && prefix.len() < 31) broadcast_.push_back(directed_broadcast(prefix.v4()));
  add({prefix.net(), IpAddress(), prefix.address(), interface});
}

void RouteTable::add(const Route& route) {
  const auto at = std::find_if(routes_.begin(), routes_.end(), [&](const Route& other) {
    return other.target.bits() < route.target.bits();
  });
  routes_.insert(at, route);
}

std::optional<Hop> RouteTable::find(const IpAddress& target) const {
  if (is_local(target)) return Hop{kLoopbackInterface, target, target};
  if (target.is_loopback()) {
    return Hop{kLoopbackInterface, target, target.is_v4() ? kIpv4Loopback : target};
  }
  for (const Route& route : routes_) {
    if (!route.target.contains(target)) continue;
    const IpAddress next = route.gateway.is_any() ? target : route.gateway;
    if (target.is_v4()) return Hop{route.interface, next, route.source};
    const auto source = source_on(route.interface, target);
    // While no address of that interface is ours, it is no way (RFC 4862 §5.4).
    if (source) return Hop{route.interface, next, *source};
  }
  return std::nullopt;
}

bool RouteTable::is_on(InterfaceId interface, const IpAddress& address) const {
  return std::any_of(local_.begin(), local_.end(), [&](const Local& local) {
    return local.interface == interface && local.address == address;
  });
}

bool RouteTable::is_broadcast(Ipv4Address address) const {
  return address.is_broadcast() ||
         std::find(broadcast_.begin(), broadcast_.end(), address) != broadcast_.end();
}

bool RouteTable::is_group(InterfaceId interface, const IpAddress& group) const {
  return std::any_of(local_.begin(), local_.end(), [&](const Local& local) {
    if (local.interface != interface || local.address.is_v4()) return false;
    return group == kAllNodes || group == kAllNodesOfInterface ||
           group == solicited_node(local.address);
  });
}

std::optional<IpAddress> RouteTable::source_on(InterfaceId interface,
                                               const IpAddress& target) const {
  const Local* best = nullptr;
  // RFC 6724 §5: the scope of the target, then the longest match, then the order given.
  const bool near = target.is_link_local() || target.is_multicast();
  const auto rank = [&](const Local& local) {
    const unsigned fits = local.address.is_link_local() == near ? 256 : 0;
    return fits + common_bits(local.address, target);
  };
  for (const Local& local : local_) {
    if (local.interface != interface || local.address.is_v4() != target.is_v4()) continue;
    if (best == nullptr || rank(local) > rank(*best)) best = &local;
  }
  return best == nullptr ? std::nullopt : std::optional(best->address);
}

}  // namespace twinpath
