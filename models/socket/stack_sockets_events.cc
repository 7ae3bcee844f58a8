// What the stack says: completions, and what they make ready.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "models/socket/stack_sockets.h"

namespace twinpath {

namespace {

constexpr std::uint32_t kReapedAtOnce = 32;
// Of an operation whose answer concerns nobody.
constexpr std::uint32_t kNobody = 0xffffffff;

}  // namespace

std::uint32_t StackSockets::collect(Instant now, std::uint32_t at_most) {
  if (!starved_.empty()) resume_starved(now);
  std::uint32_t heard = 0;
  while (heard < at_most) {
    std::array<StackCompletion, kReapedAtOnce> batch;
    const std::uint32_t wanted = std::min(kReapedAtOnce, at_most - heard);
    const auto count = static_cast<std::uint32_t>(stack_.reap(std::span(batch).first(wanted)));
    for (StackCompletion& done : std::span(batch).first(count)) complete(now, done);
    heard += count;
    if (count < wanted) break;
  }
  return heard;
}

void StackSockets::resume_starved(Instant now) {
  const std::vector<Fd> starved = std::exchange(starved_, {});
  for (const Fd fd : starved) {
    Socket& socket = at(fd);
    socket.starved = false;
    if (socket.closing) continue;
    if (socket.aside != nullptr) move_image(now, fd);
    ask_ahead(now, fd);
    socket.watches.tell_ready();
  }
}

void StackSockets::complete(Instant now, StackCompletion& done) {
  const auto number = static_cast<std::uint32_t>(done.id);
  if (number == kNobody) return;
  const auto fd = static_cast<Fd>(number);
  switch (static_cast<StackOpKind>(done.id >> 32 & 0xff)) {
    case StackOpKind::kSocket:
      return on_made(now, fd, done);
    case StackOpKind::kBind:
    case StackOpKind::kListen:
    case StackOpKind::kLocalName:
    case StackOpKind::kPeerName:
      return on_named(fd, done);
    case StackOpKind::kAccept:
      return on_accepted(now, fd, done);
    case StackOpKind::kConnect:
      return on_connected(now, fd, done);
    case StackOpKind::kSend:
    case StackOpKind::kSendUrgent:
      return on_sent(now, fd, done);
    case StackOpKind::kReceive:
      return on_received(now, fd, done);
    case StackOpKind::kClose:
      return release(fd);
    case StackOpKind::kGetOption:
      return on_answer(now, fd, done);
    case StackOpKind::kTcpInfo:
      return on_info(fd, done);
    case StackOpKind::kExport:
      return on_exported(now, fd, done);
    case StackOpKind::kImport:
      return on_imported(now, fd, done);
    default:
      break;
  }
  if (done.error != Errno::kNone) fail(at(fd), done.error);
}

// The first error is the cause of those behind it.
void StackSockets::fail(Socket& socket, Errno error) {
  if (socket.error == Errno::kNone) socket.error = error;
  socket.watches.tell_ready();
}

void StackSockets::release(Fd fd) {
  std::erase(starved_, fd);
  at(fd) = Socket();
  fds_.give_back(static_cast<std::uint32_t>(fd));
}

void StackSockets::on_made(Instant now, Fd fd, const StackCompletion& done) {
  Socket& socket = at(fd);
  if (done.error != Errno::kNone) {
    socket.dead = true;
    socket.error = done.error;
    socket.role = Role::kFresh;
    while (!socket.early.empty()) socket.early.pop();
    if (socket.closing) return release(fd);
    return socket.watches.tell_ready();
  }
  socket.stack = done.socket;
  while (!socket.early.empty()) {
    StackOp op = socket.early.pop();
    op.socket = socket.stack;
    stack_.submit(now, std::move(op));
  }
}

void StackSockets::on_accepted(Instant now, Fd fd, const StackCompletion& done) {
  Socket& listener = at(fd);
  --listener.accepts;
  if (done.error == Errno::kCanceled) return;
  if (done.error == Errno::kAgain && !listener.closing) return starve(fd);
  if (done.error != Errno::kNone) return fail(listener, done.error);
  const Fd accepted = listener.closing ? Fd::kNone : take_descriptor();
  if (accepted == Fd::kNone) {
    StackOp close;
    close.kind = StackOpKind::kClose;
    close.id = kNobody;
    close.socket = done.socket;
    return stack_.submit(now, std::move(close));
  }
  Socket& socket = at(accepted);
  socket.role = Role::kConnected;
  socket.stack = done.socket;
  socket.local = {done.accepted_local(), listener.local.port};
  socket.remote = done.address;
  ask_ahead(now, accepted);
  listener.acceptable.push(accepted);
  listener.watches.tell_ready();
}

void StackSockets::on_connected(Instant now, Fd fd, const StackCompletion& done) {
  Socket& socket = at(fd);
  if (done.error == Errno::kCanceled) return;
  if (socket.role == Role::kDatagram) {
    if (done.error == Errno::kNone) {
      socket.local = done.address;
    } else {
      socket.error = done.error;
      socket.watches.tell_ready();
    }
    return;
  }
  if (done.error == Errno::kNone) {
    socket.role = Role::kConnected;
    socket.local = done.address;
    ask_ahead(now, fd);
  } else {
    socket.role = Role::kFresh;
    socket.error = done.error;
  }
  socket.watches.tell_ready();
}

void StackSockets::on_sent(Instant now, Fd fd, const StackCompletion& done) {
  Socket& socket = at(fd);
  const bool could = may_send(socket);
  --socket.sends;
  socket.unsent_bytes -= static_cast<std::uint32_t>(done.value);
  if (done.error != Errno::kNone) {
    if (done.error != Errno::kCanceled) socket.error = done.error;
    // What was lost with it is not said; nothing more will go.
    if (socket.sends == 0) socket.unsent_bytes = 0;
  }
  if (socket.role == Role::kDatagram && socket.local.port == 0) ask_for_name(now, fd);
  if (socket.sends == 0) finish_sending(now, fd);
  if (!could || done.error != Errno::kNone) socket.watches.tell_ready();
}

// Sending gave a datagram socket its port.
void StackSockets::ask_for_name(Instant now, Fd fd) {
  Socket& socket = at(fd);
  if (socket.closing || std::exchange(aside_of(socket).name_asked, true)) return;
  StackOp op;
  op.kind = StackOpKind::kLocalName;
  submit(now, fd, std::move(op));
}

void StackSockets::on_received(Instant now, Fd fd, StackCompletion& done) {
  Socket& socket = at(fd);
  --socket.receives;
  if (socket.closing || done.error == Errno::kCanceled) return;
  if (done.error == Errno::kAgain) return starve(fd);
  const bool is_datagram = socket.role == Role::kDatagram;
  if (done.error != Errno::kNone) {
    socket.error = done.error;
    socket.read_end = !is_datagram;
  } else if (done.value == 0 && !is_datagram) {
    socket.read_end = true;
  } else {
    keep(socket, done);
  }
  ask_ahead(now, fd);
  socket.watches.tell_ready();
}

void StackSockets::keep(Socket& socket, StackCompletion& done) {
  if (!socket.arrived.empty()) {
    socket.receives_wanted = std::min(2 * socket.receives_wanted, kReceivesAhead);
  }
  Piece piece{std::move(done.data), done.address, pieces_held_ < options_.pieces_held_max};
  if (!piece.held) piece.held = !keep_copy(socket, piece.data);
  pieces_held_ += piece.held ? 1U : 0U;
  socket.unread_bytes += piece.data.len;
  socket.arrived.push(std::move(piece));
}

// False: there is no chunk to be had.
bool StackSockets::keep_copy(Socket& socket, Slice& data) {
  if (socket.keeping == nullptr || socket.keeping->tailroom() < data.len) {
    BufPtr chunk(pool_.take());
    if (chunk == nullptr || chunk->tailroom() < data.len) return false;
    socket.keeping = chunk.get();
    socket.kept = BufRef(std::move(chunk));
  }
  const std::uint32_t offset = socket.keeping->len;
  std::memcpy(socket.keeping->push_back(data.len).data(), data.bytes().data(), data.len);
  data = {socket.kept, offset, data.len};
  return true;
}

void StackSockets::ask_ahead(Instant now, Fd fd) {
  Socket& socket = at(fd);
  StackOp op;
  if (socket.role == Role::kListener) {
    op.kind = StackOpKind::kAccept;
    for (; socket.accepts + socket.acceptable.size() < kAcceptsAhead; ++socket.accepts) {
      submit(now, fd, op);
    }
    return;
  }
  if (socket.role != Role::kConnected && socket.role != Role::kDatagram) return;
  if (socket.read_end || socket.dead || socket.unread_bytes >= kUnreadMax) return;
  if (socket.arrived.size() >= kPiecesMax) return;  // datagrams may be empty
  op.kind = StackOpKind::kReceive;
  op.value = kReceiveBytes;
  for (; socket.receives < socket.receives_wanted; ++socket.receives) submit(now, fd, op);
}

std::uint32_t StackSockets::readiness(Fd fd) const {
  const Socket* socket = find(fd);
  if (socket == nullptr) return 0;
  const std::uint32_t failed = socket->error == Errno::kNone ? 0 : kPollError;
  const bool readable = !socket->arrived.empty();
  switch (socket->role) {
    case Role::kListener:
      return (socket->acceptable.empty() ? 0 : kPollIn) | failed;
    case Role::kConnecting:
      return 0;
    case Role::kFresh:
      return kPollOut | kPollHangup | (failed == 0 ? 0 : failed | kPollIn);
    case Role::kDatagram:
      return (readable ? kPollIn : 0) | (may_send(*socket) ? kPollOut : 0) | failed;
    default:
      break;
  }
  const bool no_more = socket->read_end || socket->read_shut;
  std::uint32_t events = failed;
  if (readable || no_more) events |= kPollIn;
  if (no_more) events |= kPollReadHangup;
  if ((may_send(*socket) && !socket->starved) || socket->write_shut) events |= kPollOut;
  if ((no_more && socket->write_shut) || (no_more && failed != 0)) events |= kPollHangup;
  return events;
}

bool StackSockets::watch(Fd fd, SocketWatcher& watcher, std::uint32_t token) {
  Socket* socket = find(fd);
  if (socket == nullptr) return false;
  socket->watches.add({&watcher, token});
  return true;
}

void StackSockets::unwatch(Fd fd, SocketWatcher& watcher, std::uint32_t token) {
  Socket* socket = find(fd);
  if (socket != nullptr) socket->watches.remove({&watcher, token});
}

}  // namespace twinpath
