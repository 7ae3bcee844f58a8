// Addresses and errors of lwIP and ours.
#pragma once

#include <cstring>

#include "models/foreign/lwip/calls.h"
#include "models/socket/socket_api.h"

namespace twinpath::lwip {

// Any address of either version is IPADDR_TYPE_ANY.
ip_addr_t to_lwip(const IpAddress& address);
IpAddress from_lwip(const ip_addr_t& address);
inline SocketAddress from_lwip(const ip_addr_t& address, std::uint16_t port) {
  return {from_lwip(address), port};
}
// Of a call; what happened to a connection depends on its phase.
Errno error_of(err_t error);

}  // namespace twinpath::lwip
