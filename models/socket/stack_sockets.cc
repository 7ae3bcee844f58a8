// The calls: what they answer at once, and the operations they leave under way.
#include "models/socket/stack_sockets.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "models/base/check.h"

namespace twinpath {

namespace {

StackOp op_of(StackOpKind kind, std::int64_t value = 0) {
  StackOp op;
  op.kind = kind;
  op.value = value;
  return op;
}

StackOp op_to(StackOpKind kind, const SocketAddress& address) {
  StackOp op = op_of(kind);
  op.address = address;
  return op;
}

}  // namespace

StackSockets::StackSockets(StackApi& stack, BufPool& pool, const StackSocketsOptions& options)
    : stack_(stack), pool_(pool), options_(options), fds_(options.sockets_max) {}

StackSockets::Socket* StackSockets::find(Fd fd) {
  return const_cast<Socket*>(std::as_const(*this).find(fd));
}

const StackSockets::Socket* StackSockets::find(Fd fd) const {
  const auto number = static_cast<std::int32_t>(fd);
  if (number < 0 || static_cast<std::size_t>(number) >= sockets_.size()) return nullptr;
  const Socket& socket = *sockets_[static_cast<std::size_t>(number)];
  return socket.role == Role::kFree || socket.closing ? nullptr : &socket;
}

Fd StackSockets::take_descriptor() {
  const auto number = fds_.take();
  if (!number) return Fd::kNone;
  if (*number == sockets_.size()) sockets_.push_back(std::make_unique<Socket>());
  return static_cast<Fd>(*number);
}

void StackSockets::submit(Instant now, Fd fd, StackOp op) {
  Socket& socket = at(fd);
  op.id = static_cast<std::uint64_t>(op.option) << 40 | static_cast<std::uint64_t>(op.kind) << 32 |
          static_cast<std::uint32_t>(fd);
  op.socket = socket.stack;
  if (socket.stack != Fd::kNone || op.kind == StackOpKind::kSocket) {
    stack_.submit(now, std::move(op));
  } else if (!socket.early.full()) {
    socket.early.push(std::move(op));
  } else {
    socket.error = Errno::kNoBufferSpace;
  }
}

FdResult StackSockets::socket(SocketKind kind) {
  if (is_clogged()) return {Fd::kNone, Errno::kNoBufferSpace};
  const Fd fd = take_descriptor();
  if (fd == Fd::kNone) return {fd, Errno::kTooManyFiles};
  const bool is_datagram = kind == SocketKind::kDatagram;
  at(fd).role = is_datagram ? Role::kDatagram : Role::kFresh;
  submit(kStart, fd, op_of(StackOpKind::kSocket, static_cast<std::int64_t>(kind)));
  if (is_datagram) ask_ahead(kStart, fd);
  return {fd, Errno::kNone};
}

Errno StackSockets::bind(Fd fd, const SocketAddress& local) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->role != Role::kFresh && socket->role != Role::kDatagram) return Errno::kInvalid;
  if (socket->bound) return Errno::kInvalid;
  if (is_clogged()) return Errno::kNoBufferSpace;
  socket->bound = true;
  socket->local = local;
  submit(kStart, fd, op_to(StackOpKind::kBind, local));
  return Errno::kNone;
}

Errno StackSockets::listen(Fd fd, std::uint32_t backlog) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->role == Role::kDatagram) return Errno::kOperationNotSupported;
  if (socket->role != Role::kFresh && socket->role != Role::kListener) return Errno::kInvalid;
  if (is_clogged()) return Errno::kNoBufferSpace;
  submit(kStart, fd, op_of(StackOpKind::kListen, backlog));
  socket->role = Role::kListener;
  ask_ahead(kStart, fd);
  return Errno::kNone;
}

Accepted StackSockets::accept(Fd fd) {
  Socket* listener = find(fd);
  if (listener == nullptr) return {.error = Errno::kBadDescriptor};
  if (listener->role == Role::kDatagram) return {.error = Errno::kOperationNotSupported};
  if (listener->role != Role::kListener) return {.error = Errno::kInvalid};
  if (listener->acceptable.empty()) return {.error = Errno::kAgain};
  const Fd accepted = listener->acceptable.pop();
  ask_ahead(kStart, fd);
  return {accepted, find(accepted)->remote, Errno::kNone};
}

Errno StackSockets::connect(Instant now, Fd fd, const SocketAddress& remote) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->role == Role::kConnecting) return Errno::kAlready;
  if (socket->role == Role::kListener) return Errno::kIsConnected;
  if (socket->role == Role::kConnected) {
    return std::exchange(socket->connecting, false) ? Errno::kNone : Errno::kIsConnected;
  }
  if (socket->error != Errno::kNone) return std::exchange(socket->error, Errno::kNone);
  if (is_clogged()) return Errno::kNoBufferSpace;
  socket->remote = remote;
  submit(now, fd, op_to(StackOpKind::kConnect, remote));
  if (socket->role == Role::kDatagram) return Errno::kNone;
  socket->role = Role::kConnecting;
  socket->connecting = true;
  return Errno::kInProgress;
}

