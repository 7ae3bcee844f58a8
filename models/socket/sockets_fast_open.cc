// Data with the SYN and urgent data: sends with something special about them. Read tcp(7),
// TCP_FASTOPEN and TCP_FASTOPEN_CONNECT; send(2), MSG_FASTOPEN and MSG_OOB.
#include <algorithm>

#include "models/socket/sockets.h"

namespace twinpath {

std::int64_t Sockets::send_urgent(Instant now, Fd fd, std::span<const std::byte> data) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->role == Role::kDatagram) return failure(Errno::kOperationNotSupported);
  if (socket->role != Role::kConnected) return failure(Errno::kBrokenPipe);
  const TcpStatus status = host_.tcp().status(socket->tcp);
  const std::int64_t refusal = refusal_to_send(*socket, status);
  if (refusal != 0) return refusal;
  const std::size_t fits = std::min<std::size_t>(data.size(), status.writable_bytes);
  return static_cast<std::int64_t>(
      queue_stream(now, *socket, data.first(fits), Urgency::kLastByte));
}

std::int64_t Sockets::send_fast_open(Instant now, Fd fd, const SocketAddress& remote,
                                     std::span<const std::byte> data) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->role == Role::kDatagram) return failure(Errno::kOperationNotSupported);
  const FastOpenMode mode = host_.tcp().config().fast_open;
  if (mode != FastOpenMode::kClient && mode != FastOpenMode::kBoth) {
    return failure(Errno::kOperationNotSupported);
  }
  if (socket->role == Role::kStream && socket->deferred() == nullptr) {
    const bool always = socket->fast_open_connect;
    socket->fast_open_connect = true;
    const bool may_carry = host_.tcp().has_fast_open_cookie(remote.address, now);
    Errno error = connect_stream(now, fd, *socket, remote);
    socket->fast_open_connect = always;
    if (may_carry && error == Errno::kNone) return send_deferred(now, fd, *socket, data);
    return failure(error);
  }
  if (socket->deferred() != nullptr) return failure(Errno::kIsConnected);
  return failure(connect_stream(now, fd, *socket, remote));
}

// The connection opens with what fits its SYN; the rest the caller sends once it is open.
std::int64_t Sockets::send_deferred(Instant now, Fd fd, Socket& socket,
                                    std::span<const std::byte> data) {
  const SocketAddress remote = *socket.deferred();
  socket.extra().deferred.reset();
  const bool always = socket.fast_open_connect;
  socket.fast_open_connect = true;
  const Errno error = start_connect(now, fd, socket, remote);
  socket.fast_open_connect = always;
  if (error != Errno::kInProgress) return failure(error);
  const std::size_t fits =
      std::min<std::size_t>(data.size(), host_.tcp().syn_room_bytes(socket.tcp, now));
  if (fits == 0 && !data.empty()) return failure(Errno::kInProgress);
  return static_cast<std::int64_t>(queue_stream(now, socket, data.first(fits)));
}

std::optional<std::uint32_t> Sockets::ahead_of_urgent(const Socket& socket) const {
  if (!socket.may_be_urgent || !socket.oob_asked) return std::nullopt;
  const TcpStatus status = host_.tcp().status(socket.tcp);
  if (!status.urgent || status.urgent_bytes == 0) return std::nullopt;
  return status.urgent_bytes - 1;
}

// tcp(7): without SO_OOBINLINE the octet stands beside the stream, and reading steps over it.
std::size_t Sockets::before_urgent(Instant now, Socket& socket, std::size_t bytes_max) {
  if (socket.role != Role::kConnected) return bytes_max;
  const auto ahead = ahead_of_urgent(socket);
  if (!ahead) {
    socket.may_be_urgent = false;
    return bytes_max;
  }
  if (*ahead > 0) return std::min<std::size_t>(*ahead, bytes_max);
  if (!socket.oob_inline) host_.tcp().receive(now, socket.tcp, 1);
  return bytes_max;
}

std::int64_t Sockets::receive_urgent(Fd fd, std::span<std::byte> into, Consume consume) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->role != Role::kConnected) return failure(Errno::kNotConnected);
  const auto ahead = ahead_of_urgent(*socket);
  if (!ahead || socket->urgent_taken || socket->oob_inline) return failure(Errno::kInvalid);
  const TcpStatus status = host_.tcp().status(socket->tcp);
  if (status.readable_bytes <= *ahead) return receive_nothing(*socket, status);
  if (into.empty()) return 0;
  if (consume == Consume::kYes) socket->urgent_taken = true;
  return host_.tcp().peek(socket->tcp, *ahead, into.first(1));
}

}  // namespace twinpath
