// The descriptor table, names, and the calls that open and close.
#include "models/socket/sockets.h"

#include <algorithm>
#include <limits>

namespace twinpath {

namespace {

Fd fd_at(const std::vector<Fd>& map, std::uint32_t index) {
  return index < map.size() ? map[index] : Fd::kNone;
}

// One more than asked for, as Linux: 0 is a queue of one.
std::uint32_t queue_limit(std::uint32_t backlog) {
  return backlog == std::numeric_limits<std::uint32_t>::max() ? backlog : backlog + 1;
}

}  // namespace

Sockets::Sockets(IpHost& host, const SocketsOptions& options)
    : host_(host),
      options_(options),
      fds_(options.sockets_max),
      port_chooser_(host.rng("socket.port")) {
  host_.set_user(this);
}

Sockets::~Sockets() { host_.set_user(nullptr); }

Sockets::Socket* Sockets::find(Fd fd) { return const_cast<Socket*>(std::as_const(*this).find(fd)); }

const Sockets::Socket* Sockets::find(Fd fd) const {
  const auto number = static_cast<std::int32_t>(fd);
  if (number < 0 || static_cast<std::size_t>(number) >= sockets_.size()) return nullptr;
  const Socket& socket = sockets_[static_cast<std::size_t>(number)];
  return socket.role == Role::kFree ? nullptr : &socket;
}

FdResult Sockets::install(Socket socket) {
  const auto number = fds_.take();
  if (!number) return {Fd::kNone, Errno::kTooManyFiles};
  if (*number >= sockets_.size()) sockets_.resize(*number + 1);
  sockets_[*number] = std::move(socket);
  return {static_cast<Fd>(*number), Errno::kNone};
}

void Sockets::remember(std::vector<Fd>& map, std::uint32_t index, Fd fd) {
  if (index >= map.size()) map.resize(index + 1, Fd::kNone);
  map[index] = fd;
}

FdResult Sockets::socket(SocketKind kind) {
  Socket socket;
  socket.role = Role::kStream;
  if (kind == SocketKind::kDatagram) {
    const UdpOpenResult opened = host_.udp().open();
    if (opened.error != Errno::kNone) return {Fd::kNone, opened.error};
    socket.role = Role::kDatagram;
    socket.udp = opened.id;
  }
  const UdpId udp = socket.udp;
  const FdResult installed = install(std::move(socket));
  if (kind == SocketKind::kDatagram) {
    if (installed.error == Errno::kNone) {
      remember(by_udp_, udp.index, installed.fd);
    } else {
      host_.udp().close(udp);
    }
  }
  return installed;
}

Errno Sockets::bind(Fd fd, const SocketAddress& local) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->role == Role::kDatagram) return host_.udp().bind(socket->udp, local);
  if (socket->role != Role::kStream || socket->bound) return Errno::kInvalid;
  if (socket->v6_only && local.address.is_v4()) return Errno::kInvalid;
  const bool ours = local.address.is_loopback() || host_.ip().routes().is_local(local.address);
  if (!local.address.is_any() && !ours) return Errno::kAddressNotAvailable;
  return bind_stream(fd, *socket, local);
}

Errno Sockets::listen(Fd fd, std::uint32_t backlog) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->role == Role::kDatagram) return Errno::kOperationNotSupported;
  if (socket->role == Role::kListener) {
    host_.tcp().set_backlog(socket->listener, queue_limit(backlog));
    return Errno::kNone;
  }
  if (socket->role == Role::kConnected || socket->deferred() != nullptr) return Errno::kInvalid;
  if (!socket->bound) {
    const Errno error = bind_stream(fd, *socket, {});
    if (error != Errno::kNone) return error;
  }
  const TcpListenResult result =
      host_.tcp().listen(socket->local(), queue_limit(backlog), listen_options(*socket));
  if (result.error != Errno::kNone) return result.error;
  socket->role = Role::kListener;
  socket->listener = result.id;
  remember(by_listener_, result.id.index, fd);
  return Errno::kNone;
}

Accepted Sockets::accept(Fd fd) {
  const Socket* listener = find(fd);
  if (listener == nullptr) return {.error = Errno::kBadDescriptor};
  if (listener->role == Role::kDatagram) return {.error = Errno::kOperationNotSupported};
  if (listener->role != Role::kListener) return {.error = Errno::kInvalid};
  if (host_.tcp().acceptable(listener->listener) == 0) return {.error = Errno::kAgain};
  if (fds_.size() == options_.sockets_max) return {.error = Errno::kTooManyFiles};
  const auto id = host_.tcp().accept(listener->listener);
  if (!id) return {.error = Errno::kAgain};
  Socket accepted;
  accepted.role = Role::kConnected;
  accepted.tcp = *id;
  accepted.reuse_address = listener->reuse_address;
  accepted.reuse_port = listener->reuse_port;
  accepted.oob_inline = listener->oob_inline;
  accepted.oob_asked = listener->oob_asked;
  if (listener->linger_s() >= 0) accepted.extra().linger_s = listener->linger_s();
  if (const TcpOpenOptions* options = listener->options()) {
    accepted.extra().options = std::make_unique<TcpOpenOptions>(*options);
  }
  note_port(accepted);
  const FdResult installed = install(std::move(accepted));
  remember(by_tcp_, id->index, installed.fd);
  return {installed.fd, host_.tcp().names(*id).remote, Errno::kNone};
}

