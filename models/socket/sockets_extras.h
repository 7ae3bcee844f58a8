// What Sockets can do with a stream besides SocketApi, behind the interface HostStack asks for.
#pragma once

#include "models/socket/sockets.h"
#include "models/socket/stream_extras.h"

namespace twinpath {

class SocketsExtras final : public StreamExtras {
 public:
  // Requires: `sockets` outlives it.
  explicit SocketsExtras(Sockets& sockets) : sockets_(sockets) {}

  std::int64_t peek(Fd fd, std::span<std::byte> into, std::uint32_t offset) override {
    return sockets_.peek(fd, into, offset);
  }
  std::int64_t send_urgent(Instant now, Fd fd, std::span<const std::byte> data) override {
    return sockets_.send_urgent(now, fd, data);
  }
  std::int64_t send_fast_open(Instant now, Fd fd, const SocketAddress& remote,
                              std::span<const std::byte> data) override {
    return sockets_.send_fast_open(now, fd, remote, data);
  }
  std::optional<TcbImage> detach(Instant now, Fd fd) override { return sockets_.detach(now, fd); }
  bool attach(Instant now, Fd fd, const TcbImage& image) override {
    return sockets_.attach(now, fd, image);
  }

 private:
  Sockets& sockets_;
};

}  // namespace twinpath
