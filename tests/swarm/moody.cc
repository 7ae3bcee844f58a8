// Odd writers and lazy readers.
#include "tests/swarm/moody.h"

#include <algorithm>
#include <vector>

#include "models/app/content.h"

namespace twinpath::swarm {

namespace {

void drain(Poller& poller) {
  PollEvent event;
  while (poller.wait(std::span(&event, 1)) == 1) continue;
}

Duration pause_of(Dice& dice, Duration max) {
  // Half of the time none at all: bursts find other bugs than a steady drip.
  if (max <= Duration::zero() || dice.percent(50)) return Duration::zero();
  return Duration(
      static_cast<std::int64_t>(dice.uniform({1, static_cast<std::uint64_t>(max.count())})));
}

}  // namespace

MoodySender::MoodySender(const MoodyConfig& config, const AppContext& context)
    : config_(config),
      context_(context),
      dice_(context.rng),
      poller_(context.sockets, &context.ready),
      pause_(this, [](void* self, Instant now) { static_cast<MoodySender*>(self)->write(now); }),
      walk_at_(config.walks_away ? dice_.uniform({0, config.bytes}) : ~std::uint64_t{0}) {}

void MoodySender::start(Instant now) {
  fd_ = context_.sockets.socket(SocketKind::kStream).fd;
  poller_.add(fd_, {kBothWays, Trigger::kEdge});
  const Errno error = context_.sockets.connect(now, fd_, {config_.to, config_.port});
  if (error != Errno::kInProgress) finish(now, error);
}

void MoodySender::on_ready(Instant now) {
  PollEvent event;
  while (poller_.wait(std::span(&event, 1)) == 1 && !done_) {
    if ((event.events & kPollError) != 0) {
      const auto error = context_.sockets.get_option(fd_, SocketOption::kError).value;
      return finish(now, static_cast<Errno>(error));
    }
    if ((event.events & kPollOut) != 0) {
      connected_ = true;
      if (!pause_.armed()) write(now);
    }
    if (!done_ && connected_ && (event.events & kPollReadHangup) != 0) {
      return finish(now, shut_ ? Errno::kNone : Errno::kConnectionAborted);
    }
  }
}

void MoodySender::write(Instant now) {
  while (!shut_ && !done_) {
    if (sent_ >= walk_at_) {
      walked_away_ = true;
      context_.sockets.set_option(now, fd_, SocketOption::kLinger, 0);
      return finish(now, Errno::kNone);
    }
    if (sent_ == config_.bytes) {
      shut_ = true;
      context_.sockets.shutdown(now, fd_, ShutdownHow::kWrite);
      return;
    }
    const std::uint64_t wanted =
        std::min(config_.bytes - sent_, dice_.uniform({1, config_.write_max}));
    const std::int64_t taken = context_.sockets.send(now, fd_, content_at({sent_, wanted}));
    if (errno_of(taken) == Errno::kAgain) return;
    if (taken < 0) return finish(now, errno_of(taken));
    sent_ += static_cast<std::uint64_t>(taken);
    const Duration pause = pause_of(dice_, config_.pause_max);
    if (pause > Duration::zero()) return context_.timers.arm(pause_, after(now, pause));
  }
}

void MoodySender::finish(Instant now, Errno error) {
  done_ = true;
  error_ = error;
  context_.timers.cancel(pause_);
  context_.sockets.close(now, fd_);
}

SlowSink::SlowSink(const SlowSinkConfig& config, const AppContext& context)
    : config_(config),
      context_(context),
      dice_(context.rng),
      poller_(context.sockets, &context.ready),
      pause_(this, [](void* self, Instant now) { static_cast<SlowSink*>(self)->read_all(now); }) {}

void SlowSink::start(Instant) {
  listener_ = context_.sockets.socket(SocketKind::kStream).fd;
  context_.sockets.bind(listener_, {IpAddress(), config_.port});
  context_.sockets.listen(listener_, 16);
  poller_.add(listener_, {kPollIn, Trigger::kEdge});
}

void SlowSink::on_ready(Instant now) {
  drain(poller_);
  for (;;) {
    const Accepted accepted = context_.sockets.accept(listener_);
    if (accepted.fd == Fd::kNone) break;
    open_.emplace(accepted.fd, 0);
    // A peer that walks away may do so with a reset that is lost: only asking finds out.
    context_.sockets.set_option(now, accepted.fd, SocketOption::kKeepAliveIdle, 10);
    context_.sockets.set_option(now, accepted.fd, SocketOption::kKeepAlive, 1);
    poller_.add(accepted.fd, {kPollIn | kPollReadHangup, Trigger::kEdge});
  }
  if (!pause_.armed()) read_all(now);
}

void SlowSink::read_all(Instant now) {
  for (auto at = open_.begin(); at != open_.end();) {
    if (read_one(now, at->first, at->second)) {
      ++at;
    } else {
      context_.sockets.close(now, at->first);
      ++ended_;
      at = open_.erase(at);
    }
  }
}

bool SlowSink::read_one(Instant now, Fd fd, std::uint64_t& offset) {
  std::vector<std::byte> data(config_.read_max);
  for (;;) {
    const auto wanted = dice_.uniform({1, config_.read_max});
    const std::int64_t got = context_.sockets.receive(now, fd, std::span(data).first(wanted));
    if (errno_of(got) == Errno::kAgain) return true;
    if (got < 0) ++resets_;
    if (got <= 0) return false;
    const auto bytes = std::span(data).first(static_cast<std::size_t>(got));
    if (first_difference(offset, bytes)) ++wrong_;
    offset += bytes.size();
    received_ += bytes.size();
    const Duration pause = pause_of(dice_, config_.pause_max);
    if (pause > Duration::zero()) {
      context_.timers.arm(pause_, after(now, pause));
      return true;
    }
  }
}

}  // namespace twinpath::swarm
