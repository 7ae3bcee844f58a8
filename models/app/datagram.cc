// See datagram.h.
#include "models/app/datagram.h"

#include <cstring>

#include "models/app/content.h"
#include "models/wire/byte_order.h"

namespace twinpath {

std::vector<std::byte> make_datagram(std::uint64_t sequence, std::uint32_t size_bytes) {
  std::vector<std::byte> data(size_bytes);
  store_be64(data.data(), sequence);
  for (std::uint64_t at = kDatagramHeaderBytes; at < size_bytes;) {
    const auto piece = content_at({at, size_bytes - at});
    std::memcpy(data.data() + at, piece.data(), piece.size());
    at += piece.size();
  }
  return data;
}

bool is_right(std::span<const std::byte> data) {
  return data.size() >= kDatagramHeaderBytes &&
         !first_difference(kDatagramHeaderBytes, data.subspan(kDatagramHeaderBytes));
}

std::string in_words(std::string_view call, Errno error) {
  return std::string(call) + ": " + std::string(symbol(error));
}

Opened open_at(SocketApi& sockets, Poller& poller, std::uint16_t port) {
  const FdResult made = sockets.socket(SocketKind::kDatagram);
  if (made.error != Errno::kNone) return {.problem = in_words("socket", made.error)};
  const Errno error = sockets.bind(made.fd, {IpAddress(), port});
  if (error != Errno::kNone) {
    sockets.close(kStart, made.fd);
    return {.problem = in_words("bind to port " + std::to_string(port), error)};
  }
  poller.add(made.fd, {kPollIn, Trigger::kEdge});
  return {.fd = made.fd};
}

Opened open_to(Instant now, SocketApi& sockets, const SocketAddress& remote) {
  const FdResult made = sockets.socket(SocketKind::kDatagram);
  if (made.error != Errno::kNone) return {.problem = in_words("socket", made.error)};
  const Errno error = sockets.connect(now, made.fd, remote);
  if (error != Errno::kNone) {
    sockets.close(now, made.fd);
    return {.problem = in_words("connect", error)};
  }
  return {.fd = made.fd};
}

void drain(Poller& poller) {
  PollEvent event;
  while (poller.wait(std::span(&event, 1)) == 1) continue;
}

}  // namespace twinpath
