// Which interface and next hop a packet takes. Longest prefix first; among equals the first one
// configured. A list, not a trie: hosts have a handful of routes, and the path cache in front of it
// (path_cache.h) is what the fast path sees.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "models/host/host_config.h"

namespace twinpath {

struct Hop {
  PortId port = 0;
  Ipv4Address next;    // the neighbour to hand the packet to
  Ipv4Address source;  // the address we speak from on that way
};

class RouteTable {
 public:
  explicit RouteTable(const HostConfig& config);

  // Nothing when there is no way.
  [[nodiscard]] std::optional<Hop> find(Ipv4Address target) const;
  [[nodiscard]] bool is_local(Ipv4Address address) const;
  // RFC 1122 §3.3.6: limited, or directed at a net of ours.
  [[nodiscard]] bool is_broadcast(Ipv4Address address) const;

 private:
  struct Route {
    Ipv4Prefix target;
    Ipv4Address gateway;
    Ipv4Address source;
    PortId port;
  };
  void add(const Route& route);

  std::vector<Route> routes_;  // longest first
  std::vector<Ipv4Address> local_;
  std::vector<Ipv4Address> broadcast_;
};

}  // namespace twinpath
