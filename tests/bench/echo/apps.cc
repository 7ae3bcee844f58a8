// See apps.h. Messages are short enough for the buffers, so a send() is taken whole.
#include "tests/bench/echo/apps.h"

#include "models/base/check.h"

namespace twinpath::bench {
namespace {

constexpr std::uint32_t kBacklog = 4096;

EchoSession& session_of(std::vector<EchoSession>& sessions, Fd fd) {
  const auto number = static_cast<std::size_t>(fd);
  if (number >= sessions.size()) sessions.resize(number + 1);
  return sessions[number];
}

}  // namespace

EchoBenchServer::EchoBenchServer(const EchoPlace& place, const AppContext& context)
    : place_(place),
      sockets_(context.sockets),
      poller_(context.sockets, &context.ready),
      bytes_(place.load.message_bytes) {}

void EchoBenchServer::start(Instant) {
  for (std::uint16_t i = 0; i < place_.ports; ++i) {
    const Fd fd = sockets_.socket(SocketKind::kStream).fd;
    const auto port = static_cast<std::uint16_t>(place_.first_port + i);
    CHECK(sockets_.bind(fd, {IpAddress(), port}) == Errno::kNone);
    CHECK(sockets_.listen(fd, kBacklog) == Errno::kNone);
    // The listener's session is never used: `data` tells it from a connection.
    CHECK(poller_.add(fd, {kPollIn, Trigger::kEdge, 1}) == Errno::kNone);
  }
}

void EchoBenchServer::on_ready(Instant now) {
  while (const std::size_t count = poller_.wait(events_)) {
    for (const PollEvent& event : std::span(events_).first(count)) {
      event.data == 1 ? accept_all(event.fd) : serve(now, event.fd);
    }
  }
}

void EchoBenchServer::accept_all(Fd listener) {
  for (;;) {
    const Accepted accepted = sockets_.accept(listener);
    if (accepted.error != Errno::kNone) return;
    session_of(sessions_, accepted.fd) = EchoSession();
    poller_.add(accepted.fd, {kPollIn | kPollReadHangup, Trigger::kEdge, 0});
  }
}

void EchoBenchServer::serve(Instant now, Fd fd) {
  EchoSession& session = session_of(sessions_, fd);
  for (;;) {
    const std::int64_t got = sockets_.receive(now, fd, std::span(bytes_).subspan(session.received));
    if (errno_of(got) == Errno::kAgain) return;
    if (got <= 0) {
      sockets_.close(now, fd);
      ++closed_;
      return;
    }
    session.received += static_cast<std::uint32_t>(got);
    if (session.received < bytes_.size()) continue;
    session.received = 0;
    CHECK(sockets_.send(now, fd, bytes_) == static_cast<std::int64_t>(bytes_.size()));
  }
}

EchoBenchClient::EchoBenchClient(const EchoPlace& place, const AppContext& context)
    : place_(place),
      sockets_(context.sockets),
      poller_(context.sockets, &context.ready),
      bytes_(place.load.message_bytes) {}

void EchoBenchClient::start(Instant now) {
  for (std::uint32_t i = 0; i < place_.load.at_once; ++i) open(now);
}

void EchoBenchClient::open(Instant now) {
  if (opened_ == place_.load.connections) return;
  const auto port = static_cast<std::uint16_t>(place_.first_port + opened_++ % place_.ports);
  const Fd fd = sockets_.socket(SocketKind::kStream).fd;
  session_of(sessions_, fd) = EchoSession();
  const Errno error = sockets_.connect(now, fd, {place_.server, port});
  CHECK(error == Errno::kInProgress);
  poller_.add(fd, {kBothWays, Trigger::kEdge, 0});
}

void EchoBenchClient::on_ready(Instant now) {
  while (const std::size_t count = poller_.wait(events_)) {
    for (const PollEvent& event : std::span(events_).first(count)) {
      EchoSession& session = session_of(sessions_, event.fd);
      CHECK((event.events & kPollError) == 0);
      if (session.messages == 0 && session.unsent == 0) {
        if ((event.events & kPollOut) == 0) continue;
        ask(now, event.fd);
      }
      if ((event.events & kPollIn) != 0) receive(now, event.fd);
    }
  }
}

void EchoBenchClient::ask(Instant now, Fd fd) {
  EchoSession& session = session_of(sessions_, fd);
  session.received = 0;
  session.unsent = 1;  // a request is out
  if (place_.load.timed) session.asked_ns = monotonic_ns();
  CHECK(sockets_.send(now, fd, bytes_) == static_cast<std::int64_t>(bytes_.size()));
}

void EchoBenchClient::receive(Instant now, Fd fd) {
  for (;;) {
    EchoSession& session = session_of(sessions_, fd);
    const std::int64_t got = sockets_.receive(now, fd, std::span(bytes_).subspan(session.received));
    if (errno_of(got) == Errno::kAgain) return;
    CHECK(got > 0);
    session.received += static_cast<std::uint32_t>(got);
    if (session.received < bytes_.size()) continue;
    if (place_.load.timed) {
      round_trips_ns_.push_back(static_cast<std::uint32_t>(monotonic_ns() - session.asked_ns));
    }
    if (++session.messages == place_.load.messages) return finish(now, fd);
    ask(now, fd);
  }
}

void EchoBenchClient::finish(Instant now, Fd fd) {
  sockets_.close(now, fd);
  ++closed_;
  open(now);
}

}  // namespace twinpath::bench
