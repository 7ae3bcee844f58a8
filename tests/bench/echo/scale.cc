// See scale.h. A message is shorter than a segment, so it comes whole.
#include "tests/bench/echo/scale.h"

#include <utility>

#include "models/base/check.h"

namespace twinpath::bench {
namespace {

constexpr std::uint32_t kBacklog = 4096;

}  // namespace

ScaleServer::ScaleServer(const ScaleLoad& load, const AppContext& context)
    : load_(load), sockets_(context.sockets), poller_(context.sockets, &context.ready) {}

void ScaleServer::start(Instant) {
  for (std::uint16_t i = 0; i < load_.ports; ++i) {
    const Fd fd = sockets_.socket(SocketKind::kStream).fd;
    const auto port = static_cast<std::uint16_t>(load_.first_port + i);
    CHECK(sockets_.bind(fd, {IpAddress(), port}) == Errno::kNone);
    CHECK(sockets_.listen(fd, kBacklog) == Errno::kNone);
    CHECK(poller_.add(fd, {kPollIn, Trigger::kEdge, 1}) == Errno::kNone);
  }
}

void ScaleServer::on_ready(Instant now) {
  while (const std::size_t count = poller_.wait(events_)) {
    for (const PollEvent& event : std::span(events_).first(count)) {
      if (event.data == 1) {
        accept_all(event.fd);
      } else {
        answer(now, event.fd);
      }
    }
  }
}

// At the end of a round one connection may have been asked twice.
void ScaleServer::answer(Instant now, Fd fd) {
  while (sockets_.receive(now, fd, bytes_) == std::ssize(bytes_)) {
    CHECK(sockets_.send(now, fd, bytes_) == std::ssize(bytes_));
  }
}

void ScaleServer::accept_all(Fd listener) {
  for (;;) {
    const Accepted accepted = sockets_.accept(listener);
    if (accepted.error != Errno::kNone) return;
    CHECK(poller_.add(accepted.fd, {kPollIn, Trigger::kEdge, 0}) == Errno::kNone);
  }
}

ScaleClient::ScaleClient(const ScaleLoad& load, const AppContext& context)
    : load_(load),
      sockets_(context.sockets),
      poller_(context.sockets, &context.ready),
      rng_(context.rng),
      order_(load.connections, Fd::kNone) {}

void ScaleClient::start(Instant now) {
  const std::uint32_t first = std::min(load_.opening_at_once, load_.connections);
  for (std::uint32_t i = 0; i < first; ++i) open_one(now);
}

void ScaleClient::open_one(Instant now) {
  if (started_ == load_.connections) return;
  const auto port = static_cast<std::uint16_t>(load_.first_port + started_ % load_.ports);
  const Fd fd = sockets_.socket(SocketKind::kStream).fd;
  order_[started_++] = fd;
  CHECK(sockets_.connect(now, fd, {load_.server, port}) == Errno::kInProgress);
  CHECK(poller_.add(fd, {kBothWays, Trigger::kEdge, 0}) == Errno::kNone);
}

void ScaleClient::on_ready(Instant now) {
  while (const std::size_t count = poller_.wait(events_)) {
    for (const PollEvent& event : std::span(events_).first(count)) {
      CHECK((event.events & kPollError) == 0);
      if (!is_open()) {
        if ((event.events & kPollOut) != 0) on_open(now);
      } else if ((event.events & kPollIn) != 0) {
        on_answer(now, event.fd);
      }
    }
  }
}

void ScaleClient::on_open(Instant now) {
  ++opened_;
  open_one(now);
}

void ScaleClient::ask(Instant now, std::uint64_t transactions) {
  CHECK(is_open());
  shuffle();
  left_ = transactions;
  for (std::uint32_t i = 0; i < load_.asking_at_once; ++i) ask_one(now);
}

// Every connection once, then every one again in another order.
void ScaleClient::ask_one(Instant now) {
  if (left_ == 0) return;
  --left_;
  if (next_ == order_.size()) shuffle();
  const std::int64_t sent = sockets_.send(now, order_[next_++], bytes_);
  CHECK(sent == std::ssize(bytes_));
}

void ScaleClient::on_answer(Instant now, Fd fd) {
  while (sockets_.receive(now, fd, bytes_) == std::ssize(bytes_)) {
    ++answered_;
    ask_one(now);
  }
}

// Fisher and Yates.
void ScaleClient::shuffle() {
  for (std::size_t left = order_.size(); left > 1; --left) {
    std::swap(order_[left - 1], order_[rng_.below(left)]);
  }
  next_ = 0;
}

}  // namespace twinpath::bench
