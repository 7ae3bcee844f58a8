// A packet socket on an interface of this namespace. To be included after ns-3's headers: the
// kernel's has macros with the names of theirs.
#pragma once

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "emu/setup_error.h"

namespace twinpath::bench {

// Throws SetupError.
inline int packet_socket(const char* interface) {
  const int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  sockaddr_ll place{};
  place.sll_family = AF_PACKET;
  place.sll_protocol = htons(ETH_P_ALL);
  place.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&place), sizeof(place)) != 0) {
    throw emu::SetupError("no packet socket", "sudo");
  }
  return fd;
}

}  // namespace twinpath::bench
