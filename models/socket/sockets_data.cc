// The calls that move data, and what makes a socket ready.
#include <algorithm>
#include <cstring>

#include "models/socket/sockets.h"

namespace twinpath {

namespace {

bool is_open(const TcpStatus& status) {
  return status.state != TcpState::kClosed && !status.opening;
}

}  // namespace

Errno Sockets::connect(Instant now, Fd fd, const SocketAddress& remote) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->role != Role::kDatagram) return connect_stream(now, fd, *socket, remote);
  return host_.udp().connect(now, socket->udp, remote);
}

Errno Sockets::connect_stream(Instant now, Fd fd, Socket& socket, const SocketAddress& remote) {
  if (socket.role == Role::kListener) return Errno::kIsConnected;
  if (socket.role == Role::kConnected) return connect_again(now, socket);
  if (socket.deferred() != nullptr) return Errno::kIsConnected;
  const bool v4 = remote.address.is_v4();
  // As Linux's AF_INET6 sockets: IPv4 is out of reach of one that is IPv6 only or bound to IPv6,
  // and IPv6 of one bound to IPv4.
  const IpAddress local = socket.local().address;
  const bool other = socket.bound && local != IpAddress() && local.is_v4() != v4;
  if (other && !v4) return Errno::kAddressFamilyNotSupported;
  if (other || (v4 && socket.v6_only)) return Errno::kNetworkUnreachable;
  const Errno unreachable = host_.ip().reachability(now, remote.address);
  if (unreachable != Errno::kNone) return unreachable;
  if (socket.fast_open_connect && host_.tcp().has_fast_open_cookie(remote.address, now)) {
    socket.extra().deferred = std::make_unique<SocketAddress>(remote);
    return Errno::kNone;
  }
  return start_connect(now, fd, socket, remote);
}

// connect(2): EALREADY while in progress; the outcome once, after which a socket whose connection
// failed may try again; EISCONN for one that was connected.
Errno Sockets::connect_again(Instant now, Socket& socket) {
  const TcpStatus status = host_.tcp().status(socket.tcp);
  if (status.state == TcpState::kSynSent || status.state == TcpState::kSynReceived) {
    return Errno::kAlready;
  }
  if (!socket.connecting) return Errno::kIsConnected;
  socket.connecting = false;
  if (status.state != TcpState::kClosed) return Errno::kNone;
  const Errno error = host_.tcp().take_error(socket.tcp);
  disconnect(now, socket);
  return error == Errno::kNone ? Errno::kConnectionAborted : error;
}

Errno Sockets::start_connect(Instant now, Fd fd, Socket& socket, const SocketAddress& remote) {
  SocketAddress local = socket.local();
  if (local.address.is_any()) {
    local.address = host_.ip().routes().find(remote.address)->source;
  }
  TcpOpenOptions options = socket.options() == nullptr ? TcpOpenOptions() : *socket.options();
  options.fast_open = options.fast_open || socket.fast_open_connect;
  const TcpOpenResult opened = host_.tcp().connect(now, local, remote, options);
  if (opened.error != Errno::kNone) return opened.error;
  socket.role = Role::kConnected;
  socket.connecting = true;
  socket.tcp = opened.id;
  socket.clear_error();
  remember(by_tcp_, opened.id.index, fd);
  note_port(socket);
  return Errno::kInProgress;
}

// 0 when bytes may be sent now. The order is Linux's: a pending error first, and only once.
std::int64_t Sockets::refusal_to_send(const Socket& socket, const TcpStatus& status) {
  if (status.state == TcpState::kClosed && status.error != Errno::kNone) {
    return failure(host_.tcp().take_error(socket.tcp));
  }
  if (status.opening) return failure(Errno::kAgain);
  if (status.send_shut || status.state == TcpState::kClosed) return failure(Errno::kBrokenPipe);
  return status.writable_bytes == 0 ? failure(Errno::kAgain) : 0;
}

std::int64_t Sockets::send(Instant now, Fd fd, std::span<const std::byte> data) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  switch (socket->role) {
    case Role::kDatagram:
      return host_.udp().send(now, socket->udp, nullptr, data);
    case Role::kConnected:
      return send_stream(now, fd, *socket, data);
    default:
      if (socket->deferred() != nullptr) return send_deferred(now, fd, *socket, data);
      return failure(socket->take_error_or(Errno::kBrokenPipe));
  }
}

std::int64_t Sockets::send_stream(Instant now, Fd fd, Socket& socket,
                                  std::span<const std::byte> data) {
  const TcpStatus status = host_.tcp().status(socket.tcp);
  const std::int64_t refusal = refusal_to_send(socket, status);
  if (refusal != 0) return refusal;
  const std::size_t fits = std::min<std::size_t>(data.size(), status.writable_bytes);
  const std::size_t sent = queue_stream(now, socket, data.first(fits));
  if (sent > 0 || data.empty()) return static_cast<std::int64_t>(sent);
  starve(fd, socket);
  return failure(Errno::kAgain);
}

