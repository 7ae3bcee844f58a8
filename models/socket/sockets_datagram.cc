// What only datagram sockets do: their options, and what they receive. Read socket(7), udp(7),
// ip(7) and ipv6(7).
#include <algorithm>

#include "models/socket/sockets.h"

namespace twinpath {

namespace {

constexpr std::int64_t kHopLimitMax = 255;
constexpr std::int64_t kTrafficClassMax = 255;

Received received(std::optional<Datagram> datagram) {
  if (!datagram) return {failure(Errno::kAgain)};
  const auto len = static_cast<std::int64_t>(datagram->payload.len);
  return {len, std::move(datagram->payload), datagram->source};
}

}  // namespace

// A pending error before what has arrived, and only once.
Received Sockets::receive_datagram(Socket& socket) {
  const Errno error = host_.udp().take_error(socket.udp);
  if (error != Errno::kNone) return {failure(error)};
  return received(host_.udp().receive(socket.udp));
}

Received Sockets::peek_datagram(Fd fd) {
  const Socket* socket = find(fd);
  if (socket == nullptr || socket->role != Role::kDatagram) {
    return {failure(Errno::kBadDescriptor)};
  }
  const Errno error = host_.udp().take_error(socket->udp);
  if (error != Errno::kNone) return {failure(error)};
  return received(host_.udp().peek(socket->udp));
}

Errno Sockets::shutdown_datagram(Socket& socket, ShutdownHow how) {
  return host_.udp().shutdown(
      socket.udp, {.receive = how != ShutdownHow::kWrite, .send = how != ShutdownHow::kRead});
}

std::uint32_t Sockets::datagram_readiness(const Socket& socket) const {
  const UdpStatus status = host_.udp().status(socket.udp);
  std::uint32_t events = status.has_error ? kPollError : 0;
  if (status.readable_datagrams > 0) events |= kPollIn;
  if (status.receive_shut) events |= kPollIn | kPollReadHangup;
  if (status.receive_shut && status.send_shut) events |= kPollHangup;
  return status.writable ? events | kPollOut : events;
}

Errno Sockets::set_datagram_option(Socket& socket, SocketOption option, std::int64_t value) {
  UdpOptions& options = *host_.udp().options(socket.udp);
  switch (option) {
    case SocketOption::kReceiveBuffer:
      options.receive_bytes_max = 2 * clamped_buffer_bytes(option, value);
      return Errno::kNone;
    case SocketOption::kSendBuffer:
      options.send_bytes_max = 2 * clamped_buffer_bytes(option, value);
      return Errno::kNone;
    case SocketOption::kTrafficClass:
      if (value < 0 || value > kTrafficClassMax) return Errno::kInvalid;
      options.traffic_class = static_cast<std::uint8_t>(value);
      return Errno::kNone;
    case SocketOption::kHopLimit:
      if (value != -1 && (value < 1 || value > kHopLimitMax)) return Errno::kInvalid;
      options.hop_limit = static_cast<std::uint8_t>(std::max<std::int64_t>(value, 0));
      return Errno::kNone;
    default:
      return Errno::kNoProtocolOption;
  }
}

OptionResult Sockets::get_datagram_option(Socket& socket, SocketOption option) {
  constexpr std::uint32_t kSendBytesDefault = 212992;  // as Linux's wmem_default
  UdpStack& udp = host_.udp();
  const UdpOptions& options = *udp.options(socket.udp);
  switch (option) {
    case SocketOption::kError:
      return {static_cast<std::int64_t>(udp.take_error(socket.udp))};
    case SocketOption::kReceiveBuffer:
      return {options.receive_bytes_max / 2};
    case SocketOption::kSendBuffer:
      return {options.send_bytes_max.value_or(kSendBytesDefault) / 2};
    case SocketOption::kTrafficClass:
      return {options.traffic_class};
    case SocketOption::kHopLimit:
      return {options.hop_limit == 0 ? host_.config().ttl : options.hop_limit};
    case SocketOption::kUnreadBytes:
      return {udp.status(socket.udp).next_datagram_bytes};
    case SocketOption::kUnsentBytes:
      return {udp.queued_to_send_bytes(socket.udp)};
    default:
      return {0, Errno::kNoProtocolOption};
  }
}

}  // namespace twinpath
