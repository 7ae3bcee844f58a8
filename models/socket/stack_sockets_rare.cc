// The calls few make: options, TCP_INFO, a look ahead, urgent data, data with the SYN, and a
// connection as bytes.
#include <algorithm>
#include <cstring>
#include <utility>

#include "models/socket/stack_sockets.h"

namespace twinpath {

using Moving = StackSocketAside::Moving;

StackSocketAside& StackSockets::aside_of(Socket& socket) {
  if (socket.aside == nullptr) socket.aside = std::make_unique<StackSocketAside>();
  return *socket.aside;
}

Errno StackSockets::set_option(Instant now, Fd fd, SocketOption option, std::int64_t value) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (is_clogged()) return Errno::kNoBufferSpace;
  StackOp op;
  op.kind = StackOpKind::kSetOption;
  op.option = option;
  op.value = value;
  submit(now, fd, std::move(op));
  if (socket->aside != nullptr) outdate_answer(*socket, option);
  return Errno::kNone;
}

void StackSockets::outdate_answer(Socket& socket, SocketOption option) {
  auto& answers = socket.aside->answers;
  std::erase_if(answers, [&](const auto& a) { return a.option == option && a.here; });
  if (auto* asked = socket.aside->answer_to(option)) asked->outdated = true;
}

OptionResult StackSockets::get_option(Fd fd, SocketOption option) {
  Socket* socket = find(fd);
  if (socket == nullptr) return {0, Errno::kBadDescriptor};
  switch (option) {
    case SocketOption::kError:
      return {static_cast<std::int64_t>(std::exchange(socket->error, Errno::kNone))};
    case SocketOption::kUnreadBytes:
      if (socket->role == Role::kDatagram) {
        return {socket->arrived.empty() ? 0 : socket->arrived.front().data.len};
      }
      return {socket->unread_bytes};
    case SocketOption::kUnsentBytes:
      return {socket->unsent_bytes};
    default:
      break;
  }
  StackSocketAside& aside = aside_of(*socket);
  if (const auto* answer = aside.answer_to(option)) {
    if (!answer->here) return {0, Errno::kAgain};
    const OptionResult result = answer->result;
    std::erase_if(aside.answers, [&](const auto& a) { return a.option == option; });
    return result;
  }
  if (is_clogged() || socket->dead) return {0, Errno::kNoBufferSpace};
  StackOp op;
  op.kind = StackOpKind::kGetOption;
  op.option = option;
  submit(kStart, fd, std::move(op));
  aside.answers.push_back({.option = option});
  return {0, Errno::kAgain};
}

void StackSockets::on_answer(Instant now, Fd fd, const StackCompletion& done) {
  Socket& socket = at(fd);
  const auto option = static_cast<SocketOption>(done.id >> 40);
  auto* answer = socket.aside == nullptr ? nullptr : socket.aside->answer_to(option);
  if (answer == nullptr || socket.closing) return;
  if (std::exchange(answer->outdated, false)) {
    StackOp again;
    again.kind = StackOpKind::kGetOption;
    again.option = option;
    return submit(now, fd, std::move(again));
  }
  answer->here = true;
  answer->result = {done.value, done.error};
  socket.watches.tell_ready();
}

std::optional<TcpInfo> StackSockets::tcp_info(Fd fd) const {
  const Socket* socket = find(fd);
  if (socket == nullptr) return std::nullopt;
  if (socket->role != Role::kConnected && socket->role != Role::kConnecting) return std::nullopt;
  if (!std::exchange(socket->info_wanted, true)) info_wanted_.push_back(fd);
  return socket->aside == nullptr ? std::nullopt : socket->aside->info;
}

void StackSockets::ask_for_infos(Instant now) {
  const std::vector<Fd> wanted = std::exchange(info_wanted_, {});
  for (const Fd fd : wanted) {
    Socket* socket = find(fd);
    if (socket == nullptr) continue;
    socket->info_wanted = false;
    if (is_clogged() || std::exchange(aside_of(*socket).info_asked, true)) continue;
    StackOp op;
    op.kind = StackOpKind::kTcpInfo;
    submit(now, fd, std::move(op));
  }
}

