// What datagram applications have in common. Each datagram begins with a 64-bit sequence number in
// network order; the rest is content (content.h) from offset 8 on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/base/field.h"
#include "models/socket/poller.h"

namespace twinpath {

inline constexpr std::uint32_t kDatagramHeaderBytes = 8;
inline constexpr Limits kDatagramLimits{.unit = "bytes", .min = kDatagramHeaderBytes, .max = 65507};
inline constexpr std::uint32_t kDatagramBytesMax = 65507;

std::vector<std::byte> make_datagram(std::uint64_t sequence, std::uint32_t size_bytes);
bool is_right(std::span<const std::byte> data);
std::string in_words(std::string_view call, Errno error);

// A socket, or why there is none.
struct Opened {
  Fd fd = Fd::kNone;
  std::string problem{};
};

// Unconnected at `port`, watched by `poller`.
Opened open_at(SocketApi& sockets, Poller& poller, std::uint16_t port);
Opened open_to(Instant now, SocketApi& sockets, const SocketAddress& remote);
// Takes every event there is; who calls looks at all of its sockets anyway.
void drain(Poller& poller);

}  // namespace twinpath
