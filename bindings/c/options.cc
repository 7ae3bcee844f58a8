// getsockopt() and setsockopt() with Linux's numbers, layouts and errors. What is set here and has
// no effect on the stack is refused, not swallowed.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <climits>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "bindings/c/guard.h"
#include "bindings/c/tcp_info.h"

// The C functions are defined in here to have these names at hand; extern "C" makes them the
// header's.
namespace twinpath::bind {
namespace {

// SOL_TCP is <netinet/tcp.h>'s, which does not go with <linux/tcp.h>.
constexpr int kLevelTcp = IPPROTO_TCP;
constexpr std::size_t kCongestionNameMax = 16;  // TCP_CA_NAME_MAX

struct OptionName {
  int level;
  int name;
  friend bool operator==(const OptionName&, const OptionName&) = default;
};
struct OptionRow {
  OptionName name;
  SocketOption option;
};
// Those that are one int in and one int out.
constexpr std::array kIntOptions = {
    OptionRow{{SOL_SOCKET, SO_REUSEADDR}, SocketOption::kReuseAddress},
    OptionRow{{SOL_SOCKET, SO_KEEPALIVE}, SocketOption::kKeepAlive},
    OptionRow{{SOL_SOCKET, SO_SNDBUF}, SocketOption::kSendBuffer},
    OptionRow{{SOL_SOCKET, SO_RCVBUF}, SocketOption::kReceiveBuffer},
    OptionRow{{SOL_SOCKET, SO_SNDBUFFORCE}, SocketOption::kSendBuffer},
    OptionRow{{SOL_SOCKET, SO_RCVBUFFORCE}, SocketOption::kReceiveBuffer},
    OptionRow{{IPPROTO_IPV6, IPV6_V6ONLY}, SocketOption::kV6Only},
    OptionRow{{kLevelTcp, TCP_NODELAY}, SocketOption::kNoDelay},
    OptionRow{{kLevelTcp, TCP_CORK}, SocketOption::kCork},
    OptionRow{{kLevelTcp, TCP_QUICKACK}, SocketOption::kQuickAck},
    OptionRow{{kLevelTcp, TCP_MAXSEG}, SocketOption::kMaxSegment},
    OptionRow{{kLevelTcp, TCP_KEEPIDLE}, SocketOption::kKeepAliveIdle},
    OptionRow{{kLevelTcp, TCP_KEEPINTVL}, SocketOption::kKeepAliveInterval},
    OptionRow{{kLevelTcp, TCP_KEEPCNT}, SocketOption::kKeepAliveProbes},
    OptionRow{{kLevelTcp, TCP_USER_TIMEOUT}, SocketOption::kUserTimeout},
    OptionRow{{kLevelTcp, TCP_NOTSENT_LOWAT}, SocketOption::kNotSentLowat},
    OptionRow{{kLevelTcp, TCP_DEFER_ACCEPT}, SocketOption::kDeferAccept},
    OptionRow{{kLevelTcp, TCP_FASTOPEN}, SocketOption::kFastOpen},
    OptionRow{{kLevelTcp, TCP_FASTOPEN_CONNECT}, SocketOption::kFastOpenConnect},
    OptionRow{{kLevelTcp, TCP_SYNCNT}, SocketOption::kSynRetries},
    OptionRow{{kLevelTcp, TCP_LINGER2}, SocketOption::kFinWait2},
    OptionRow{{IPPROTO_IP, IP_TOS}, SocketOption::kTrafficClass},
    OptionRow{{IPPROTO_IPV6, IPV6_TCLASS}, SocketOption::kTrafficClass},
    OptionRow{{IPPROTO_IP, IP_TTL}, SocketOption::kHopLimit},
    OptionRow{{IPPROTO_IPV6, IPV6_UNICAST_HOPS}, SocketOption::kHopLimit},
    OptionRow{{SOL_SOCKET, SO_REUSEPORT}, SocketOption::kReusePort},
    OptionRow{{SOL_SOCKET, SO_OOBINLINE}, SocketOption::kOutOfBandInline}};

std::optional<SocketOption> int_option(const OptionName& name) {
  for (const OptionRow& row : kIntOptions) {
    if (row.name == name) return row.option;
  }
  return std::nullopt;
}

bool is_buffer(SocketOption option) {
  return option == SocketOption::kSendBuffer || option == SocketOption::kReceiveBuffer;
}

// The value `value` points to; Linux takes the first four bytes and ignores what follows.
std::optional<int> read_int(const void* value, socklen_t length) {
  if (length < sizeof(int)) return std::nullopt;
  int number = 0;
  std::memcpy(&number, value, sizeof number);
  return number;
}

// As the kernel answers: at most what there is, cut to the caller's room.
int answer(std::span<const std::byte> whole, void* value, socklen_t* length) {
  const std::size_t count = std::min<std::size_t>(*length, whole.size());
  std::memcpy(value, whole.data(), count);
  *length = static_cast<socklen_t>(count);
  return 0;
}

template <typename T>
int answer_value(const T& whole, void* value, socklen_t* length) {
  return answer(std::as_bytes(std::span(&whole, 1)), value, length);
}

int set_congestion(EmbeddedHost& embedded, Fd fd, const void* value, socklen_t length) {
  if (length < 1) return failure(Errno::kInvalid);
  const auto* text = static_cast<const char*>(value);
  const std::string_view name(
      text, ::strnlen(text, std::min<std::size_t>(length, kCongestionNameMax - 1)));
  const auto found = std::find(kCongestionNames.begin(), kCongestionNames.end(), name);
  if (found == kCongestionNames.end()) return failure(Errno::kNoEntry);
  return failure(embedded.sockets().set_option(embedded.now(), fd, SocketOption::kCongestion,
                                               found - kCongestionNames.begin()));
}

int get_congestion(EmbeddedHost& embedded, Fd fd, void* value, socklen_t* length) {
  const OptionResult kind = embedded.sockets().get_option(fd, SocketOption::kCongestion);
  if (kind.error != Errno::kNone) return failure(kind.error);
  std::array<char, kCongestionNameMax> name{};
  const auto index = static_cast<std::size_t>(kind.value);
  const std::string_view text =
      index < kCongestionNames.size() ? kCongestionNames[index] : "custom";
  std::copy(text.begin(), text.end(), name.begin());
  return answer(std::as_bytes(std::span(name)), value, length);
}

int set_linger(EmbeddedHost& embedded, Fd fd, const void* value, socklen_t length) {
  linger wanted{};
  if (length < sizeof wanted) return failure(Errno::kInvalid);
  std::memcpy(&wanted, value, sizeof wanted);
  const std::int64_t seconds = wanted.l_onoff == 0 ? -1 : std::max(wanted.l_linger, 0);
  return failure(embedded.sockets().set_option(embedded.now(), fd, SocketOption::kLinger, seconds));
}

int get_linger(EmbeddedHost& embedded, Fd fd, void* value, socklen_t* length) {
  const OptionResult seconds = embedded.sockets().get_option(fd, SocketOption::kLinger);
  if (seconds.error != Errno::kNone) return failure(seconds.error);
  linger now{};
  now.l_onoff = seconds.value >= 0 ? 1 : 0;
  now.l_linger = static_cast<int>(std::max<std::int64_t>(seconds.value, 0));
  return answer_value(now, value, length);
}

// ip(7): the last eight bits count. ipv6(7): -1 is the default. socket(7): a negative size of a
// buffer is the largest.
int as_linux_takes(const OptionName& option, int number) {
  if (option == OptionName{SOL_SOCKET, SO_SNDBUF} || option == OptionName{SOL_SOCKET, SO_RCVBUF}) {
    return number < 0 ? INT_MAX : number;
  }
  if (option == OptionName{IPPROTO_IP, IP_TOS}) return number & 0xff;
  return option == OptionName{IPPROTO_IPV6, IPV6_TCLASS} && number == -1 ? 0 : number;
}

int set_int(EmbeddedHost& embedded, Fd fd, SocketOption option, int number) {
  return failure(embedded.sockets().set_option(embedded.now(), fd, option, number));
}

// socket(7): half of a buffer is for the kernel's own use, so it reads as twice what was set.
int get_int(EmbeddedHost& embedded, Fd fd, SocketOption option, void* value, socklen_t* length) {
  const OptionResult result = embedded.sockets().get_option(fd, option);
  if (result.error != Errno::kNone) return failure(result.error);
  const std::int64_t shown = is_buffer(option) ? 2 * result.value : result.value;
  return answer_value(static_cast<int>(std::min<std::int64_t>(shown, INT_MAX)), value, length);
}

int get_fact(EmbeddedHost& embedded, Fd fd, const Descriptor& descriptor, int name) {
  switch (name) {
    case SO_TYPE:
      return descriptor.type;
    case SO_DOMAIN:
      return descriptor.domain;
    case SO_PROTOCOL:
      return descriptor.protocol;
    default:
      return embedded.sockets().is_listening(fd) ? 1 : 0;
  }
}

bool is_fact(const OptionName& option) {
  const int name = option.name;
  return option.level == SOL_SOCKET &&
         (name == SO_TYPE || name == SO_DOMAIN || name == SO_PROTOCOL || name == SO_ACCEPTCONN);
}

int get_error(EmbeddedHost& embedded, Fd fd, void* value, socklen_t* length) {
  const OptionResult error = embedded.sockets().get_option(fd, SocketOption::kError);
  if (error.error != Errno::kNone) return failure(error.error);
  return answer_value(static_cast<int>(error.value), value, length);
}

int get_info(EmbeddedHost& embedded, Fd fd, void* value, socklen_t* length) {
  tcp_info info{};
  info.tcpi_state = embedded.sockets().is_listening(fd) ? kLinuxListen : kLinuxClose;
  const auto known = embedded.sockets().tcp_info(fd);
  if (known) info = linux_tcp_info(*known);
  return answer_value(info, value, length);
}

// Errors of options nobody has: Linux tells a level it does not know from a name.
Errno unknown(int level) {
  const bool known = level == SOL_SOCKET || level == kLevelTcp || level == IPPROTO_IP ||
                     level == IPPROTO_IPV6 || level == IPPROTO_UDP;
  return known ? Errno::kNoProtocolOption : Errno::kOperationNotSupported;
}

}  // namespace

extern "C" {

int twinpath_setsockopt(TwinpathHost* host, int fd, int level, int name, const void* value,
                        socklen_t length) {
  return guarded_socket(host, fd, [&](EmbeddedHost& embedded, Descriptor& descriptor) -> int {
    const Fd socket = static_cast<Fd>(fd);
    if (length > INT_MAX) return failure(Errno::kInvalid);
    if (value == nullptr) return failure(Errno::kFault);
    const bool foreign = (level == kLevelTcp && descriptor.type != SOCK_STREAM) ||
                         (level == IPPROTO_IPV6 && descriptor.domain != AF_INET6);
    if (foreign) return failure(Errno::kNoProtocolOption);
    if (level == kLevelTcp && name == TCP_CONGESTION) {
      return set_congestion(embedded, socket, value, length);
    }
    if (level == SOL_SOCKET && name == SO_LINGER) {
      return set_linger(embedded, socket, value, length);
    }
    if (is_fact({level, name})) return failure(Errno::kNoProtocolOption);
    const auto number = read_int(value, length);
    if (!number) return failure(Errno::kInvalid);
    const auto option = int_option({level, name});
    if (!option) return failure(unknown(level));
    if (option == SocketOption::kCork) descriptor.more = false;
    return set_int(embedded, socket, *option, as_linux_takes({level, name}, *number));
  });
}

int twinpath_getsockopt(TwinpathHost* host, int fd, int level, int name, void* value,
                        socklen_t* length) {
  return guarded_socket(host, fd, [&](EmbeddedHost& embedded, Descriptor& descriptor) -> int {
    const Fd socket = static_cast<Fd>(fd);
    if (value == nullptr || length == nullptr) return failure(Errno::kFault);
    if (*length > INT_MAX) return failure(Errno::kInvalid);
    const bool foreign = (level == kLevelTcp && descriptor.type != SOCK_STREAM) ||
                         (level == IPPROTO_IPV6 && descriptor.domain != AF_INET6);
    if (foreign) return failure(Errno::kOperationNotSupported);
    if (is_fact({level, name})) {
      return answer_value(get_fact(embedded, socket, descriptor, name), value, length);
    }
    if (level == SOL_SOCKET && name == SO_ERROR) {
      return get_error(embedded, socket, value, length);
    }
    if (level == SOL_SOCKET && name == SO_LINGER) {
      return get_linger(embedded, socket, value, length);
    }
    if (level == kLevelTcp && name == TCP_INFO) return get_info(embedded, socket, value, length);
    if (level == kLevelTcp && name == TCP_CONGESTION) {
      return get_congestion(embedded, socket, value, length);
    }
    const auto option = int_option({level, name});
    if (!option) return failure(unknown(level));
    // MSG_MORE corks too, but that is not what was set.
    if (option == SocketOption::kCork && descriptor.more) return answer_value(0, value, length);
    return get_int(embedded, socket, *option, value, length);
  });
}

}  // extern "C"

}  // namespace twinpath::bind
