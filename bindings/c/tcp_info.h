// TCP_INFO as Linux lays it out. <linux/tcp.h> has the whole structure, <netinet/tcp.h> the first
// part of it, and the two cannot be included together.
#pragma once

#include <linux/tcp.h>

#include "models/tcp/endpoint.h"

namespace twinpath::bind {

// include/net/tcp_states.h.
inline constexpr std::uint8_t kLinuxClose = 7;
inline constexpr std::uint8_t kLinuxListen = 10;

// Segments where Linux counts segments, microseconds where Linux has them. Fields the stack has no
// figure for are 0.
tcp_info linux_tcp_info(const TcpInfo& info);

}  // namespace twinpath::bind