void StackSockets::on_info(Fd fd, const StackCompletion& done) {
  Socket& socket = at(fd);
  if (socket.closing) return;
  StackSocketAside& aside = aside_of(socket);
  aside.info_asked = false;
  aside.info.reset();
  if (done.error == Errno::kNone && done.data.len == sizeof(TcpInfo)) {
    std::memcpy(&aside.info.emplace(), done.data.bytes().data(), sizeof(TcpInfo));
  }
  socket.watches.tell_ready();
}

// What the stack calls it, once it has a name there.
void StackSockets::on_named(Fd fd, const StackCompletion& done) {
  Socket& socket = at(fd);
  const auto kind = static_cast<StackOpKind>(done.id >> 32 & 0xff);
  const bool is_asked = kind == StackOpKind::kLocalName || kind == StackOpKind::kPeerName;
  if (done.error == Errno::kNone) {
    (kind == StackOpKind::kPeerName ? socket.remote : socket.local) = done.address;
    return;
  }
  if (kind == StackOpKind::kBind) {
    socket.bound = false;
    socket.local = SocketAddress();
  }
  if (!is_asked) fail(socket, done.error);
}

std::int64_t StackSockets::peek(Fd fd, std::span<std::byte> into, std::uint32_t offset) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->arrived.empty()) return next_piece(*socket, 0).result;
  const bool is_datagram = socket->role == Role::kDatagram;
  std::size_t copied = 0;
  std::uint32_t skip = offset;
  const std::uint32_t count = socket->arrived.size();
  // Round once: every piece comes to the end again, in the same order.
  for (std::uint32_t i = 0; i < count; ++i) {
    Piece piece = socket->arrived.pop();
    const std::uint32_t from = std::min(skip, piece.data.len);
    skip -= from;
    const std::size_t len =
        is_datagram && i > 0 ? 0
                             : std::min<std::size_t>(piece.data.len - from, into.size() - copied);
    if (len > 0) std::memcpy(into.data() + copied, piece.data.bytes().data() + from, len);
    copied += len;
    socket->arrived.push(std::move(piece));
  }
  return copied > 0 || is_datagram ? static_cast<std::int64_t>(copied) : failure(Errno::kAgain);
}

// As many of the bytes as fit one; null when there is none to be had.
BufRef StackSockets::chunk_of(std::span<const std::byte> data) {
  BufPtr buf(pool_.take());
  if (buf == nullptr) return {};
  const auto len = static_cast<std::uint32_t>(std::min<std::size_t>(data.size(), buf->tailroom()));
  if (len > 0) std::memcpy(buf->push_back(len).data(), data.data(), len);
  return BufRef(std::move(buf));
}

std::int64_t StackSockets::send_urgent(Instant now, Fd fd, std::span<const std::byte> data) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->role == Role::kDatagram) return failure(Errno::kOperationNotSupported);
  const std::int64_t refusal = refusal_to_send(*socket);
  if (refusal != 0 || data.empty()) return refusal;
  hand_over(now, fd);
  if (!may_send(*socket)) return failure(Errno::kAgain);
  const std::size_t room = StackApi::kSendCreditBytes - socket->unsent_bytes;
  StackOp op;
  op.kind = StackOpKind::kSendUrgent;
  op.data.buf = chunk_of(data.first(std::min(data.size(), room)));
  if (!op.data.buf) {
    starve(fd);
    return failure(Errno::kAgain);
  }
  op.data.len = op.data.buf->len;
  return submit_send(now, fd, std::move(op));
}

std::int64_t StackSockets::send_fast_open(Instant now, Fd fd, const SocketAddress& remote,
                                          std::span<const std::byte> data) {
  Socket* socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  if (socket->role == Role::kDatagram) return failure(Errno::kOperationNotSupported);
  const bool may_open = socket->role == Role::kFresh && socket->error == Errno::kNone;
  if (!may_open || data.empty()) return failure(connect(now, fd, remote));
  if (is_clogged()) return failure(Errno::kNoBufferSpace);
  StackOp op;
  op.kind = StackOpKind::kConnect;
  op.address = remote;
  op.data.buf = chunk_of(data);
  if (!op.data.buf) return failure(Errno::kNoBufferSpace);
  op.data.len = op.data.buf->len;
  const std::uint32_t taken = op.data.len;
  socket->remote = remote;
  submit(now, fd, std::move(op));
  socket->role = Role::kConnecting;
  socket->connecting = true;
  return taken;
}

