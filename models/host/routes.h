// Which interface and next hop a packet takes. Longest prefix first; among equals the first one
// configured. A list, not a trie: hosts have a handful of routes, and the path cache in front of it
// (ip_output.h) is what the fast path sees. One table for both versions: an IPv4 prefix is one of
// 96 bits more.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "models/host/host_config.h"

namespace twinpath {

struct Hop {
  InterfaceId interface = 0;
  IpAddress next;    // the neighbour to hand the packet to
  IpAddress source;  // the address we speak from on that way
};

class RouteTable {
 public:
  explicit RouteTable(const HostConfig& config);

  // Nothing when there is no way. To ourselves the way is kLoopbackInterface.
  [[nodiscard]] std::optional<Hop> find(const IpAddress& target) const;
  // On whichever interface.
  [[nodiscard]] bool is_local(const IpAddress& address) const {
    for (const Local& local : local_) {
      if (local.address == address) return true;
    }
    return false;
  }
  [[nodiscard]] bool is_on(InterfaceId interface, const IpAddress& address) const;
  // RFC 1122 §3.3.6: limited, or directed at a net of ours.
  [[nodiscard]] bool is_broadcast(Ipv4Address address) const;
  // RFC 4291 §2.8: a group every node is in, or one that an address of this interface puts it in.
  [[nodiscard]] bool is_group(InterfaceId interface, const IpAddress& group) const;
  // Whom `target`, on the link of `interface`, sees us as (RFC 6724 §5, rules 1, 2 and 8). Nothing:
  // it has no address of that version.
  [[nodiscard]] std::optional<IpAddress> source_on(InterfaceId interface,
                                                   const IpAddress& target) const;
  // An address that has only now become ours.
  void add_address(InterfaceId interface, const IpPrefix& prefix);

 private:
  struct Route {
    IpPrefix target;
    IpAddress gateway;
    IpAddress source;  // any: chosen for each target
    InterfaceId interface;
  };
  struct Local {
    IpAddress address;
    InterfaceId interface;
  };
  void add(const Route& route);

  std::vector<Route> routes_;  // longest first
  std::vector<Local> local_;
  std::vector<Ipv4Address> broadcast_;
};

// Every IPv6 address `interface` is to have, the link-local one made of its MAC included.
std::vector<IpPrefix> ipv6_addresses(const InterfaceConfig& interface);

}  // namespace twinpath
