// See lwip_sockets.h: descriptors, names, connections, and what lwIP calls back.
#include "models/foreign/lwip/lwip_sockets.h"

#include <algorithm>

#include "models/foreign/lwip/addresses.h"

namespace twinpath {

LwipSockets::LwipSockets(LwipHost& host) : host_(host) { host_.set_user(this); }
LwipSockets::~LwipSockets() { host_.set_user(nullptr); }

LwipSocket* LwipSockets::find(Fd fd) const {
  const auto index = static_cast<std::size_t>(fd);
  return fd != Fd::kNone && index < sockets_.size() ? sockets_[index].get() : nullptr;
}

std::optional<Fd> LwipSockets::install(std::unique_ptr<LwipSocket> socket) {
  const auto number = fds_.take();
  if (!number) return std::nullopt;
  if (sockets_.size() <= *number) sockets_.resize(*number + 1);
  sockets_[*number] = std::move(socket);
  return static_cast<Fd>(*number);
}

FdResult LwipSockets::socket(SocketKind kind) {
  const lwip::Entry entry = host_.enter();
  auto made = std::make_unique<LwipSocket>(*this, kind);
  if (!make_pcb(*made)) return {Fd::kNone, Errno::kNoBufferSpace};
  tcp_pcb* const tcp = made->tcp;
  udp_pcb* const udp = made->udp;
  const auto fd = install(std::move(made));
  if (fd) return {*fd, Errno::kNone};
  if (tcp != nullptr) calls().tcp_abort(tcp);
  if (udp != nullptr) calls().udp_remove(udp);
  return {Fd::kNone, Errno::kTooManyFiles};
}

bool LwipSockets::make_pcb(LwipSocket& socket) {
  if (!socket.is_stream()) {
    socket.udp = calls().udp_new(IPADDR_TYPE_ANY);
    if (socket.udp != nullptr) calls().udp_recv(socket.udp, &LwipSockets::on_datagram, &socket);
    return socket.udp != nullptr;
  }
  socket.tcp = calls().tcp_new(IPADDR_TYPE_ANY);
  if (socket.tcp != nullptr) hear(socket, *socket.tcp);
  return socket.tcp != nullptr;
}

void LwipSockets::hear(LwipSocket& socket, tcp_pcb& pcb) {
  calls().tcp_arg(&pcb, &socket);
  calls().tcp_recv(&pcb, &LwipSockets::on_receive);
  calls().tcp_sent(&pcb, &LwipSockets::on_sent);
  calls().tcp_err(&pcb, &LwipSockets::on_error);
}

void LwipSockets::keep_names(LwipSocket& socket) {
  socket.local = lwip::from_lwip(socket.tcp->local_ip, socket.tcp->local_port);
  socket.remote = lwip::from_lwip(socket.tcp->remote_ip, socket.tcp->remote_port);
}

void LwipSockets::forget(LwipSocket& socket) {
  if (socket.tcp == nullptr) return;
  keep_names(socket);
  calls().tcp_arg(socket.tcp, nullptr);
  calls().tcp_recv(socket.tcp, nullptr);
  calls().tcp_sent(socket.tcp, nullptr);
  calls().tcp_err(socket.tcp, nullptr);
  socket.tcp = nullptr;
}

Errno LwipSockets::bind(Fd fd, const SocketAddress& local) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->phase != Phase::kFresh || socket->bound) return Errno::kInvalid;
  const lwip::Entry entry = host_.enter();
  const bool is_mine = local.address.is_any() || [&] {
    for (const InterfaceConfig& interface : host_.config().interfaces) {
      for (const IpPrefix& prefix : interface.addresses) {
        if (prefix.address() == local.address) return true;
      }
    }
    return false;
  }();
  if (!is_mine) return Errno::kAddressNotAvailable;
  const ip_addr_t address = lwip::to_lwip(local.address);
  const err_t error = socket->is_stream() ? calls().tcp_bind(socket->tcp, &address, local.port)
                                          : calls().udp_bind(socket->udp, &address, local.port);
  socket->bound = error == ERR_OK;
  return lwip::error_of(error);
}

Errno LwipSockets::listen(Fd fd, std::uint32_t backlog) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (!socket->is_stream()) return Errno::kOperationNotSupported;
  socket->backlog = std::clamp<std::uint32_t>(backlog, 1, kSocketsMax);
  if (socket->phase == Phase::kListening) return Errno::kNone;
  if (socket->phase != Phase::kFresh) return Errno::kInvalid;
  const lwip::Entry entry = host_.enter();
  if (!socket->bound) {
    const ip_addr_t any = lwip::to_lwip(IpAddress());
    const err_t error = calls().tcp_bind(socket->tcp, &any, 0);
    if (error != ERR_OK) return lwip::error_of(error);
  }
  // A listener is another, smaller control block; the first one is gone.
  tcp_pcb* const listener = calls().tcp_listen_at(socket->tcp, TCP_DEFAULT_LISTEN_BACKLOG);
  if (listener == nullptr) return Errno::kAddressInUse;
  socket->tcp = listener;
  socket->phase = Phase::kListening;
  calls().tcp_arg(listener, socket);
  calls().tcp_accept(listener, &LwipSockets::on_accept);
  return Errno::kNone;
}