bool StackSockets::may_send(const Socket& socket) {
  return socket.unsent_bytes < StackApi::kSendCreditBytes &&
         socket.sends + 1 < StackApi::kOpsPerSocketMax;
}

// 0 when bytes may be sent now. The order is Linux's: a pending error first, and only once.
std::int64_t StackSockets::refusal_to_send(Socket& socket) {
  if (socket.error != Errno::kNone) return failure(std::exchange(socket.error, Errno::kNone));
  if (socket.role == Role::kConnecting) return failure(Errno::kAgain);
  if (socket.role != Role::kConnected || socket.write_shut) return failure(Errno::kBrokenPipe);
  return may_send(socket) && !socket.starved ? 0 : failure(Errno::kAgain);
}

std::int64_t StackSockets::send(Instant now, Fd fd, std::span<const std::byte> data) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->role == Role::kDatagram) return send_datagram(now, fd, {}, data);
  const std::int64_t refusal = refusal_to_send(*socket);
  if (refusal != 0) return refusal;
  std::size_t sent = 0;
  while (sent < data.size() && may_send(*socket)) {
    const std::uint32_t taken = fill(now, fd, data.subspan(sent));
    if (taken == 0) break;
    sent += taken;
  }
  if (!options_.batch_sends) hand_over(now, fd);
  return sent > 0 || data.empty() ? static_cast<std::int64_t>(sent) : failure(Errno::kAgain);
}

std::int64_t StackSockets::send_slice(Instant now, Fd fd, const Slice& data) {
  if (data.len == 0) return send(now, fd, {});
  if (!options_.share_slices) return send(now, fd, data.bytes());
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->role == Role::kDatagram) return send_datagram(now, fd, {}, data.bytes());
  const std::int64_t refusal = refusal_to_send(*socket);
  if (refusal != 0) return refusal;
  hand_over(now, fd);
  if (!may_send(*socket)) return failure(Errno::kAgain);
  StackOp op = op_of(StackOpKind::kSend);
  op.data = data.first(std::min(data.len, StackApi::kSendCreditBytes - socket->unsent_bytes));
  return submit_send(now, fd, std::move(op));
}

// Requires: within the credit. Returns its bytes.
std::int64_t StackSockets::submit_send(Instant now, Fd fd, StackOp op) {
  Socket& socket = *find(fd);
  const std::uint32_t len = op.data.len;
  ++socket.sends;
  socket.unsent_bytes += len;
  submit(now, fd, std::move(op));
  return len;
}

// Copies what fits into the chunk on its way; 0 when there is none to be had.
std::uint32_t StackSockets::fill(Instant now, Fd fd, std::span<const std::byte> data) {
  Socket& socket = *find(fd);
  if (socket.filling == nullptr) {
    socket.filling.reset(pool_.take());
    if (socket.filling == nullptr) {
      starve(fd);
      return 0;
    }
    if (!std::exchange(socket.dirty, true)) dirty_.push_back(fd);
  }
  const std::size_t room = std::min<std::size_t>(socket.filling->tailroom(),
                                                 StackApi::kSendCreditBytes - socket.unsent_bytes);
  const auto count = static_cast<std::uint32_t>(std::min(data.size(), room));
  std::memcpy(socket.filling->push_back(count).data(), data.data(), count);
  socket.unsent_bytes += count;
  if (socket.filling->tailroom() == 0) hand_over(now, fd);
  return count;
}

void StackSockets::hand_over(Instant now, Fd fd) {
  Socket& socket = at(fd);
  if (socket.filling == nullptr) return;
  StackOp op = op_of(StackOpKind::kSend);
  op.data.len = socket.filling->len;
  op.data.buf = BufRef(std::move(socket.filling));
  ++socket.sends;
  submit(now, fd, std::move(op));
}

void StackSockets::flush(Instant now) {
  if (!info_wanted_.empty()) ask_for_infos(now);
  const std::vector<Fd> dirty = std::exchange(dirty_, {});
  for (const Fd fd : dirty) {
    at(fd).dirty = false;
    hand_over(now, fd);
  }
}

void StackSockets::starve(Fd fd) {
  Socket& socket = *find(fd);
  if (!std::exchange(socket.starved, true)) starved_.push_back(fd);
}

std::int64_t StackSockets::send_to(Instant now, Fd fd, const SocketAddress& target,
                                   std::span<const std::byte> data) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->role != Role::kDatagram) return send(now, fd, data);
  return send_datagram(now, fd, target, data);
}

std::int64_t StackSockets::send_datagram(Instant now, Fd fd, const SocketAddress& target,
                                         std::span<const std::byte> data) {
  Socket& socket = *find(fd);
  if (socket.error != Errno::kNone) return failure(std::exchange(socket.error, Errno::kNone));
  if (target.port == 0 && socket.remote.port == 0) return failure(Errno::kDestinationRequired);
  if (!may_send(socket) || data.size() > StackApi::kSendCreditBytes - socket.unsent_bytes) {
    return failure(Errno::kAgain);
  }
  BufPtr buf(pool_.take());
  if (buf == nullptr) {
    starve(fd);
    return failure(Errno::kAgain);
  }
  if (buf->tailroom() < data.size()) return failure(Errno::kMessageSize);
  const auto len = static_cast<std::uint32_t>(data.size());
  if (len > 0) std::memcpy(buf->push_back(len).data(), data.data(), len);
  StackOp op = op_to(StackOpKind::kSend, target);
  op.data = {BufRef(std::move(buf)), 0, len};
  return submit_send(now, fd, std::move(op));
}

