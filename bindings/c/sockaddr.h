// Linux's socket addresses to and from ours.
#pragma once

#include <sys/socket.h>

#include "models/socket/socket_api.h"

namespace twinpath::bind {

// An address a caller passed, or what Linux says to one like it.
struct AddressResult {
  SocketAddress address{};
  int family = 0;
  Errno error = Errno::kNone;
};
// Errors: kFault for null, kInvalid for a length, kAddressFamilyNotSupported for another family
// than AF_INET, AF_INET6 and AF_UNSPEC.
AddressResult read_sockaddr(const sockaddr* address, socklen_t length);

// In the form of `domain`: an IPv4 address on an AF_INET6 socket is ::ffff:a.b.c.d. As much as
// `*length` has room for; `*length` becomes the whole length. kFault, kInvalid (negative length).
Errno write_sockaddr(const SocketAddress& from, int domain, sockaddr* to, socklen_t* length);

}  // namespace twinpath::bind
