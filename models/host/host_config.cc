// What no single field's range can say about a host's configuration.
#include "models/host/host_config.h"

#include <algorithm>

#include "models/wire/icmpv6.h"

namespace twinpath {

namespace {

using Problems = std::vector<Problem>;

constexpr std::uint16_t kVlanMax = 4094;  // IEEE 802.1Q §9.6: 4095 is reserved

std::string indexed(const char* list, std::size_t index, const char* member) {
  return std::string(list) + "[" + std::to_string(index) + "]." + member;
}

void check_addresses(const InterfaceConfig& interface, std::size_t index, Problems& problems) {
  for (const IpPrefix& prefix : interface.addresses) {
    if (prefix.address().is_unicast() && !prefix.address().is_loopback()) continue;
    problems.push_back({indexed("interfaces", index, "addresses"), prefix.to_string(),
                        "is not a host's address", "unicast"});
  }
}

void check_interface(const InterfaceConfig& interface, std::size_t index, Problems& problems) {
  if (interface.mac.is_multicast() || interface.mac.is_zero()) {
    problems.push_back({indexed("interfaces", index, "mac"), interface.mac.to_string(),
                        "is not a station's address", "unicast, not zero"});
  }
  // RFC 8200 §5: a link that takes less cannot carry IPv6.
  const std::uint32_t mtu_min = speaks_ipv6(interface) ? kIpv6MtuMin : kIpv4MtuMin;
  if (interface.mtu_bytes < mtu_min || interface.mtu_bytes > 65535) {
    problems.push_back({indexed("interfaces", index, "mtu_bytes"),
                        std::to_string(interface.mtu_bytes), "is out of range",
                        std::to_string(mtu_min) + "..65535"});
  }
  if (interface.vlan > kVlanMax) {
    problems.push_back({indexed("interfaces", index, "vlan"), std::to_string(interface.vlan),
                        "is no VLAN", "0.." + std::to_string(kVlanMax)});
  }
  check_addresses(interface, index, problems);
}

PortId port_of(const HostConfig& config, std::size_t index) {
  const PortId port = config.interfaces[index].port;
  return port == InterfaceConfig::kOwnPort ? static_cast<PortId>(index) : port;
}

// A frame must belong to one interface.
void check_ports(const HostConfig& config, Problems& problems) {
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
    if (port_of(config, i) >= kInterfacesMax) {
      problems.push_back({indexed("interfaces", i, "port"), std::to_string(port_of(config, i)),
                          "is out of range", "0.." + std::to_string(kInterfacesMax - 1)});
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (port_of(config, i) != port_of(config, j)) continue;
      if (config.interfaces[i].vlan != config.interfaces[j].vlan) continue;
      problems.push_back(
          {indexed("interfaces", i, "vlan"), std::to_string(config.interfaces[i].vlan),
           "is interfaces[" + std::to_string(j) + "]'s on the same port", "another"});
    }
  }
}

void check_known(InterfaceId interface, const HostConfig& config, const std::string& field,
                 Problems& problems) {
  if (interface < config.interfaces.size()) return;
  problems.push_back({field, std::to_string(interface), "names no interface",
                      "0.." + std::to_string(config.interfaces.size()) + ", excluded"});
}

void check_route(const HostConfig& config, std::size_t index, Problems& problems) {
  const RouteConfig& route = config.routes[index];
  check_known(route.interface, config, indexed("routes", index, "interface"), problems);
  if (route.gateway.is_any() || route.gateway.is_v4() == route.target.is_v4()) return;
  problems.push_back({indexed("routes", index, "gateway"), route.gateway.to_string(),
                      "is of another version than " + route.target.to_string(), "the same"});
}

}  // namespace

bool speaks_ipv6(const InterfaceConfig& interface) {
  return interface.link_local ||
         std::any_of(interface.addresses.begin(), interface.addresses.end(),
                     [](const IpPrefix& prefix) { return !prefix.is_v4(); });
}

std::vector<Problem> validate(const HostConfig& config) {
  Problems problems = validate_fields(config);
  if (config.interfaces.empty() || config.interfaces.size() > kInterfacesMax) {
    problems.push_back({"interfaces", std::to_string(config.interfaces.size()),
                        "is not a usable number of interfaces",
                        "1.." + std::to_string(kInterfacesMax)});
  }
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
    check_interface(config.interfaces[i], i, problems);
  }
  check_ports(config, problems);
  for (std::size_t i = 0; i < config.routes.size(); ++i) check_route(config, i, problems);
  for (std::size_t i = 0; i < config.neighbours.size(); ++i) {
    check_known(config.neighbours[i].interface, config, indexed("neighbours", i, "interface"),
                problems);
  }
  return problems;
}

}  // namespace twinpath
