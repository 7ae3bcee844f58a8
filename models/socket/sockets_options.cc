// Options of a socket. Before a connection exists they are kept and given to it; afterwards they
// reach it at once. Read socket(7) and tcp(7).
#include <algorithm>

#include "models/socket/sockets.h"

namespace twinpath {

namespace {

const TcpOpenOptions kNothingSet;
constexpr std::int64_t kBufferBytesMax = 1073725440;  // 65535 << 14: the largest window

constexpr std::int64_t kMssUnconnected = 536;  // what Linux answers before it knows
constexpr std::int64_t kFinWait2MaxS = 120;    // TCP_FIN_TIMEOUT_MAX
constexpr std::int64_t kEcnMask = 3;
constexpr std::int64_t kLingerMaxS = 0x7fffffff;
constexpr std::int64_t kFastOpenBacklogMax = 4096;  // Linux's somaxconn

// tcp(7): seconds become the number of SYN,ACKs sent again within them, and back.
std::uint32_t retries_within(std::int64_t seconds) {
  constexpr std::uint32_t kRetriesMax = 255;
  constexpr std::int64_t kWaitMaxS = 120;
  if (seconds <= 0) return 0;
  std::uint32_t retries = 1;
  std::int64_t wait = 1;
  for (std::int64_t passed = wait; seconds > passed && retries < kRetriesMax; ++retries) {
    wait = std::min(2 * wait, kWaitMaxS);
    passed += wait;
  }
  return retries;
}

// What getsockopt() makes of it: the time those retries take.
std::int64_t seconds_of(std::int64_t asked_s) {
  std::int64_t wait = 1;
  std::int64_t passed = 0;
  for (std::uint32_t left = retries_within(asked_s); left > 0; --left) {
    passed += wait;
    wait = std::min<std::int64_t>(2 * wait, 120);
  }
  return passed;
}

bool is_for_listeners(SocketOption option) {
  return option == SocketOption::kDeferAccept || option == SocketOption::kFastOpen ||
         option == SocketOption::kFastOpenConnect;
}

std::uint32_t clamp_bytes(SocketOption option, std::int64_t value) {
  constexpr std::int64_t kReceiveBytesMin = 1152;  // halves of SOCK_MIN_RCVBUF, SOCK_MIN_SNDBUF
  constexpr std::int64_t kSendBytesMin = 2304;
  const auto least = option == SocketOption::kSendBuffer ? kSendBytesMin : kReceiveBytesMin;
  return static_cast<std::uint32_t>(std::clamp(value, least, kBufferBytesMax));
}

// Those few ever set.
Errno fill_rare(TcpOpenOptions& options, SocketOption option, std::int64_t value) {
  switch (option) {
    case SocketOption::kSynRetries:
      if (value < 1 || value > 127) return Errno::kInvalid;  // tcp(7): MAX_TCP_SYNCNT
      options.syn_retries = static_cast<std::uint8_t>(value);
      break;
    case SocketOption::kFinWait2:
      if (value < 0) return Errno::kInvalid;
      options.fin_wait_2 = std::chrono::seconds(std::min(value, kFinWait2MaxS));
      break;
    case SocketOption::kTrafficClass:
      if (value < 0 || value > 255) return Errno::kInvalid;
      options.traffic_class = static_cast<std::uint8_t>(value & ~kEcnMask);
      break;
    default:
      return Errno::kNoProtocolOption;
  }
  return Errno::kNone;
}

// kInvalid when the value has no meaning for the option.
Errno fill(TcpOpenOptions& options, SocketOption option, std::int64_t value) {
  switch (option) {
    case SocketOption::kSendBuffer:
      options.send_buffer_bytes = clamp_bytes(option, value);
      break;
    case SocketOption::kReceiveBuffer:
      options.receive_buffer_bytes = clamp_bytes(option, value);
      break;
    case SocketOption::kKeepAlive:
      options.keepalive = value != 0;
      break;
    case SocketOption::kNoDelay:
      options.nagle = value == 0;
      break;
    case SocketOption::kCork:
      options.cork = value != 0;
      break;
    case SocketOption::kQuickAck:
      options.quick_ack = value != 0;
      break;
    case SocketOption::kPacing:
      if (value < 0 || value >= static_cast<std::int64_t>(kPacingNames.size())) {
        return Errno::kInvalid;
      }
      options.pacing = static_cast<PacingMode>(value);
      break;
    case SocketOption::kMaxSegment:
      if (value < 88 || value > 32767)
        return Errno::kInvalid;  // tcp(7): TCP_MIN_MSS, MAX_TCP_WINDOW
      options.mss_bytes = static_cast<std::uint32_t>(value);
      break;
    case SocketOption::kKeepAliveIdle:
    case SocketOption::kKeepAliveInterval: {
      if (value < 1 || value > 32767) return Errno::kInvalid;  // tcp(7): MAX_TCP_KEEPIDLE
      auto& time = option == SocketOption::kKeepAliveIdle ? options.keepalive_idle
                                                          : options.keepalive_interval;
      time = std::chrono::seconds(value);
      break;
    }
    case SocketOption::kKeepAliveProbes:
      if (value < 1 || value > 127) return Errno::kInvalid;  // tcp(7): MAX_TCP_KEEPCNT
      options.keepalive_probes = static_cast<std::uint32_t>(value);
      break;
    case SocketOption::kUserTimeout:
      if (value < 0) return Errno::kInvalid;
      options.user_timeout = std::chrono::milliseconds(value);
      break;
    case SocketOption::kNotSentLowat:
      options.notsent_lowat_bytes = static_cast<std::uint32_t>(value);
      break;
    case SocketOption::kCongestion:
      if (value < 0 || value >= static_cast<std::int64_t>(kCongestionNames.size())) {
        return Errno::kNoEntry;
      }
      options.congestion = static_cast<CongestionKind>(value);
      break;
    default:
      return fill_rare(options, option, value);
  }
  return Errno::kNone;
}

// The value in force: what was set, else the stack's.
std::optional<std::int64_t> value_of(const TcpOpenOptions& set, const TcpConfig& config,
                                     SocketOption option) {
  const auto seconds = [](Duration time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
  };
  switch (option) {
    case SocketOption::kSendBuffer:
      return set.send_buffer_bytes.value_or(config.send_buffer_bytes);
    case SocketOption::kReceiveBuffer:
      return set.receive_buffer_bytes.value_or(config.receive_buffer_bytes);
    case SocketOption::kKeepAlive:
      return set.keepalive.value_or(config.keepalive) ? 1 : 0;
    case SocketOption::kNoDelay:
      return set.nagle.value_or(config.nagle) ? 0 : 1;
    case SocketOption::kCork:
      return set.cork.value_or(false) ? 1 : 0;
    case SocketOption::kQuickAck:
      return set.quick_ack.value_or(config.quick_acks > 0) ? 1 : 0;
    case SocketOption::kPacing:
      return static_cast<std::int64_t>(set.pacing.value_or(config.pacing));
    case SocketOption::kMaxSegment:
      return set.mss_bytes.value_or(kMssUnconnected);
    case SocketOption::kKeepAliveIdle:
      return seconds(set.keepalive_idle.value_or(config.keepalive_idle));
    case SocketOption::kKeepAliveInterval:
      return seconds(set.keepalive_interval.value_or(config.keepalive_interval));
    case SocketOption::kKeepAliveProbes:
      return set.keepalive_probes.value_or(config.keepalive_probes);
    case SocketOption::kUserTimeout:
      return set.user_timeout.value_or(config.user_timeout) / std::chrono::milliseconds(1);
    case SocketOption::kNotSentLowat:
      return set.notsent_lowat_bytes.value_or(0);
    case SocketOption::kSynRetries:
      return set.syn_retries.value_or(static_cast<std::uint8_t>(config.syn_retries));
    case SocketOption::kFinWait2: {
      const Duration own = set.fin_wait_2.value_or(Duration::zero());
      return seconds(own > Duration::zero() ? own : config.fin_wait_2);
    }
    case SocketOption::kTrafficClass:
      return set.traffic_class.value_or(0);
    case SocketOption::kCongestion:
      return static_cast<std::int64_t>(set.congestion.value_or(
          config.custom_congestion ? CongestionKind::kCustom : config.congestion));
    default:
      return std::nullopt;
  }
}

// Those kept here, of any socket; nothing for others.
std::optional<bool> flag_of(const SocketRecord& socket, SocketOption option) {
  switch (option) {
    case SocketOption::kReuseAddress:
      return socket.reuse_address;
    case SocketOption::kReusePort:
      return socket.reuse_port;
    case SocketOption::kOutOfBandInline:
      return socket.oob_inline;
    default:
      return std::nullopt;
  }
}

// False: it is not one of those.
bool set_flag(SocketRecord& socket, SocketOption option, bool on) {
  switch (option) {
    case SocketOption::kReuseAddress:
      socket.reuse_address = on;
      return true;
    case SocketOption::kReusePort:
      socket.reuse_port = on;
      return true;
    case SocketOption::kOutOfBandInline:
      socket.oob_inline = on;
      socket.oob_asked = true;
      return true;
    default:
      return false;
  }
}

}  // namespace

Errno Sockets::set_option(Instant now, Fd fd, SocketOption option, std::int64_t value) {
  Socket* socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (set_flag(*socket, option, value != 0)) {
    if (socket->role == Role::kDatagram) {
      UdpOptions& options = *host_.udp().options(socket->udp);
      options.reuse_address = socket->reuse_address;
      options.reuse_port = socket->reuse_port;
    }
    return Errno::kNone;
  }
  if (option == SocketOption::kV6Only) return set_v6_only(*socket, value != 0);
  if (socket->role == Role::kDatagram) return set_datagram_option(*socket, option, value);
  return set_tcp_option(now, *socket, option, value);
}

std::uint32_t Sockets::clamped_buffer_bytes(SocketOption option, std::int64_t value) {
  return clamp_bytes(option, value);
}

// ipv6(7): not once the socket has an address.
Errno Sockets::set_v6_only(Socket& socket, bool v6_only) {
  if (socket.role == Role::kDatagram) {
    const Errno error = host_.udp().set_v6_only(socket.udp, v6_only);
    if (error != Errno::kNone) return error;
  } else if (socket.role != Role::kStream || socket.bound) {
    return Errno::kInvalid;
  }
  socket.v6_only = v6_only;
  return Errno::kNone;
}

Errno Sockets::set_tcp_option(Instant now, Socket& socket, SocketOption option,
                              std::int64_t value) {
  if (option == SocketOption::kLinger) {
    // A positive linger asks close() to wait, which nothing here does: kept, and read back.
    socket.extra().linger_s =
        static_cast<std::int32_t>(std::clamp<std::int64_t>(value, -1, kLingerMaxS));
    return Errno::kNone;
  }
  if (is_for_listeners(option)) return set_listener_option(socket, option, value);
  TcpOpenOptions change;
  const Errno error = fill(change, option, value);
  if (error != Errno::kNone) return error;
  auto& kept = socket.extra().options;
  if (kept == nullptr) kept = std::make_unique<TcpOpenOptions>();
  fill(*kept, option, value);
  if (socket.role == Role::kConnected) host_.tcp().set_options(now, socket.tcp, change);
  if (socket.role == Role::kListener) {
    host_.tcp().set_listen_options(socket.listener, listen_options(socket));
  }
  return Errno::kNone;
}

// tcp(7): Fast Open is for sockets that do not connect, or have not yet.
Errno Sockets::set_listener_option(Socket& socket, SocketOption option, std::int64_t value) {
  const bool fresh = socket.role == Role::kStream && socket.deferred() == nullptr;
  if (option == SocketOption::kFastOpenConnect) {
    if (value < 0 || value > 1 || !fresh) return Errno::kInvalid;
    socket.fast_open_connect = value != 0;
    return Errno::kNone;
  }
  auto& listening = socket.extra().listening;
  if (listening == nullptr) listening = std::make_unique<ListenerChoices>();
  if (option == SocketOption::kDeferAccept) {
    listening->defer_accept_s = std::max<std::int64_t>(value, 0);
  } else {
    if (value < 0 || (!fresh && socket.role != Role::kListener)) return Errno::kInvalid;
    listening->fast_open_backlog =
        static_cast<std::uint32_t>(std::min<std::int64_t>(value, kFastOpenBacklogMax));
  }
  if (socket.role == Role::kListener) {
    host_.tcp().set_listen_options(socket.listener, listen_options(socket));
  }
  return Errno::kNone;
}

TcpListenOptions Sockets::listen_options(const Socket& socket) const {
  TcpListenOptions options;
  options.shared = socket.reuse_port;
  options.v6_only = socket.v6_only;
  if (socket.options() != nullptr) options.inherited = *socket.options();
  if (const ListenerChoices* listening = socket.listening()) {
    options.defer_accept_retries = retries_within(listening->defer_accept_s);
    options.fast_open_backlog = listening->fast_open_backlog;
  }
  return options;
}

namespace {

// tcp(7), SIOCINQ: up to the urgent octet, where one stands beside the stream.
std::uint32_t unread_bytes(const SocketRecord& socket, const TcpStatus& status) {
  const bool stops = status.urgent && socket.oob_asked && !socket.oob_inline;
  return stops && status.urgent_bytes <= status.readable_bytes ? status.urgent_bytes - 1
                                                               : status.readable_bytes;
}

// tcp(7), SIOCOUTQ: the FIN counts.
std::uint32_t unacked_bytes(const TcpStatus& status) {
  const bool fin = status.send_shut && status.state != TcpState::kFinWait2 &&
                   status.state != TcpState::kTimeWait && status.state != TcpState::kClosed;
  return status.unacked_bytes + (fin ? 1 : 0);
}

}  // namespace

OptionResult Sockets::get_option(Fd fd, SocketOption option) {
  Socket* socket = find(fd);
  if (socket == nullptr) return {0, Errno::kBadDescriptor};
  if (const auto flag = flag_of(*socket, option)) return {*flag ? 1 : 0};
  if (option == SocketOption::kV6Only) return {socket->v6_only ? 1 : 0};
  if (socket->role == Role::kDatagram) return get_datagram_option(*socket, option);
  return get_stream_option(*socket, option);
}

OptionResult Sockets::get_stream_option(Socket& socket, SocketOption option) {
  const bool connected = socket.role == Role::kConnected;
  const bool counts = option == SocketOption::kUnreadBytes ||
                      option == SocketOption::kUnsentBytes || option == SocketOption::kNotSentBytes;
  if (counts && socket.role == Role::kListener) return {0, Errno::kInvalid};
  switch (option) {
    case SocketOption::kError: {
      const Errno error =
          connected ? host_.tcp().take_error(socket.tcp) : socket.take_error_or(Errno::kNone);
      return {static_cast<std::int64_t>(error)};
    }
    case SocketOption::kLinger:
      return {socket.linger_s()};
    case SocketOption::kUnreadBytes:
      return {connected ? unread_bytes(socket, host_.tcp().status(socket.tcp)) : 0};
    case SocketOption::kUnsentBytes:
      return {connected ? unacked_bytes(host_.tcp().status(socket.tcp)) : 0};
    case SocketOption::kNotSentBytes:
      return {connected ? host_.tcp().status(socket.tcp).unsent_bytes : 0};
    case SocketOption::kAtMark: {
      const TcpStatus status = connected ? host_.tcp().status(socket.tcp) : TcpStatus();
      return {status.urgent && status.urgent_bytes == 1 ? 1 : 0};
    }
    case SocketOption::kFastOpenConnect:
      return {socket.fast_open_connect ? 1 : 0};
    case SocketOption::kDeferAccept:
      return {socket.listening() == nullptr ? 0 : seconds_of(socket.listening()->defer_accept_s)};
    case SocketOption::kFastOpen:
      return {socket.listening() == nullptr ? 0 : socket.listening()->fast_open_backlog};
    case SocketOption::kMaxSegment:
      if (connected) return {host_.tcp().info(socket.tcp).mss_bytes};
      break;
    default:
      break;
  }
  const TcpOpenOptions& set = socket.options() == nullptr ? kNothingSet : *socket.options();
  const auto value = value_of(set, host_.tcp().config(), option);
  return value ? OptionResult{*value} : OptionResult{0, Errno::kNoProtocolOption};
}

std::optional<TcpInfo> Sockets::tcp_info(Fd fd) const {
  const Socket* socket = find(fd);
  if (socket == nullptr || socket->role != Role::kConnected) return std::nullopt;
  return host_.tcp().info(socket->tcp);
}

}  // namespace twinpath