std::optional<TcbImage> StackSockets::detach(Instant now, Fd fd) {
  Socket* socket = find(fd);
  if (socket == nullptr) return std::nullopt;
  StackSocketAside& aside = aside_of(*socket);
  if (aside.moving == Moving::kGone) {
    aside.moving = Moving::kNot;
    return TcbImage(std::exchange(aside.image, {}));
  }
  if (socket->role != Role::kConnected || aside.moving != Moving::kNot) return std::nullopt;
  aside.moving = Moving::kLeaving;
  socket->write_shut = true;
  hand_over(now, fd);
  move_image(now, fd);
  return std::nullopt;
}

bool StackSockets::attach(Instant now, Fd fd, const TcbImage& image) {
  Socket* socket = find(fd);
  if (socket == nullptr || socket->role != Role::kFresh || socket->dead) return false;
  StackSocketAside& aside = aside_of(*socket);
  const std::size_t size = image.bytes().size();
  if (aside.moving != Moving::kNot || size == 0 || size > StackApi::kImageBytesMax) return false;
  if (is_clogged()) return false;
  aside.moving = Moving::kComing;
  aside.image.assign(image.bytes().begin(), image.bytes().end());
  aside.moved_bytes = 0;
  socket->role = Role::kConnecting;
  move_image(now, fd);
  return true;
}

// The next piece, when the one before has arrived; all that was sent goes before the first.
void StackSockets::move_image(Instant now, Fd fd) {
  Socket& socket = at(fd);
  StackSocketAside& aside = *socket.aside;
  if (aside.piece_moves) return;
  StackOp op;
  if (aside.moving == Moving::kLeaving && socket.sends == 0) {
    op.kind = StackOpKind::kExport;
    op.value = static_cast<std::int64_t>(aside.image.size());
  } else if (aside.moving == Moving::kComing) {
    op.kind = StackOpKind::kImport;
    op.value = static_cast<std::int64_t>(aside.image.size());
    op.data.buf = chunk_of(std::span(aside.image).subspan(aside.moved_bytes));
    if (!op.data.buf) return starve(fd);
    op.data.len = op.data.buf->len;
    aside.moved_bytes += op.data.len;
  } else {
    return;
  }
  aside.piece_moves = true;
  submit(now, fd, std::move(op));
}

void StackSockets::on_exported(Instant now, Fd fd, const StackCompletion& done) {
  Socket& socket = at(fd);
  if (socket.closing) return;
  StackSocketAside& aside = *socket.aside;
  aside.piece_moves = false;
  if (done.error == Errno::kAgain || done.error == Errno::kNoBufferSpace) return starve(fd);
  if (done.error != Errno::kNone || done.data.len == 0) {
    aside.moving = Moving::kNot;
    return fail(socket, done.error == Errno::kNone ? Errno::kInvalid : done.error);
  }
  const auto piece = done.data.bytes();
  aside.image.insert(aside.image.end(), piece.begin(), piece.end());
  if (aside.image.size() < static_cast<std::size_t>(done.value)) return move_image(now, fd);
  aside.moving = Moving::kGone;
  aside.info.reset();
  socket.role = Role::kFresh;
  socket.read_end = socket.read_shut = socket.write_shut = socket.connecting = false;
  socket.watches.tell_ready();
}

void StackSockets::on_imported(Instant now, Fd fd, const StackCompletion& done) {
  Socket& socket = at(fd);
  if (socket.closing) return;
  StackSocketAside& aside = *socket.aside;
  aside.piece_moves = false;
  if (done.error == Errno::kAgain) {  // another socket's comes; nothing was taken
    aside.moved_bytes = 0;
    return starve(fd);
  }
  const bool is_whole = aside.moved_bytes == aside.image.size();
  if (done.error == Errno::kNone && !is_whole) return move_image(now, fd);
  aside.moving = Moving::kNot;
  aside.image = {};
  if (done.error != Errno::kNone) {
    socket.role = Role::kFresh;
    return fail(socket, done.error);
  }
  socket.role = Role::kConnected;
  socket.read_end = false;
  for (const StackOpKind name : {StackOpKind::kLocalName, StackOpKind::kPeerName}) {
    StackOp op;
    op.kind = name;
    submit(now, fd, std::move(op));
  }
  ask_ahead(now, fd);
  socket.watches.tell_ready();
}

}  // namespace twinpath
