// What no single field's range can say about a host's configuration.
#include "models/host/host_config.h"

namespace twinpath {

namespace {

using Problems = std::vector<Problem>;

std::string indexed(const char* list, std::size_t index, const char* member) {
  return std::string(list) + "[" + std::to_string(index) + "]." + member;
}

void check_interface(const InterfaceConfig& interface, std::size_t index, Problems& problems) {
  if (interface.mac.is_multicast() || interface.mac.is_zero()) {
    problems.push_back({indexed("interfaces", index, "mac"), interface.mac.to_string(),
                        "is not a station's address", "unicast, not zero"});
  }
  if (interface.mtu_bytes < kIpv4MtuMin || interface.mtu_bytes > 65535) {
    problems.push_back({indexed("interfaces", index, "mtu_bytes"),
                        std::to_string(interface.mtu_bytes), "is out of range", "68..65535"});
  }
  for (const Ipv4Prefix& prefix : interface.addresses) {
    if (prefix.address().is_unicast()) continue;
    problems.push_back({indexed("interfaces", index, "addresses"), prefix.to_string(),
                        "is not a host's address", "unicast"});
  }
}

void check_port(PortId port, const HostConfig& config, const std::string& field,
                Problems& problems) {
  if (port < config.interfaces.size()) return;
  problems.push_back({field, std::to_string(port), "names no interface",
                      "0.." + std::to_string(config.interfaces.size()) + ", excluded"});
}

}  // namespace

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
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    check_port(config.routes[i].port, config, indexed("routes", i, "port"), problems);
  }
  for (std::size_t i = 0; i < config.neighbours.size(); ++i) {
    check_port(config.neighbours[i].port, config, indexed("neighbours", i, "port"), problems);
  }
  return problems;
}

}  // namespace twinpath
