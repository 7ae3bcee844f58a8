// What only some stacks can do with a stream, besides SocketApi: look ahead, urgent data, data with
// the SYN, and to carry a connection elsewhere. Ours can (Sockets), and through it StackSockets.
#pragma once

#include "models/socket/socket_api.h"
#include "models/tcp/image.h"

namespace twinpath {

class StreamExtras {
 public:
  virtual ~StreamExtras() = default;
  // MSG_PEEK: what receive() would give, from its `offset`-th byte on; nothing is consumed.
  virtual std::int64_t peek(Fd fd, std::span<std::byte> into, std::uint32_t offset) = 0;
  // MSG_OOB: the last byte is urgent.
  virtual std::int64_t send_urgent(Instant now, Fd fd, std::span<const std::byte> data) = 0;
  // MSG_FASTOPEN: connect() and send() in one. Bytes taken, or a negative Errno.
  virtual std::int64_t send_fast_open(Instant now, Fd fd, const SocketAddress& remote,
                                      std::span<const std::byte> data) = 0;
  // The connection behind a descriptor as bytes, to be continued elsewhere or here. Until attach()
  // the descriptor reads as one whose connection is closed, and segments that arrive are refused:
  // whoever moves a connection holds them back meanwhile. Nothing when `fd` is no stream with a
  // living connection.
  virtual std::optional<TcbImage> detach(Instant now, Fd fd) = 0;
  // Requires a stream that never connected, or one detached. False: it is neither, or TCP refuses
  // the image (import_image()).
  virtual bool attach(Instant now, Fd fd, const TcbImage& image) = 0;
};

}  // namespace twinpath
