// Which local ports streams may have, and how they get rid of them. Read socket(7) on SO_REUSEADDR
// and SO_REUSEPORT, and connect(2) on AF_UNSPEC.
#include <algorithm>
#include <utility>

#include "models/socket/sockets.h"

namespace twinpath {

Errno Sockets::bind_stream(Fd fd, Socket& socket, SocketAddress local) {
  const bool chosen = local.port == 0;
  if (chosen) {
    Socket alone;  // a chosen port is shared with nobody
    alone.v6_only = socket.v6_only;
    const auto port = port_chooser_.choose({local.address, IpAddress(), 0}, [&](std::uint16_t p) {
      return port_is_free({local.address, p}, alone);
    });
    if (!port) return Errno::kAddressInUse;
    local.port = *port;
  } else if (!port_is_free(local, socket)) {
    return Errno::kAddressInUse;
  }
  socket.extra().local = local;
  socket.bound = true;
  socket.port_chosen = chosen;
  bound_ports_.emplace(local.port, fd);
  return Errno::kNone;
}

// As Linux's inet_bind_conflict(). Two sockets may share a port when both have SO_REUSEADDR and the
// other does not listen, or when both have SO_REUSEPORT.
bool Sockets::port_is_free(const SocketAddress& local, const Socket& asking) {
  const BoundAddress wanted{local.address, asking.v6_only};
  const auto range = bound_ports_.equal_range(local.port);
  const bool bound = std::any_of(range.first, range.second, [&](const auto& entry) {
    const Socket& other = *find(entry.second);
    const bool shared =
        (asking.reuse_port && other.reuse_port) ||
        (asking.reuse_address && other.reuse_address && other.role != Role::kListener);
    return !shared && wanted.overlaps({other.local().address, other.v6_only});
  });
  return !bound && !connection_holds(local.port, wanted, asking);
}

// Connections hold their port until the end of TIME-WAIT, whoever listened there.
bool Sockets::connection_holds(std::uint16_t port, const BoundAddress& wanted,
                               const Socket& asking) {
  if (!port_history_.is_used(port)) return false;
  const PortSharing theirs = port_history_.sharing(port);
  const bool shared =
      (asking.reuse_port && theirs.reuse_port) || (asking.reuse_address && theirs.reuse_address);
  if (shared) return false;
  bool any = false;
  bool overlaps = false;
  for (const TcpFlow& flow : host_.tcp().flows()) {
    if (flow.local.port != port) continue;
    any = true;
    overlaps = overlaps || wanted.overlaps({flow.local.address, false});
  }
  if (!any) port_history_.forget(port);
  return overlaps;
}

void Sockets::note_port(const Socket& socket) {
  port_history_.use(host_.tcp().names(socket.tcp).local.port,
                    {socket.reuse_address, socket.reuse_port});
}

void Sockets::unbind(Fd fd, const Socket& socket) {
  if (!socket.bound) return;
  const auto range = bound_ports_.equal_range(socket.local().port);
  const auto own = std::find_if(range.first, range.second,
                                [&](const auto& bound) { return bound.second == fd; });
  bound_ports_.erase(own);
}

Errno Sockets::dissolve(Instant now, Fd fd) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->role == Role::kDatagram) {
    host_.udp().disconnect(socket->udp);
    return Errno::kNone;
  }
  if (socket->role == Role::kListener) stop_listening(now, *socket);
  if (socket->role == Role::kConnected) {
    // As tcp_need_reset(): whoever still could have heard of the peer hears that it is over.
    const TcpState state = host_.tcp().status(socket->tcp).state;
    const bool over = state == TcpState::kClosed || state == TcpState::kTimeWait ||
                      state == TcpState::kClosing || state == TcpState::kLastAck;
    disconnect(now, *socket);
    if (!over) socket->extra().error = Errno::kConnectionReset;
  }
  if (socket->deferred() != nullptr) socket->extra().deferred.reset();
  if (socket->port_chosen) {
    unbind(fd, *socket);
    socket->bound = socket->port_chosen = false;
    socket->extra().old_port = std::exchange(socket->extra().local.port, std::uint16_t{0});
  }
  notify(fd);
  return Errno::kNone;
}

// Back to a socket nobody connected.
void Sockets::disconnect(Instant now, Socket& socket) {
  let_go(socket);
  const std::uint16_t port = host_.tcp().names(socket.tcp).local.port;
  if (port != 0) socket.extra().old_port = port;
  host_.tcp().abort(now, socket.tcp);
  socket.tcp = TcpId();
  socket.role = Role::kStream;
  socket.connecting = socket.read_shut = socket.urgent_taken = false;
  socket.may_be_urgent = true;
}

void Sockets::stop_listening(Instant now, Socket& socket) {
  by_listener_[socket.listener.index] = Fd::kNone;
  host_.tcp().close_listener(now, socket.listener);
  socket.role = Role::kStream;
}

}  // namespace twinpath