Received StackSockets::next_piece(Socket& socket, std::uint32_t bytes_max) {
  if (socket.role == Role::kDatagram && socket.error != Errno::kNone) {
    return {failure(std::exchange(socket.error, Errno::kNone))};
  }
  if (socket.arrived.empty()) {
    if (socket.error != Errno::kNone) {
      return {failure(std::exchange(socket.error, Errno::kNone))};
    }
    const bool no_more = socket.read_end || socket.read_shut;
    if (!no_more && socket.role != Role::kConnected && socket.role != Role::kDatagram) {
      return {failure(socket.role == Role::kConnecting ? Errno::kAgain : Errno::kNotConnected)};
    }
    return {no_more ? 0 : failure(Errno::kAgain)};
  }
  Piece& front = socket.arrived.front();
  const bool whole = front.data.len <= bytes_max || socket.role == Role::kDatagram;
  Received got{0, whole ? front.data : front.data.first(bytes_max), front.source};
  got.result = got.data.len;
  socket.unread_bytes -= got.data.len;
  front.data.drop_front(got.data.len);
  if (whole) pieces_held_ -= socket.arrived.pop().held ? 1U : 0U;
  return got;
}

std::int64_t StackSockets::receive(Instant now, Fd fd, std::span<std::byte> into) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (into.empty()) return 0;
  std::int64_t copied = 0;
  do {
    const auto room = static_cast<std::uint32_t>(std::min<std::size_t>(into.size(), 1U << 30));
    const Received piece = next_piece(*socket, room);
    if (piece.result <= 0) return piece.result;
    const std::size_t count = std::min<std::size_t>(piece.data.len, into.size());
    std::memcpy(into.data(), piece.data.bytes().data(), count);
    into = into.subspan(count);
    copied += static_cast<std::int64_t>(count);
  } while (!into.empty() && !socket->arrived.empty() && socket->role != Role::kDatagram);
  ask_ahead(now, fd);
  return copied;
}

Received StackSockets::receive_slice(Instant now, Fd fd, std::uint32_t bytes_max) {
  Socket* socket = find(fd);
  if (socket == nullptr) return {failure(Errno::kBadDescriptor)};
  Received piece = next_piece(*socket, bytes_max);
  if (piece.result > 0) ask_ahead(now, fd);
  return piece;
}

Errno StackSockets::shutdown(Instant now, Fd fd, ShutdownHow how) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->role != Role::kConnected) return Errno::kNotConnected;
  if (how != ShutdownHow::kWrite && !std::exchange(socket->read_shut, true)) {
    submit(now, fd, op_of(StackOpKind::kShutdown, static_cast<int>(ShutdownHow::kRead)));
  }
  if (how != ShutdownHow::kRead && !std::exchange(socket->write_shut, true)) {
    hand_over(now, fd);
    socket->shut_waits = true;
    finish_sending(now, fd);
  }
  socket->watches.tell_ready();
  return Errno::kNone;
}

Errno StackSockets::close(Instant now, Fd fd) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  socket->watches.tell_closed();
  hand_over(now, fd);
  while (!socket->acceptable.empty()) close(now, socket->acceptable.pop());
  while (!socket->arrived.empty()) pieces_held_ -= socket->arrived.pop().held ? 1U : 0U;
  socket->closing = true;
  finish_sending(now, fd);
  return Errno::kNone;
}

// What has to come behind everything that was sent.
void StackSockets::finish_sending(Instant now, Fd fd) {
  Socket& socket = at(fd);
  if (socket.dead && socket.closing) return release(fd);
  if (socket.sends > 0) return;
  if (std::exchange(socket.shut_waits, false)) {
    submit(now, fd, op_of(StackOpKind::kShutdown, static_cast<int>(ShutdownHow::kWrite)));
  }
  if (socket.closing) return submit(now, fd, op_of(StackOpKind::kClose));
  if (socket.aside != nullptr) move_image(now, fd);
}

NameResult StackSockets::local_name(Fd fd) const {
  const Socket* socket = find(fd);
  if (socket == nullptr) return {{}, Errno::kBadDescriptor};
  return {socket->local};
}

NameResult StackSockets::peer_name(Fd fd) const {
  const Socket* socket = find(fd);
  if (socket == nullptr) return {{}, Errno::kBadDescriptor};
  const bool known = socket->role == Role::kConnected ||
                     (socket->role == Role::kDatagram && socket->remote.port != 0);
  if (!known) return {{}, Errno::kNotConnected};
  return {socket->remote};
}

}  // namespace twinpath