// lwIP gives a connection away when it is established. What the queue cannot take is reset.
err_t LwipSockets::on_accept(void* arg, tcp_pcb* made, err_t error) {
  auto* const listener = static_cast<LwipSocket*>(arg);
  if (error != ERR_OK || made == nullptr || listener == nullptr) return ERR_VAL;
  if (listener->waiting.size() >= listener->backlog) return ERR_MEM;
  auto socket = std::make_unique<LwipSocket>(listener->owner, SocketKind::kStream);
  socket->tcp = made;
  socket->phase = Phase::kConnected;
  socket->connect_reported = true;
  listener->owner.hear(*socket, *made);
  listener->waiting.push_back(std::move(socket));
  listener->watches.tell_ready();
  return ERR_OK;
}

Accepted LwipSockets::accept(Fd fd) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return {.error = Errno::kBadDescriptor};
  if (!socket->is_stream()) return {.error = Errno::kOperationNotSupported};
  if (socket->phase != Phase::kListening) return {.error = Errno::kInvalid};
  if (socket->waiting.empty()) return {.error = Errno::kAgain};
  LwipSocket& made = *socket->waiting.front();
  const SocketAddress remote = made.tcp != nullptr
                                   ? lwip::from_lwip(made.tcp->remote_ip, made.tcp->remote_port)
                                   : made.remote;
  if (fds_.size() == kSocketsMax) return {.error = Errno::kTooManyFiles};
  const auto number = install(std::move(socket->waiting.front()));
  find(fd)->waiting.pop_front();
  return {*number, remote, Errno::kNone};
}

Errno LwipSockets::connect(Instant now, Fd fd, const SocketAddress& remote) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  const lwip::Entry entry = host_.enter(now);
  if (!socket->is_stream()) return connect_datagram(*socket, remote);
  switch (socket->phase) {
    case Phase::kConnecting:
      return Errno::kAlready;
    case Phase::kConnected:
      return std::exchange(socket->connect_reported, true) ? Errno::kIsConnected : Errno::kNone;
    case Phase::kListening:
      return Errno::kIsConnected;
    case Phase::kOver: {
      const Errno error = std::exchange(socket->error, Errno::kNone);
      if (error != Errno::kNone) return error;
      if (!begin_again(*socket)) return Errno::kNoBufferSpace;
      break;
    }
    case Phase::kFresh:
      break;
  }
  const ip_addr_t address = lwip::to_lwip(remote.address);
  const err_t error =
      calls().tcp_connect(socket->tcp, &address, remote.port, &LwipSockets::on_connected);
  if (error != ERR_OK) return lwip::error_of(error);
  socket->phase = Phase::kConnecting;
  return Errno::kInProgress;
}

// A socket whose connection failed may try another.
bool LwipSockets::begin_again(LwipSocket& socket) {
  socket.phase = Phase::kFresh;
  socket.end_of_stream = false;
  socket.send_shut = false;
  socket.receive_shut = false;
  socket.bound = false;
  return make_pcb(socket);
}

Errno LwipSockets::connect_datagram(LwipSocket& socket, const SocketAddress& remote) {
  const ip_addr_t address = lwip::to_lwip(remote.address);
  const err_t error = calls().udp_connect(socket.udp, &address, remote.port);
  if (error == ERR_OK) socket.phase = Phase::kConnected;
  return lwip::error_of(error);
}

err_t LwipSockets::on_connected(void* arg, tcp_pcb*, err_t) {
  auto& socket = *static_cast<LwipSocket*>(arg);
  socket.phase = Phase::kConnected;
  socket.watches.tell_ready();
  return ERR_OK;
}

err_t LwipSockets::on_receive(void* arg, tcp_pcb* pcb, pbuf* data, err_t) {
  auto& socket = *static_cast<LwipSocket*>(arg);
  if (data == nullptr) {
    socket.owner.end_stream(socket);
  } else if (socket.receive_shut) {
    const lwip::Calls& calls = socket.owner.calls();
    calls.tcp_recved(pcb, data->tot_len);
    calls.pbuf_free(data);
    return ERR_OK;
  } else {
    socket.unread_bytes += data->tot_len;
    socket.unread.push_back({data, {}});
  }
  socket.watches.tell_ready();
  return ERR_OK;
}

// With both directions over, lwIP lets go of the connection when it sees fit and tells nobody
// (TIME_WAIT, LAST_ACK); so we do first.
void LwipSockets::end_stream(LwipSocket& socket) {
  socket.end_of_stream = true;
  if (socket.send_shut) forget(socket);
}