std::size_t Sockets::queue_stream(Instant now, Socket& socket, std::span<const std::byte> data,
                                  Urgency urgency) {
  std::size_t sent = 0;
  while (sent < data.size()) {
    Slice piece = chunk_of(data.subspan(sent));
    if (piece.len == 0) break;
    const std::uint32_t offered = piece.len;
    const bool is_urgent = urgency == Urgency::kLastByte && sent + offered == data.size();
    TcpStack& tcp = host_.tcp();
    const std::uint32_t taken = is_urgent ? tcp.send_urgent(now, socket.tcp, std::move(piece))
                                          : tcp.send(now, socket.tcp, std::move(piece));
    sent += taken;
    if (taken < offered) break;
  }
  return sent;
}

std::int64_t Sockets::send_slice(Instant now, Fd fd, const Slice& data) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->role == Role::kDatagram) {
    return host_.udp().send(now, socket->udp, nullptr, data.bytes());
  }
  if (socket->deferred() != nullptr) return send_deferred(now, fd, *socket, data.bytes());
  if (socket->role != Role::kConnected) {
    return failure(socket->take_error_or(Errno::kBrokenPipe));
  }
  const TcpStatus status = host_.tcp().status(socket->tcp);
  const std::int64_t refusal = refusal_to_send(*socket, status);
  if (refusal != 0) return refusal;
  const std::uint32_t fits = std::min(data.len, status.writable_bytes);
  return host_.tcp().send(now, socket->tcp, data.first(fits));
}

std::int64_t Sockets::send_to(Instant now, Fd fd, const SocketAddress& target,
                              std::span<const std::byte> data) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  // send(2): a stream ignores the address or refuses it; Linux ignores it.
  if (socket->role != Role::kDatagram) return send(now, fd, data);
  return host_.udp().send(now, socket->udp, &target, data);
}

// Copies as much as fits into the chunk being filled. Empty when there is no chunk to be had.
Slice Sockets::chunk_of(std::span<const std::byte> data) {
  if (filling_ != nullptr && chunk_.is_unique()) {
    // Everybody else is done with it: start over.
    filling_->trim_to(0);
  }
  if (filling_ == nullptr || filling_->tailroom() == 0) {
    chunk_ = BufRef();
    filling_ = host_.stream_pool().take();
    if (filling_ == nullptr) return {};
    chunk_ = BufRef(BufPtr(filling_));
  }
  const auto count =
      static_cast<std::uint32_t>(std::min<std::size_t>(data.size(), filling_->tailroom()));
  const std::uint32_t offset = filling_->len;
  std::memcpy(filling_->push_back(count).data(), data.data(), count);
  return {chunk_, offset, count};
}

void Sockets::starve(Fd fd, Socket& socket) {
  if (socket.starved) return;
  socket.starved = true;
  starved_.push_back(fd);
}

// Chunks come home as peers acknowledge; whoever was refused may try again.
void Sockets::feed_starved() {
  if (host_.stream_pool().is_exhausted()) return;
  const std::vector<Fd> starved = std::exchange(starved_, {});
  for (const Fd fd : starved) {
    Socket* socket = find(fd);
    if (socket == nullptr || !socket->starved) continue;
    socket->starved = false;
    notify(fd);
  }
}

std::int64_t Sockets::receive(Instant now, Fd fd, std::span<std::byte> into) {
  if (into.empty()) return 0;
  if (Socket* stream = find(fd); stream != nullptr && stream->may_be_urgent) {
    into = into.first(before_urgent(now, *stream, into.size()));
  }
  const auto room_of = [](std::span<std::byte> left) {
    return static_cast<std::uint32_t>(std::min<std::size_t>(left.size(), 1U << 30));
  };
  Received piece = receive_slice(now, fd, room_of(into));
  if (piece.result <= 0) return piece.result;
  const Socket& socket = *find(fd);
  std::int64_t copied = 0;
  // What ended the stream behind these bytes is for the next call to say.
  while (piece.data.len > 0) {
    const std::size_t count = std::min<std::size_t>(piece.data.len, into.size());
    std::memcpy(into.data(), piece.data.bytes().data(), count);
    copied += static_cast<std::int64_t>(count);
    into = into.subspan(count);
    if (into.empty() || socket.role == Role::kDatagram) break;
    piece.data = host_.tcp().receive(now, socket.tcp, room_of(into));
  }
  return copied;
}

Received Sockets::receive_slice(Instant now, Fd fd, std::uint32_t bytes_max) {
  Socket* socket = find(fd);
  if (socket == nullptr) return {failure(Errno::kBadDescriptor)};
  if (socket->role == Role::kDatagram) return receive_datagram(*socket);
  if (socket->deferred() != nullptr) return {failure(Errno::kAgain)};
  if (socket->role != Role::kConnected) {
    return {failure(socket->take_error_or(Errno::kNotConnected))};
  }
  if (socket->may_be_urgent) {
    bytes_max = static_cast<std::uint32_t>(before_urgent(now, *socket, bytes_max));
  }
  Slice data = host_.tcp().receive(now, socket->tcp, bytes_max);
  if (data.len > 0) return {static_cast<std::int64_t>(data.len), std::move(data)};
  return {receive_nothing(*socket, host_.tcp().status(socket->tcp))};
}