Errno Sockets::close(Instant now, Fd fd) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  socket->visit_watches(
      [](const SocketWatch& watch) { watch.watcher->on_socket_closed(watch.token); });
  unbind(fd, *socket);
  switch (socket->role) {
    case Role::kConnected:
      let_go(*socket);
      if (socket->linger_s() == 0) {
        host_.tcp().abort(now, socket->tcp);
      } else {
        host_.tcp().close(now, socket->tcp);
      }
      break;
    case Role::kListener:
      by_listener_[socket->listener.index] = Fd::kNone;
      host_.tcp().close_listener(now, socket->listener);
      break;
    case Role::kDatagram:
      by_udp_[socket->udp.index] = Fd::kNone;
      host_.udp().close(socket->udp);
      break;
    default:
      break;
  }
  *find(fd) = Socket();
  fds_.give_back(static_cast<std::uint32_t>(fd));
  return Errno::kNone;
}

std::optional<TcbImage> Sockets::detach(Instant now, Fd fd) {
  Socket* socket = find(fd);
  if (socket == nullptr || socket->role != Role::kConnected) return std::nullopt;
  auto image = host_.tcp().export_image(now, socket->tcp);
  if (!image) return std::nullopt;
  let_go(*socket);
  socket->tcp = TcpId();
  return image;
}

// Whose connection is gone or about to go; its place may be another's already.
void Sockets::let_go(const Socket& socket) {
  const Fd owner = fd_at(by_tcp_, socket.tcp.index);
  if (find(owner) == &socket) by_tcp_[socket.tcp.index] = Fd::kNone;
}

bool Sockets::attach(Instant now, Fd fd, const TcbImage& image) {
  Socket* socket = find(fd);
  if (socket == nullptr) return false;
  const bool is_fresh = socket->role == Role::kStream && socket->deferred() == nullptr;
  if (!is_fresh && socket->role != Role::kConnected) return false;
  if (!is_fresh && socket->tcp != TcpId()) return false;
  const auto id = host_.tcp().import_image(now, image);
  if (!id) return false;
  socket->tcp = *id;
  socket->role = Role::kConnected;
  socket->read_shut = socket->urgent_taken = false;
  socket->may_be_urgent = true;
  note_port(*socket);
  if (is_fresh) {
    const TcpState state = host_.tcp().status(*id).state;
    socket->connecting = state == TcpState::kSynSent || state == TcpState::kSynReceived;
  }
  remember(by_tcp_, id->index, fd);
  return true;
}

NameResult Sockets::local_name(Fd fd) const {
  const Socket* socket = find(fd);
  if (socket == nullptr) return {{}, Errno::kBadDescriptor};
  if (socket->role == Role::kConnected) return {host_.tcp().names(socket->tcp).local};
  if (socket->role != Role::kDatagram) {
    const SocketAddress local = socket->local();
    return {{local.address, local.port != 0 ? local.port : socket->old_port()}};
  }
  return {host_.udp().status(socket->udp).local};
}

NameResult Sockets::peer_name(Fd fd) const {
  const Socket* socket = find(fd);
  if (socket == nullptr) return {{}, Errno::kBadDescriptor};
  if (socket->role == Role::kConnected) {
    const TcpState state = host_.tcp().status(socket->tcp).state;
    const bool under_way = state == TcpState::kSynSent || state == TcpState::kSynReceived;
    if (!under_way && state != TcpState::kClosed) return {host_.tcp().names(socket->tcp).remote};
  }
  if (socket->role == Role::kDatagram) {
    const auto remote = host_.udp().status(socket->udp).remote;
    if (remote && remote->port != 0) return {*remote};
  }
  return {{}, Errno::kNotConnected};
}

bool Sockets::watch(Fd fd, SocketWatcher& watcher, std::uint32_t token) {
  Socket* socket = find(fd);
  if (socket == nullptr) return false;
  socket->watch({&watcher, token});
  return true;
}

void Sockets::unwatch(Fd fd, SocketWatcher& watcher, std::uint32_t token) {
  Socket* socket = find(fd);
  if (socket == nullptr) return;
  socket->unwatch({&watcher, token});
}

void Sockets::notify(Fd fd) {
  const Socket* socket = find(fd);
  if (socket == nullptr) return;
  socket->visit_watches(
      [](const SocketWatch& watch) { watch.watcher->on_socket_ready(watch.token); });
}

void Sockets::on_tcp_ready(TcpId id, std::uint32_t readiness) {
  const Fd fd = fd_at(by_tcp_, id.index);
  Socket* socket = (readiness & kTcpUrgent) != 0 ? find(fd) : nullptr;
  if (socket != nullptr) {
    socket->may_be_urgent = true;
    socket->urgent_taken = false;
  }
  notify(fd);
}

void Sockets::on_tcp_accept(TcpListenerId id) { notify(fd_at(by_listener_, id.index)); }

void Sockets::on_udp_ready(UdpId id) { notify(fd_at(by_udp_, id.index)); }

}  // namespace twinpath
