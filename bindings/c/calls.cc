// The socket calls that open, name, close and ask.
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>

#include "bindings/c/guard.h"
#include "bindings/c/sockaddr.h"

// The C functions are defined in here to have these names at hand; extern "C" makes them the
// header's.
namespace twinpath::bind {
namespace {

constexpr int kTypeFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr int kStatusFlags = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK;  // fcntl(2)
constexpr std::size_t kPollEntriesMax = 1U << 20;

// As inet_create() and inet6_create() refuse.
Errno check_kind(const Descriptor& wanted) {
  if (wanted.domain != AF_INET && wanted.domain != AF_INET6) {
    return Errno::kAddressFamilyNotSupported;
  }
  if (wanted.type < SOCK_STREAM || wanted.type > SOCK_PACKET) return Errno::kInvalid;
  const int protocol = wanted.type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  if (wanted.type != SOCK_STREAM && wanted.type != SOCK_DGRAM) {
    return Errno::kSocketTypeNotSupported;
  }
  if (wanted.protocol < 0 || wanted.protocol > 262) return Errno::kInvalid;  // IPPROTO_MPTCP
  if (wanted.protocol != 0 && wanted.protocol != protocol) return Errno::kProtocolNotSupported;
  return Errno::kNone;
}

int opened(EmbeddedHost& embedded, const FdResult& result, const Descriptor& descriptor) {
  if (result.error != Errno::kNone) return failure(result.error);
  embedded.adopt(result.fd, descriptor);
  return static_cast<int>(result.fd);
}

int named(const NameResult& name, int domain, sockaddr* address, socklen_t* length) {
  if (name.error != Errno::kNone) return failure(name.error);
  return failure(write_sockaddr(name.address, domain, address, length));
}

// poll(2)'s bits of a socket's readiness.
short poll_bits(std::uint32_t readiness, short wanted) {
  std::uint32_t bits = readiness;
  if ((readiness & kPollIn) != 0) bits |= POLLRDNORM;
  if ((readiness & kPollOut) != 0) bits |= POLLWRNORM;
  return static_cast<short>(bits & (static_cast<std::uint32_t>(wanted) | POLLERR | POLLHUP));
}

Interest interest_of(const epoll_event& event) {
  Interest interest;
  interest.events = event.events;
  interest.data = event.data.u64;
  if ((event.events & EPOLLET) != 0) interest.trigger = Trigger::kEdge;
  if ((event.events & EPOLLONESHOT) != 0) interest.trigger = Trigger::kOneShot;
  return interest;
}

}  // namespace

extern "C" {

int twinpath_socket(TwinpathHost* host, int domain, int type, int protocol) {
  return guarded(host, [&](EmbeddedHost& embedded) -> int {
    Descriptor wanted{domain, type & ~kTypeFlags, protocol, type & SOCK_NONBLOCK};
    const Errno refused = check_kind(wanted);
    if (refused != Errno::kNone) return failure(refused);
    const bool stream = wanted.type == SOCK_STREAM;
    wanted.protocol = stream ? IPPROTO_TCP : IPPROTO_UDP;
    const SocketKind kind = stream ? SocketKind::kStream : SocketKind::kDatagram;
    return opened(embedded, embedded.sockets().socket(kind), wanted);
  });
}

int twinpath_bind(TwinpathHost* host, int fd, const sockaddr* address, socklen_t length) {
  return guarded_socket(host, fd, [&](EmbeddedHost& embedded, Descriptor& descriptor) -> int {
    AddressResult local = read_sockaddr(address, length);
    if (local.error == Errno::kNone && local.family != descriptor.domain) {
      local.error = local.family == AF_INET && descriptor.domain == AF_INET6
                        ? Errno::kInvalid  // too short for an IPv6 address
                        : Errno::kAddressFamilyNotSupported;
    }
    if (local.error != Errno::kNone) return failure(local.error);
    return failure(embedded.sockets().bind(static_cast<Fd>(fd), local.address));
  });
}

int twinpath_listen(TwinpathHost* host, int fd, int backlog) {
  return guarded_socket(host, fd, [&](EmbeddedHost& embedded, Descriptor&) -> int {
    return failure(
        embedded.sockets().listen(static_cast<Fd>(fd), static_cast<std::uint32_t>(backlog)));
  });
}

int twinpath_accept(TwinpathHost* host, int fd, sockaddr* address, socklen_t* length, int flags) {
  return guarded_socket(host, fd, [&](EmbeddedHost& embedded, Descriptor& listener) -> int {
    if ((flags & ~kTypeFlags) != 0) return failure(Errno::kInvalid);
    if (address != nullptr && length == nullptr) return failure(Errno::kFault);
    const Accepted accepted = embedded.sockets().accept(static_cast<Fd>(fd));
    Descriptor own = listener;
    own.flags = flags & SOCK_NONBLOCK;
    const int result = opened(embedded, {accepted.fd, accepted.error}, own);
    if (result >= 0 && address != nullptr) {
      write_sockaddr(accepted.remote, own.domain, address, length);
    }
    return result;
  });
}

int twinpath_connect(TwinpathHost* host, int fd, const sockaddr* address, socklen_t length) {
  return guarded_socket(host, fd, [&](EmbeddedHost& embedded, Descriptor& descriptor) -> int {
    const AddressResult remote = read_sockaddr(address, length);
    if (remote.error != Errno::kNone) return failure(remote.error);
    if (remote.family == AF_UNSPEC) {
      return failure(embedded.sockets().dissolve(embedded.now(), static_cast<Fd>(fd)));
    }
    if (remote.family != descriptor.domain) return failure(Errno::kAddressFamilyNotSupported);
    return failure(embedded.sockets().connect(embedded.now(), static_cast<Fd>(fd), remote.address));
  });
}

int twinpath_shutdown(TwinpathHost* host, int fd, int how) {
  return guarded_socket(host, fd, [&](EmbeddedHost& embedded, Descriptor&) -> int {
    constexpr std::array kHow = {ShutdownHow::kRead, ShutdownHow::kWrite, ShutdownHow::kBoth};
    if (how < SHUT_RD || how > SHUT_RDWR) return failure(Errno::kInvalid);
    return failure(embedded.sockets().shutdown(embedded.now(), static_cast<Fd>(fd),
                                               kHow[static_cast<std::size_t>(how)]));
  });
}

int twinpath_close(TwinpathHost* host, int fd) {
  return guarded(host, [&](EmbeddedHost& embedded) -> int {
    if (embedded.close_epoll(fd)) return 0;
    if (embedded.descriptor(fd) == nullptr) return failure(Errno::kBadDescriptor);
    embedded.forget(fd);
    const Errno error = embedded.sockets().close(embedded.now(), static_cast<Fd>(fd));
    embedded.flush();
    return failure(error);
  });
}

int twinpath_getsockname(TwinpathHost* host, int fd, sockaddr* address, socklen_t* length) {
  return guarded_socket(host, fd, [&](EmbeddedHost& embedded, Descriptor& descriptor) -> int {
    return named(embedded.sockets().local_name(static_cast<Fd>(fd)), descriptor.domain, address,
                 length);
  });
}

int twinpath_getpeername(TwinpathHost* host, int fd, sockaddr* address, socklen_t* length) {
  return guarded_socket(host, fd, [&](EmbeddedHost& embedded, Descriptor& descriptor) -> int {
    return named(embedded.sockets().peer_name(static_cast<Fd>(fd)), descriptor.domain, address,
                 length);
  });
}

int twinpath_fcntl(TwinpathHost* host, int fd, int command, int value) {
  return guarded_socket(host, fd, [&](EmbeddedHost&, Descriptor& descriptor) -> int {
    if (command == F_GETFL) return O_RDWR | descriptor.flags;
    if (command != F_SETFL) return failure(Errno::kInvalid);
    descriptor.flags = value & kStatusFlags;
    return 0;
  });
}

int twinpath_ioctl(TwinpathHost* host, int fd, unsigned long request, int* value) {
  return guarded_socket(host, fd, [&](EmbeddedHost& embedded, Descriptor& descriptor) -> int {
    SocketOption option = SocketOption::kUnreadBytes;
    const bool of_streams = request == SIOCOUTQNSD || request == SIOCATMARK;
    if (of_streams && descriptor.type != SOCK_STREAM) return failure(Errno::kNoDeviceCall);
    if (request == SIOCOUTQ) {
      option = SocketOption::kUnsentBytes;
    } else if (request == SIOCOUTQNSD) {
      option = SocketOption::kNotSentBytes;
    } else if (request == SIOCATMARK) {
      option = SocketOption::kAtMark;
    } else if (request != SIOCINQ) {
      return failure(Errno::kNoDeviceCall);
    }
    const OptionResult result = embedded.sockets().get_option(static_cast<Fd>(fd), option);
    if (result.error != Errno::kNone) return failure(result.error);
    if (value == nullptr) return failure(Errno::kFault);
    *value = static_cast<int>(result.value);
    return 0;
  });
}

int twinpath_poll(TwinpathHost* host, pollfd* entries, size_t count) {
  return guarded(host, [&](EmbeddedHost& embedded) -> int {
    if (count > kPollEntriesMax) return failure(Errno::kInvalid);
    if (entries == nullptr && count > 0) return failure(Errno::kFault);
    int ready = 0;
    for (pollfd& entry : std::span(entries, count)) {
      entry.revents = 0;
      if (entry.fd < 0) continue;
      if (embedded.descriptor(entry.fd) == nullptr) {
        entry.revents = POLLNVAL;
      } else {
        entry.revents =
            poll_bits(embedded.sockets().readiness(static_cast<Fd>(entry.fd)), entry.events);
      }
      ready += entry.revents != 0 ? 1 : 0;
    }
    return ready;
  });
}

int twinpath_epoll_create(TwinpathHost* host) {
  return guarded(host, [](EmbeddedHost& embedded) { return embedded.open_epoll(); });
}

int twinpath_epoll_ctl(TwinpathHost* host, int epoll, int operation, int fd,
                       const epoll_event* event) {
  return guarded(host, [&](EmbeddedHost& embedded) -> int {
    Poller* poller = embedded.epoll(epoll);
    if (poller == nullptr) {
      const bool is_socket = embedded.descriptor(epoll) != nullptr;
      return failure(is_socket ? Errno::kInvalid : Errno::kBadDescriptor);
    }
    if (embedded.descriptor(fd) == nullptr) return failure(Errno::kBadDescriptor);
    const Fd socket = static_cast<Fd>(fd);
    if (operation == EPOLL_CTL_DEL) return failure(poller->remove(socket));
    if (operation != EPOLL_CTL_ADD && operation != EPOLL_CTL_MOD) return failure(Errno::kInvalid);
    if (event == nullptr) return failure(Errno::kFault);
    const Interest interest = interest_of(*event);
    return failure(operation == EPOLL_CTL_ADD ? poller->add(socket, interest)
                                              : poller->modify(socket, interest));
  });
}

int twinpath_epoll_wait(TwinpathHost* host, int epoll, epoll_event* events, int events_max) {
  return guarded(host, [&](EmbeddedHost& embedded) -> int {
    Poller* poller = embedded.epoll(epoll);
    if (poller == nullptr) return failure(Errno::kBadDescriptor);
    if (events_max <= 0) return failure(Errno::kInvalid);
    if (events == nullptr) return failure(Errno::kFault);
    std::array<PollEvent, 64> ready;
    const auto room = std::min<std::size_t>(ready.size(), static_cast<std::size_t>(events_max));
    const std::size_t count = poller->wait(std::span(ready).first(room));
    for (std::size_t i = 0; i < count; ++i) {
      events[i].events = ready[i].events;
      events[i].data.u64 = ready[i].data;
    }
    return static_cast<int>(count);
  });
}

}  // extern "C"

}  // namespace twinpath::bind
