// The socket calls applications make, without I/O or blocking: every call returns at once, with
// what Linux would return. Read the manual pages of each call; errors are theirs. What is ready is
// told by a Poller (poller.h). Implemented over a host's own stack by Sockets (sockets.h), and
// virtual so that the stack may be elsewhere; stack_sockets.h says what an application notices.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "models/base/linux_errno.h"
#include "models/base/packet_buf.h"
#include "models/tcp/endpoint.h"

namespace twinpath {

// Sockets are what Linux's AF_INET6 sockets are: IPv4 addresses stand in mapped form, "::" is any
// address of either version unless kV6Only is set, and "0.0.0.0" any of IPv4 alone, as an AF_INET
// socket's.

// A descriptor: the lowest free one, as POSIX demands.
enum class Fd : std::int32_t { kNone = -1 };

using SocketAddress = TcpEndpointAddress;

enum class SocketKind : std::uint8_t { kStream, kDatagram };
enum class ShutdownHow : std::uint8_t { kRead, kWrite, kBoth };

// Values are counts, bytes, 0/1 or whole seconds, as setsockopt() takes them.
enum class SocketOption : std::uint8_t {
  kError,              // SO_ERROR: read and cleared
  kSendBuffer,         // SO_SNDBUF, bytes; not doubled as Linux does
  kReceiveBuffer,      // SO_RCVBUF
  kReuseAddress,       // SO_REUSEADDR
  kKeepAlive,          // SO_KEEPALIVE
  kV6Only,             // IPV6_V6ONLY; before bind()
  kLinger,             // SO_LINGER: -1 off; 0: close() resets the connection; else seconds
  kNoDelay,            // TCP_NODELAY
  kMaxSegment,         // TCP_MAXSEG
  kKeepAliveIdle,      // TCP_KEEPIDLE, seconds
  kKeepAliveInterval,  // TCP_KEEPINTVL, seconds
  kKeepAliveProbes,    // TCP_KEEPCNT
  kCongestion,         // TCP_CONGESTION, as CongestionKind
  kCork,               // TCP_CORK
  kQuickAck,           // TCP_QUICKACK
  kPacing,             // as PacingMode
  kUnreadBytes,        // SIOCINQ; of a datagram socket, the first datagram's
  kUnsentBytes,        // SIOCOUTQ: accepted, not yet acknowledged
  kNotSentBytes,       // SIOCOUTQNSD: accepted, not yet in any segment
  kReusePort,          // SO_REUSEPORT
  kOutOfBandInline,    // SO_OOBINLINE: once set, urgent data as tcp(7) has it
  kAtMark,             // SIOCATMARK
  kUserTimeout,        // TCP_USER_TIMEOUT, milliseconds
  kNotSentLowat,       // TCP_NOTSENT_LOWAT, bytes
  kDeferAccept,        // TCP_DEFER_ACCEPT, seconds
  kFastOpen,           // TCP_FASTOPEN, requests pending at most
  kFastOpenConnect,    // TCP_FASTOPEN_CONNECT
  kSynRetries,         // TCP_SYNCNT
  kFinWait2,           // TCP_LINGER2, seconds; 0: the stack's
  kTrafficClass,       // IP_TOS, IPV6_TCLASS
  kHopLimit,           // IP_TTL, IPV6_UNICAST_HOPS, of datagrams; -1: the host's
};

// Readiness with epoll's bits.
inline constexpr std::uint32_t kPollIn = 0x001;
inline constexpr std::uint32_t kPollUrgent = 0x002;  // EPOLLPRI
inline constexpr std::uint32_t kPollOut = 0x004;
inline constexpr std::uint32_t kPollError = 0x008;        // always reported
inline constexpr std::uint32_t kPollHangup = 0x010;       // always reported
inline constexpr std::uint32_t kPollReadHangup = 0x2000;  // the peer sends no more

struct FdResult {
  Fd fd = Fd::kNone;
  Errno error = Errno::kNone;
};
struct Accepted {
  Fd fd = Fd::kNone;
  SocketAddress remote{};
  Errno error = Errno::kNone;
};
// `result` is bytes, 0 at the end of the stream, or a negative Errno.
struct Received {
  std::int64_t result = 0;
  Slice data{};
  SocketAddress source{};  // datagrams only
};
struct NameResult {
  SocketAddress address{};
  Errno error = Errno::kNone;
};
struct OptionResult {
  std::int64_t value = 0;
  Errno error = Errno::kNone;
};

// Hears that a socket's readiness may have changed; asks readiness() what it is.
// Takes note and acts later: neither watches nor unwatches while it is told.
class SocketWatcher {
 public:
  virtual ~SocketWatcher() = default;
  virtual void on_socket_ready(std::uint32_t token) = 0;
  // The socket was closed; the watch is gone.
  virtual void on_socket_closed(std::uint32_t token) = 0;
};

class SocketApi {
 public:
  virtual ~SocketApi() = default;
  virtual FdResult socket(SocketKind kind) = 0;
  virtual Errno bind(Fd fd, const SocketAddress& local) = 0;
  virtual Errno listen(Fd fd, std::uint32_t backlog) = 0;
  virtual Accepted accept(Fd fd) = 0;
  // Streams: kInProgress until kPollOut, then SO_ERROR tells; a second call then succeeds once.
  virtual Errno connect(Instant now, Fd fd, const SocketAddress& remote) = 0;
  // Bytes taken, or a negative Errno. The bytes are copied.
  virtual std::int64_t send(Instant now, Fd fd, std::span<const std::byte> data) = 0;
  // The same without a copy: the stack shares the buffer until the peer has acknowledged it.
  virtual std::int64_t send_slice(Instant now, Fd fd, const Slice& data) = 0;
  virtual std::int64_t send_to(Instant now, Fd fd, const SocketAddress& target,
                               std::span<const std::byte> data) = 0;
  // Bytes copied, 0 at the end of the stream, or a negative Errno. A datagram is cut to fit.
  virtual std::int64_t receive(Instant now, Fd fd, std::span<std::byte> into) = 0;
  // One piece of at most `bytes_max` without a copy; a whole datagram with its source.
  virtual Received receive_slice(Instant now, Fd fd, std::uint32_t bytes_max) = 0;
  virtual Errno shutdown(Instant now, Fd fd, ShutdownHow how) = 0;
  virtual Errno close(Instant now, Fd fd) = 0;
  virtual Errno set_option(Instant now, Fd fd, SocketOption option, std::int64_t value) = 0;
  virtual OptionResult get_option(Fd fd, SocketOption option) = 0;
  [[nodiscard]] virtual NameResult local_name(Fd fd) const = 0;
  [[nodiscard]] virtual NameResult peer_name(Fd fd) const = 0;
  [[nodiscard]] virtual std::optional<TcpInfo> tcp_info(Fd fd) const = 0;  // TCP_INFO

  // kPollIn and so on; 0 for a closed descriptor.
  [[nodiscard]] virtual std::uint32_t readiness(Fd fd) const = 0;
  // Any number of watchers per socket. False: no such descriptor.
  virtual bool watch(Fd fd, SocketWatcher& watcher, std::uint32_t token) = 0;
  virtual void unwatch(Fd fd, SocketWatcher& watcher, std::uint32_t token) = 0;
};

}  // namespace twinpath
