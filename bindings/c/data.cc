// The calls that move bytes. All of them are one of two: give_to() and take_from(), over a list of
// pieces.
#include <limits.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "bindings/c/guard.h"
#include "bindings/c/sockaddr.h"

// The C functions are defined in here to have these names at hand; extern "C" makes them the
// header's.
namespace twinpath::bind {
namespace {

constexpr std::size_t kPiecesMax = 1024;              // UIO_MAXIOV
constexpr std::size_t kCallBytesMax = 0x7ffff000;     // MAX_RW_COUNT: what one call moves at most
constexpr std::size_t kDatagramBytesMax = 65535 - 8;  // behind a UDP header

constexpr std::size_t kGatheredBytesMax = 1U << 24;

using Pieces = std::span<const iovec>;

// Of what sendmsg(2) knows, those that change nothing here: nothing blocks, no signal is raised,
// copying is what a call without SO_ZEROCOPY does.
constexpr int kSendFlagsWithoutEffect =
    MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR | MSG_CONFIRM | MSG_DONTROUTE | MSG_ZEROCOPY;
constexpr int kReceiveFlags =
    MSG_DONTWAIT | MSG_WAITALL | MSG_PEEK | MSG_TRUNC | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC;

Errno check_pieces(const iovec* pieces, std::size_t count) {
  if (count > kPiecesMax) return Errno::kMessageSize;
  if (pieces == nullptr && count > 0) return Errno::kFault;
  for (const iovec& piece : Pieces(pieces, count)) {
    if (piece.iov_len > SSIZE_MAX) return Errno::kInvalid;
    if (piece.iov_base == nullptr && piece.iov_len > 0) return Errno::kFault;
  }
  return Errno::kNone;
}

// No more than kCallBytesMax + 1: enough to know that it is too much.
std::size_t bytes_of(Pieces pieces) {
  std::size_t bytes = 0;
  for (const iovec& piece : pieces) {
    bytes = std::min(kCallBytesMax + 1, bytes + std::min(piece.iov_len, kCallBytesMax + 1));
  }
  return bytes;
}

std::span<std::byte> span_of(const iovec& piece, std::size_t bytes_max) {
  return {static_cast<std::byte*>(piece.iov_base), std::min(piece.iov_len, bytes_max)};
}

std::vector<std::byte> gathered(Pieces pieces) {
  std::vector<std::byte> whole;
  for (const iovec& piece : pieces) {
    const auto data = span_of(piece, piece.iov_len);
    whole.insert(whole.end(), data.begin(), data.end());
  }
  return whole;
}

struct Sending {
  Pieces pieces;
  int flags = 0;
  const sockaddr* address = nullptr;
  socklen_t address_length = 0;
};

// What needs all its bytes in one place: urgent data, and data on a SYN.
std::int64_t give_at_once(EmbeddedHost& embedded, Fd fd, const Sending& what) {
  if (bytes_of(what.pieces) > kGatheredBytesMax) return failure(Errno::kMessageSize);
  const std::vector<std::byte> whole = gathered(what.pieces);
  if ((what.flags & MSG_OOB) != 0) {
    return embedded.sockets().send_urgent(embedded.now(), fd, whole);
  }
  const AddressResult remote = read_sockaddr(what.address, what.address_length);
  if (remote.error != Errno::kNone) return failure(remote.error);
  return embedded.sockets().send_fast_open(embedded.now(), fd, remote.address, whole);
}

std::int64_t give_stream(EmbeddedHost& embedded, Fd fd, const Sending& what) {
  Sockets& sockets = embedded.sockets();
  if ((what.flags & (MSG_OOB | MSG_FASTOPEN)) != 0) return give_at_once(embedded, fd, what);
  std::int64_t given = 0;
  bool empty = true;
  for (const iovec& piece : what.pieces) {
    const auto room = kCallBytesMax - static_cast<std::size_t>(given);
    const auto data = span_of(piece, room);
    if (data.empty()) continue;
    empty = false;
    const std::int64_t taken = sockets.send(embedded.now(), fd, data);
    if (taken < 0) return given > 0 ? given : taken;
    given += taken;
    if (static_cast<std::size_t>(taken) < data.size()) return given;
  }
  return empty ? sockets.send(embedded.now(), fd, {}) : given;
}

// send(2), MSG_MORE: as TCP_CORK for this call, and until one without it.
std::int64_t give_with_more(EmbeddedHost& embedded, Fd fd, Descriptor& descriptor,
                            const Sending& what) {
  Sockets& sockets = embedded.sockets();
  const bool more = (what.flags & MSG_MORE) != 0;
  const bool corked = sockets.get_option(fd, SocketOption::kCork).value != 0;
  if (more && !corked) sockets.set_option(embedded.now(), fd, SocketOption::kCork, 1);
  descriptor.more = descriptor.more || (more && !corked);
  const std::int64_t given = give_stream(embedded, fd, what);
  // Taken off after the bytes came, so that they share segments with what waited for them.
  if (!more && descriptor.more) {
    descriptor.more = false;
    sockets.set_option(embedded.now(), fd, SocketOption::kCork, 0);
  }
  return given;
}

std::int64_t give_datagram(EmbeddedHost& embedded, Fd fd, const Descriptor& descriptor,
                           const Sending& what) {
  // udp(7) knows MSG_MORE; nothing here holds a datagram back.
  constexpr int kRefused = MSG_OOB | MSG_FASTOPEN | MSG_MORE;
  if ((what.flags & kRefused) != 0) return failure(Errno::kOperationNotSupported);
  if (bytes_of(what.pieces) > kDatagramBytesMax) return failure(Errno::kMessageSize);
  const std::vector<std::byte> whole = gathered(what.pieces);
  if (what.address == nullptr) return embedded.sockets().send(embedded.now(), fd, whole);
  const AddressResult target = read_sockaddr(what.address, what.address_length);
  if (target.error != Errno::kNone) return failure(target.error);
  if (target.family != descriptor.domain) return failure(Errno::kAddressFamilyNotSupported);
  return embedded.sockets().send_to(embedded.now(), fd, target.address, whole);
}

std::int64_t give(TwinpathHost* host, int fd, const Sending& what) {
  return guarded_socket(
      host, fd, [&](EmbeddedHost& embedded, Descriptor& descriptor) -> std::int64_t {
        const Errno bad = check_pieces(what.pieces.data(), what.pieces.size());
        if (bad != Errno::kNone) return failure(bad);
        if ((what.flags & ~(kSendFlagsWithoutEffect | MSG_OOB | MSG_MORE | MSG_FASTOPEN)) != 0) {
          return failure(Errno::kInvalid);
        }
        const Fd socket = static_cast<Fd>(fd);
        if (descriptor.type != SOCK_STREAM) {
          return give_datagram(embedded, socket, descriptor, what);
        }
        if ((what.flags & MSG_MORE) == 0 && !descriptor.more) {
          return give_stream(embedded, socket, what);
        }
        return give_with_more(embedded, socket, descriptor, what);
      });
}

struct Receiving {
  Pieces pieces;
  int flags = 0;
  sockaddr* address = nullptr;
  socklen_t* address_length = nullptr;
  int result_flags = 0;  // MSG_TRUNC: the datagram was longer
};

// tcp(7): MSG_TRUNC on a stream discards instead of copying.
std::int64_t discard(EmbeddedHost& embedded, Fd fd, std::size_t bytes) {
  std::int64_t gone = 0;
  while (static_cast<std::size_t>(gone) < bytes) {
    const auto room = static_cast<std::uint32_t>(
        std::min<std::size_t>(bytes - static_cast<std::size_t>(gone), 1U << 30));
    const Received piece = embedded.sockets().receive_slice(embedded.now(), fd, room);
    if (piece.result <= 0) return gone > 0 ? gone : piece.result;
    gone += piece.result;
  }
  return gone;
}

std::int64_t take_stream(EmbeddedHost& embedded, Fd fd, const Receiving& what) {
  Sockets& sockets = embedded.sockets();
  const bool peeks = (what.flags & MSG_PEEK) != 0;
  if ((what.flags & MSG_TRUNC) != 0 && !peeks) {
    return discard(embedded, fd, std::min(bytes_of(what.pieces), kCallBytesMax));
  }
  std::int64_t taken = 0;
  bool empty = true;
  for (const iovec& piece : what.pieces) {
    const auto room = kCallBytesMax - static_cast<std::size_t>(taken);
    const auto into = span_of(piece, room);
    if (into.empty()) continue;
    empty = false;
    const std::int64_t got = peeks ? sockets.peek(fd, into, static_cast<std::uint32_t>(taken))
                                   : sockets.receive(embedded.now(), fd, into);
    if (got <= 0) return taken > 0 ? taken : got;
    taken += got;
    if (static_cast<std::size_t>(got) < into.size()) return taken;
  }
  if (!empty) return taken;
  // Nothing is asked for: whether there is anything, or why not.
  std::byte any{};
  return std::min<std::int64_t>(sockets.peek(fd, {&any, 1}), 0);
}

std::int64_t take_urgent(EmbeddedHost& embedded, Fd fd, const Receiving& what) {
  if (embedded.sockets().is_listening(fd)) return failure(Errno::kNotConnected);
  const auto into = what.pieces.empty() ? std::span<std::byte>() : span_of(what.pieces[0], 1);
  const bool peeks = (what.flags & MSG_PEEK) != 0;
  return embedded.sockets().receive_urgent(fd, into,
                                           peeks ? Sockets::Consume::kNo : Sockets::Consume::kYes);
}

std::int64_t take_datagram(EmbeddedHost& embedded, Fd fd, const Descriptor& descriptor,
                           Receiving& what) {
  Sockets& sockets = embedded.sockets();
  const Received datagram = (what.flags & MSG_PEEK) != 0
                                ? sockets.peek_datagram(fd)
                                : sockets.receive_slice(embedded.now(), fd, 0);
  if (datagram.result < 0) return datagram.result;
  auto bytes = datagram.data.len == 0 ? std::span<const std::byte>() : datagram.data.bytes();
  const std::size_t whole = bytes.size();
  std::size_t copied = 0;
  for (const iovec& piece : what.pieces) {
    const auto into = span_of(piece, bytes.size());
    if (!into.empty()) std::memcpy(into.data(), bytes.data(), into.size());
    bytes = bytes.subspan(into.size());
    copied += into.size();
  }
  if (copied < whole) what.result_flags = MSG_TRUNC;
  if (what.address != nullptr) {
    const Errno error =
        write_sockaddr(datagram.source, descriptor.domain, what.address, what.address_length);
    if (error != Errno::kNone) return failure(error);
  }
  const bool wants_length = (what.flags & MSG_TRUNC) != 0;
  return static_cast<std::int64_t>(wants_length ? whole : copied);
}

std::int64_t take(TwinpathHost* host, int fd, Receiving& what) {
  return guarded_socket(
      host, fd, [&](EmbeddedHost& embedded, Descriptor& descriptor) -> std::int64_t {
        const bool discards = descriptor.type == SOCK_STREAM && (what.flags & MSG_TRUNC) != 0;
        const Errno bad = check_pieces(what.pieces.data(), what.pieces.size());
        if (bad == Errno::kMessageSize || (bad != Errno::kNone && !discards)) return failure(bad);
        if (what.address != nullptr && what.address_length == nullptr) {
          return failure(Errno::kFault);
        }
        if ((what.flags & MSG_ERRQUEUE) != 0) return failure(Errno::kAgain);  // nothing is queued
        const bool streams = descriptor.type == SOCK_STREAM;
        if ((what.flags & ~(kReceiveFlags | MSG_OOB)) != 0) return failure(Errno::kInvalid);
        const Fd socket = static_cast<Fd>(fd);
        if (!streams) return take_datagram(embedded, socket, descriptor, what);
        if ((what.flags & MSG_OOB) != 0) return take_urgent(embedded, socket, what);
        // A stream has one peer: recvfrom() leaves the address empty, as Linux does.
        if (what.address_length != nullptr) *what.address_length = 0;
        return take_stream(embedded, socket, what);
      });
}

iovec piece_of(const void* data, std::size_t bytes) { return {const_cast<void*>(data), bytes}; }

// readv(2) and writev(2) call a bad count by another name than sendmsg(2).
std::int64_t bad_count(int count) {
  return count < 0 || static_cast<std::size_t>(count) > kPiecesMax ? failure(Errno::kInvalid) : 0;
}

}  // namespace

extern "C" {

int64_t twinpath_send(TwinpathHost* host, int fd, const void* data, size_t bytes, int flags) {
  return twinpath_sendto(host, fd, data, bytes, flags, nullptr, 0);
}

int64_t twinpath_sendto(TwinpathHost* host, int fd, const void* data, size_t bytes, int flags,
                        const sockaddr* address, socklen_t length) {
  const iovec piece = piece_of(data, bytes);
  return give(host, fd, {{&piece, 1}, flags, address, length});
}

int64_t twinpath_sendmsg(TwinpathHost* host, int fd, const msghdr* message, int flags) {
  if (message == nullptr)
    return host == nullptr ? failure(Errno::kInvalid) : failure(Errno::kFault);
  const auto* address = static_cast<const sockaddr*>(message->msg_name);
  return give(host, fd,
              {{message->msg_iov, message->msg_iovlen}, flags, address, message->msg_namelen});
}

int64_t twinpath_write(TwinpathHost* host, int fd, const void* data, size_t bytes) {
  return twinpath_sendto(host, fd, data, bytes, 0, nullptr, 0);
}

int64_t twinpath_writev(TwinpathHost* host, int fd, const iovec* pieces, int count) {
  if (bad_count(count) != 0) return bad_count(count);
  return give(host, fd, {{pieces, static_cast<std::size_t>(count)}});
}

int64_t twinpath_recv(TwinpathHost* host, int fd, void* buffer, size_t bytes, int flags) {
  return twinpath_recvfrom(host, fd, buffer, bytes, flags, nullptr, nullptr);
}

int64_t twinpath_recvfrom(TwinpathHost* host, int fd, void* buffer, size_t bytes, int flags,
                          sockaddr* address, socklen_t* length) {
  const iovec piece = piece_of(buffer, bytes);
  Receiving what{{&piece, 1}, flags, address, length};
  return take(host, fd, what);
}

int64_t twinpath_recvmsg(TwinpathHost* host, int fd, msghdr* message, int flags) {
  if (message == nullptr)
    return host == nullptr ? failure(Errno::kInvalid) : failure(Errno::kFault);
  auto* address = static_cast<sockaddr*>(message->msg_name);
  Receiving what{{message->msg_iov, message->msg_iovlen}, flags, address, &message->msg_namelen};
  const std::int64_t result = take(host, fd, what);
  if (result >= 0) {
    message->msg_flags = what.result_flags;
    message->msg_controllen = 0;
  }
  return result;
}

int64_t twinpath_read(TwinpathHost* host, int fd, void* buffer, size_t bytes) {
  // read(2) asks a socket nothing when it wants nothing.
  if (bytes == 0) {
    return guarded_socket(host, fd, [](EmbeddedHost&, Descriptor&) -> std::int64_t { return 0; });
  }
  return twinpath_recvfrom(host, fd, buffer, bytes, 0, nullptr, nullptr);
}

int64_t twinpath_readv(TwinpathHost* host, int fd, const iovec* pieces, int count) {
  if (bad_count(count) != 0) return bad_count(count);
  Receiving what{{pieces, static_cast<std::size_t>(count)}};
  return take(host, fd, what);
}

}  // extern "C"

}  // namespace twinpath::bind