err_t LwipSockets::on_sent(void* arg, tcp_pcb*, u16_t) {
  auto& socket = *static_cast<LwipSocket*>(arg);
  if (!socket.send_blocked || (socket.owner.stream_readiness(socket) & kPollOut) == 0) {
    return ERR_OK;
  }
  socket.send_blocked = false;
  socket.watches.tell_ready();
  return ERR_OK;
}

// lwIP has already freed the connection.
void LwipSockets::on_error(void* arg, err_t error) {
  if (arg == nullptr) return;
  auto& socket = *static_cast<LwipSocket*>(arg);
  const bool connecting = socket.phase == Phase::kConnecting;
  socket.tcp = nullptr;
  socket.phase = Phase::kOver;
  if (error == ERR_RST) {
    socket.error = connecting ? Errno::kConnectionRefused : Errno::kConnectionReset;
  } else if (error == ERR_ABRT) {
    socket.error = Errno::kTimedOut;  // it gave up retransmitting
  } else if (error == ERR_CLSD) {
    socket.end_of_stream = true;
  } else {
    socket.error = lwip::error_of(error);
  }
  socket.watches.tell_ready();
}

void LwipSockets::on_datagram(void* arg, udp_pcb*, pbuf* data, const ip_addr_t* from, u16_t port) {
  auto& socket = *static_cast<LwipSocket*>(arg);
  const bool fits =
      socket.unread.size() < kDatagramsMax &&
      socket.unread_bytes + data->tot_len <= socket.owner.host_.config().udp_queue_bytes;
  if (!fits) {
    socket.owner.calls().pbuf_free(data);
    return;
  }
  socket.unread_bytes += data->tot_len;
  socket.unread.push_back({data, lwip::from_lwip(*from, port)});
  socket.watches.tell_ready();
}

void LwipSockets::drop_unread(LwipSocket& socket) {
  for (const LwipSocket::Piece& piece : socket.unread) calls().pbuf_free(piece.data);
  socket.unread.clear();
  socket.unread_bytes = 0;
}

Errno LwipSockets::close(Instant now, Fd fd) {
  LwipSocket* const found = find(fd);
  if (found == nullptr) return Errno::kBadDescriptor;
  const std::unique_ptr<LwipSocket> socket = std::move(sockets_[static_cast<std::size_t>(fd)]);
  fds_.give_back(static_cast<std::uint32_t>(fd));
  socket->watches.tell_closed();
  const lwip::Entry entry = host_.enter(now);
  for (const auto& waiting : socket->waiting) {
    tcp_pcb* const pcb = waiting->tcp;
    forget(*waiting);
    drop_unread(*waiting);
    if (pcb != nullptr) calls().tcp_abort(pcb);
  }
  drop_unread(*socket);
  if (socket->udp != nullptr) calls().udp_remove(socket->udp);
  tcp_pcb* const pcb = socket->tcp;
  if (pcb == nullptr) return Errno::kNone;
  const bool listening = socket->phase == Phase::kListening;
  if (listening) {
    calls().tcp_arg(pcb, nullptr);
  } else {
    forget(*socket);
  }
  if (socket->linger_s == 0 && !listening && socket->phase != Phase::kFresh) {
    calls().tcp_abort(pcb);
  } else if (calls().tcp_close(pcb) != ERR_OK) {
    calls().tcp_abort(pcb);
  }
  return Errno::kNone;
}

NameResult LwipSockets::local_name(Fd fd) const {
  const LwipSocket* const socket = find(fd);
  if (socket == nullptr) return {{}, Errno::kBadDescriptor};
  if (socket->udp != nullptr) {
    return {lwip::from_lwip(socket->udp->local_ip, socket->udp->local_port), Errno::kNone};
  }
  if (socket->tcp == nullptr) return {socket->local, Errno::kNone};
  return {lwip::from_lwip(socket->tcp->local_ip, socket->tcp->local_port), Errno::kNone};
}

NameResult LwipSockets::peer_name(Fd fd) const {
  const LwipSocket* const socket = find(fd);
  if (socket == nullptr) return {{}, Errno::kBadDescriptor};
  if (socket->phase != Phase::kConnected) return {{}, Errno::kNotConnected};
  if (socket->udp != nullptr) {
    return {lwip::from_lwip(socket->udp->remote_ip, socket->udp->remote_port), Errno::kNone};
  }
  if (socket->tcp == nullptr) return {socket->remote, Errno::kNone};
  return {lwip::from_lwip(socket->tcp->remote_ip, socket->tcp->remote_port), Errno::kNone};
}

bool LwipSockets::watch(Fd fd, SocketWatcher& watcher, std::uint32_t token) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return false;
  socket->watches.add({&watcher, token});
  return true;
}

void LwipSockets::unwatch(Fd fd, SocketWatcher& watcher, std::uint32_t token) {
  LwipSocket* const socket = find(fd);
  if (socket != nullptr) socket->watches.remove({&watcher, token});
}

}  // namespace twinpath
