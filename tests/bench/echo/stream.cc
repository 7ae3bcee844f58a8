// See stream.h. Both sides write until they would wait, then read until there is nothing left.
#include "tests/bench/echo/stream.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "models/base/check.h"

namespace twinpath::bench {

StreamReader::StreamReader(const StreamLoad&, const AppContext& context)
    : sockets_(context.sockets), poller_(context.sockets, &context.ready), bytes_(kReadBytes) {}

void StreamReader::start(Instant) {
  listener_ = sockets_.socket(SocketKind::kStream).fd;
  CHECK(sockets_.bind(listener_, {IpAddress(), kStreamPort}) == Errno::kNone);
  CHECK(sockets_.listen(listener_, 1) == Errno::kNone);
  poller_.add(listener_, {kPollIn, Trigger::kEdge, 0});
}

void StreamReader::on_ready(Instant now) {
  std::array<PollEvent, kEventsPerWait> events;
  for (const PollEvent& event : std::span(events).first(poller_.wait(events))) {
    if (event.fd == listener_) {
      const Accepted accepted = sockets_.accept(listener_);
      poller_.add(accepted.fd, {kPollIn | kPollReadHangup, Trigger::kEdge, 0});
      continue;
    }
    std::int64_t got = 0;
    while ((got = sockets_.receive(now, event.fd, bytes_)) > 0) {
      received_ += static_cast<std::uint64_t>(got);
    }
    if (got == 0) ended_ = true;
  }
}

StreamWriter::StreamWriter(const StreamTarget& target, const AppContext& context)
    : target_(target),
      sockets_(context.sockets),
      poller_(context.sockets, &context.ready),
      bytes_(target.load.write_bytes),
      left_(target.load.bytes) {}

void StreamWriter::start(Instant now) {
  fd_ = sockets_.socket(SocketKind::kStream).fd;
  CHECK(sockets_.connect(now, fd_, {target_.server, kStreamPort}) == Errno::kInProgress);
  poller_.add(fd_, {kPollOut, Trigger::kEdge, 0});
}

void StreamWriter::on_ready(Instant now) {
  std::array<PollEvent, 1> events;
  if (poller_.wait(events) == 0 || left_ == 0) return;
  while (left_ > 0) {
    const std::size_t wanted = std::min<std::uint64_t>(bytes_.size(), left_);
    const std::int64_t sent = sockets_.send(now, fd_, std::span(bytes_).first(wanted));
    if (sent <= 0) return;
    left_ -= static_cast<std::uint64_t>(sent);
  }
  sockets_.close(now, fd_);
}

double stream_over_linux(const StreamLoad& load, bool asks_epoll) {
  pin_to_bench_cpu();
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  CHECK(bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0);
  CHECK(listen(listener, 1) == 0);
  CHECK(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  const int writer = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(writer, reinterpret_cast<sockaddr*>(&address), length) == 0);
  const int reader = accept(listener, nullptr, nullptr);
  CHECK(reader >= 0);
  std::vector<char> out(load.write_bytes);
  std::vector<char> in(kReadBytes);
  const int poller = epoll_create1(0);
  epoll_event writable{.events = EPOLLOUT | EPOLLET, .data = {.fd = writer}};
  epoll_event readable{.events = EPOLLIN | EPOLLET, .data = {.fd = reader}};
  CHECK(epoll_ctl(poller, EPOLL_CTL_ADD, writer, &writable) == 0);
  CHECK(epoll_ctl(poller, EPOLL_CTL_ADD, reader, &readable) == 0);
  std::array<epoll_event, 2> ready{};
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  const double begin = thread_cpu_s();
  while (received < load.bytes) {
    if (asks_epoll) CHECK(epoll_wait(poller, ready.data(), ready.size(), -1) > 0);
    while (sent < load.bytes) {
      const ssize_t taken = send(writer, out.data(), out.size(), MSG_DONTWAIT);
      if (taken <= 0) break;
      sent += static_cast<std::uint64_t>(taken);
    }
    for (ssize_t got = 0; (got = recv(reader, in.data(), in.size(), MSG_DONTWAIT)) > 0;) {
      received += static_cast<std::uint64_t>(got);
    }
  }
  const double cpu_s = thread_cpu_s() - begin;
  for (const int fd : {writer, reader, listener, poller}) close(fd);
  return cpu_s;
}

}  // namespace twinpath::bench