std::int64_t Sockets::peek(Fd fd, std::span<std::byte> into, std::uint32_t offset) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->role != Role::kConnected) {
    return failure(socket->take_error_or(Errno::kNotConnected));
  }
  if (const auto ahead = ahead_of_urgent(*socket); ahead == 0 && !socket->oob_inline) {
    ++offset;
  } else if (ahead.value_or(0) > 0) {
    into = into.first(std::min<std::size_t>(into.size(), *ahead - std::min(*ahead, offset)));
  }
  const std::uint32_t copied = host_.tcp().peek(socket->tcp, offset, into);
  return copied > 0 ? copied : receive_nothing(*socket, host_.tcp().status(socket->tcp));
}

bool Sockets::is_connected(Fd fd) const {
  const Socket* socket = find(fd);
  return socket != nullptr && socket->role == Role::kConnected;
}

bool Sockets::is_listening(Fd fd) const {
  const Socket* socket = find(fd);
  return socket != nullptr && socket->role == Role::kListener;
}

std::int64_t Sockets::receive_nothing(Socket& socket, const TcpStatus& status) {
  if (status.end_of_stream || socket.read_shut) return 0;
  if (status.state != TcpState::kClosed) return failure(Errno::kAgain);
  return failure(host_.tcp().take_error(socket.tcp));
}

Errno Sockets::shutdown(Instant now, Fd fd, ShutdownHow how) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->role == Role::kListener) return shut_listener(now, *socket, how);
  if (socket->role == Role::kDatagram) return shutdown_datagram(*socket, how);
  if (socket->role != Role::kConnected) return Errno::kNotConnected;
  const TcpState state = host_.tcp().status(socket->tcp).state;
  if (state == TcpState::kClosed) return Errno::kNotConnected;
  if (state == TcpState::kSynSent) {
    // Linux gives the attempt up.
    disconnect(now, *socket);
    notify(fd);
    return Errno::kNone;
  }
  if (how != ShutdownHow::kWrite) socket->read_shut = true;
  if (how != ShutdownHow::kRead) host_.tcp().shutdown_send(now, socket->tcp);
  if (socket->read_shut && host_.tcp().status(socket->tcp).send_shut) {
    host_.tcp().shutdown_receive(socket->tcp);
  }
  notify(fd);
  return Errno::kNone;
}

// As Linux: shutting the reading side of a listener ends it; the other has no meaning.
Errno Sockets::shut_listener(Instant now, Socket& socket, ShutdownHow how) {
  if (how == ShutdownHow::kWrite) return Errno::kNone;
  stop_listening(now, socket);
  return Errno::kNone;
}

std::uint32_t Sockets::readiness(Fd fd) const {
  const Socket* socket = find(fd);
  if (socket == nullptr) return 0;
  switch (socket->role) {
    case Role::kConnected:
      return stream_readiness(*socket);
    case Role::kListener:
      return host_.tcp().acceptable(socket->listener) > 0 ? kPollIn : 0;
    case Role::kDatagram:
      return datagram_readiness(*socket);
    default:
      if (socket->deferred() != nullptr) return kPollOut;
      // As Linux reports a stream nobody connected.
      return kPollOut | kPollHangup | (socket->error() == Errno::kNone ? 0 : kPollError);
  }
}

namespace {

// The urgent octet, where it stands beside the stream, is nothing to read.
std::uint32_t in_stream_bytes(const SocketRecord& socket, const TcpStatus& status) {
  const bool beside =
      status.urgent && status.urgent_bytes == 1 && socket.oob_asked && !socket.oob_inline;
  return status.readable_bytes - (beside && status.readable_bytes > 0 ? 1 : 0);
}

}  // namespace

std::uint32_t Sockets::stream_readiness(const Socket& socket) const {
  const TcpStatus status = host_.tcp().status(socket.tcp);
  const bool failed = status.state == TcpState::kClosed && status.error != Errno::kNone;
  const bool no_more = status.end_of_stream || socket.read_shut;
  std::uint32_t events = 0;
  if (in_stream_bytes(socket, status) > 0 || no_more) events |= kPollIn;
  if (no_more) events |= kPollReadHangup;
  if (status.urgent && status.urgent_bytes <= status.readable_bytes && !socket.urgent_taken) {
    events |= kPollUrgent;
  }
  if (is_open(status)) {
    // Writable from a third of the buffer on, as Linux (sk_stream_is_writeable); the very rule by
    // which TCP signals, so that no signal finds the socket not ready. And always once sending is
    // shut, so that the writer learns of it.
    const std::uint32_t third = (status.writable_bytes + status.unacked_bytes) / 3;
    const bool room = status.writable_bytes > 0 && status.writable_bytes >= third;
    if ((room && !socket.starved) || status.send_shut) events |= kPollOut;
    if (no_more && status.send_shut) events |= kPollHangup;
  } else if (status.state == TcpState::kClosed) {
    events |= kPollIn | kPollOut | kPollReadHangup | kPollHangup;
  }
  return failed ? events | kPollError : events;
}

}  // namespace twinpath
