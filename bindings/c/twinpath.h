/* Twinpath's TCP/IP hosts under the caller's clock: frames in, frames out, sockets above, and
 * nothing happens between two calls. For simulators, test drivers and fuzzers. Linux only: numbers,
 * errors and structures are Linux's own, from the headers included here.
 *
 * A call that fails returns a negative errno value (-EAGAIN, -EBADF). Nothing blocks, nothing
 * aborts: a null pointer is -EFAULT, a null host or a wrong length -EINVAL, memory that is not to
 * be had -ENOMEM. Hosts share nothing; one host is used by one thread at a time. The handbook's
 * page "Embedding" has the configuration's words and an example. */
#pragma once

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when calls are added; libtwinpath-host.so.1 keeps what it has. */
#define TWINPATH_ABI_VERSION 1

/* No deadline. */
#define TWINPATH_NEVER INT64_MAX
/* Longest frame: an IP packet of 65535 bytes behind Ethernet and one VLAN tag. */
#define TWINPATH_FRAME_BYTES_MAX 65553

typedef struct TwinpathHost TwinpathHost;

/* About a frame that leaves. */
typedef struct TwinpathFrame {
  int64_t time_ns;    /* when the host sent it, since the host was created */
  uint32_t interface; /* of the configuration's with a port of their own, in order, from 0 */
  uint32_t bytes;
} TwinpathFrame;

/* TWINPATH_ABI_VERSION of the library that is loaded. */
uint32_t twinpath_abi_version(void);

/* A host from its description, one statement a line or between semicolons:
 *
 *   interface eth0 mac 02:00:00:00:00:01 address 198.18.0.1/24 mtu 1500
 *   route default via 198.18.0.254
 *   seed 7; tcp.congestion reno; tcp.delayed_ack 10ms
 *
 * NULL when anything in it is wrong: then `problems` has one line for each problem, as far as
 * `problems_bytes` goes, always ended by a zero byte. `problems` may be NULL. */
TwinpathHost* twinpath_host_create(const char* configuration, char* problems,
                                   size_t problems_bytes);
void twinpath_host_destroy(TwinpathHost* host);
/* Every statement and option with its unit, range, default and meaning, as text of one line each.
 * Writes at most `bytes`, zero byte included; returns the length of the whole text without it. */
size_t twinpath_options(char* text, size_t bytes);

/* The host's clock, in ns since it was created. It moves in twinpath_advance() only. */
int64_t twinpath_now(const TwinpathHost* host);
/* When the host next has something to do by itself; TWINPATH_NEVER, or a negative error. */
int64_t twinpath_next_deadline(TwinpathHost* host);
/* Runs everything due up to and at `until_ns`, each at its own time, and leaves the clock there.
 * -EINVAL when that is in the past. Whoever wants to answer each frame in time advances no further
 * than twinpath_next_deadline() and takes frames in between. */
int twinpath_advance(TwinpathHost* host, int64_t until_ns);

/* One frame arrives now: Ethernet, or on an interface that is `raw` an IPv4 or IPv6 packet. A frame
 * no host would accept is dropped as a host drops it, which is no error. -EMSGSIZE: longer than
 * TWINPATH_FRAME_BYTES_MAX. */
int twinpath_inject(TwinpathHost* host, uint32_t interface, const void* frame, size_t bytes);
/* Copies out the frame sent longest ago and returns its length; 0: there is none. `about` may be
 * NULL. -EMSGSIZE: `bytes` is less than about->bytes, and the frame stays. */
int64_t twinpath_take(TwinpathHost* host, TwinpathFrame* about, void* buffer, size_t bytes);

/* Sockets, as the calls of the same names. Every descriptor behaves as with O_NONBLOCK, whatever
 * its flags say: -EAGAIN, and connect() gives -EINPROGRESS. Descriptors belong to their host. */
int twinpath_socket(TwinpathHost* host, int domain, int type, int protocol);
int twinpath_bind(TwinpathHost* host, int fd, const struct sockaddr* address, socklen_t length);
int twinpath_listen(TwinpathHost* host, int fd, int backlog);
int twinpath_accept(TwinpathHost* host, int fd, struct sockaddr* address, socklen_t* length,
                    int flags);
int twinpath_connect(TwinpathHost* host, int fd, const struct sockaddr* address, socklen_t length);
int twinpath_shutdown(TwinpathHost* host, int fd, int how);
int twinpath_close(TwinpathHost* host, int fd);
int twinpath_getsockname(TwinpathHost* host, int fd, struct sockaddr* address, socklen_t* length);
int twinpath_getpeername(TwinpathHost* host, int fd, struct sockaddr* address, socklen_t* length);

int64_t twinpath_send(TwinpathHost* host, int fd, const void* data, size_t bytes, int flags);
int64_t twinpath_sendto(TwinpathHost* host, int fd, const void* data, size_t bytes, int flags,
                        const struct sockaddr* address, socklen_t length);
int64_t twinpath_sendmsg(TwinpathHost* host, int fd, const struct msghdr* message, int flags);
int64_t twinpath_write(TwinpathHost* host, int fd, const void* data, size_t bytes);
int64_t twinpath_writev(TwinpathHost* host, int fd, const struct iovec* pieces, int count);
int64_t twinpath_recv(TwinpathHost* host, int fd, void* buffer, size_t bytes, int flags);
int64_t twinpath_recvfrom(TwinpathHost* host, int fd, void* buffer, size_t bytes, int flags,
                          struct sockaddr* address, socklen_t* length);
int64_t twinpath_recvmsg(TwinpathHost* host, int fd, struct msghdr* message, int flags);
int64_t twinpath_read(TwinpathHost* host, int fd, void* buffer, size_t bytes);
int64_t twinpath_readv(TwinpathHost* host, int fd, const struct iovec* pieces, int count);

int twinpath_setsockopt(TwinpathHost* host, int fd, int level, int name, const void* value,
                        socklen_t length);
int twinpath_getsockopt(TwinpathHost* host, int fd, int level, int name, void* value,
                        socklen_t* length);
/* F_GETFL and F_SETFL. */
int twinpath_fcntl(TwinpathHost* host, int fd, int command, int value);
/* SIOCINQ (FIONREAD), SIOCOUTQ, SIOCOUTQNSD: bytes unread, unacknowledged, unsent; SIOCATMARK. */
int twinpath_ioctl(TwinpathHost* host, int fd, unsigned long request, int* value);

/* What is ready now; returns how many entries have something. It never waits. */
int twinpath_poll(TwinpathHost* host, struct pollfd* entries, size_t count);
/* Level, edge and one-shot as epoll(7). An epoll descriptor is closed by twinpath_close(). */
int twinpath_epoll_create(TwinpathHost* host);
int twinpath_epoll_ctl(TwinpathHost* host, int epoll, int operation, int fd,
                       const struct epoll_event* event);
int twinpath_epoll_wait(TwinpathHost* host, int epoll, struct epoll_event* events, int events_max);

#ifdef __cplusplus
}
#endif
