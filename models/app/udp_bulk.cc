// See udp_bulk.h. A refused send is counted, never repeated.
#include "models/app/udp_bulk.h"

#include <algorithm>
#include <utility>

#include "models/base/hash.h"

namespace twinpath {

std::vector<Problem> validate(const UdpBulkConfig& config) {
  return validate(ArrivalLists{config.arrivals, config.gaps, config.sizes, kDatagramLimits});
}

UdpBulk::UdpBulk(const UdpBulkConfig& config, const AppContext& context)
    : config_(config),
      gaps_(config.gaps),
      sizes_(config.sizes),
      context_(context),
      poller_(context.sockets, &context.ready),
      tick_(this, [](void* self, Instant now) { static_cast<UdpBulk*>(self)->on_tick(now); }),
      clock_{.rng = context.rng.fork("arrivals")} {
  if (!sizes_.empty()) config_.size_bytes = static_cast<std::uint32_t>(sizes_.mean());
}

void UdpBulk::start(Instant now) {
  started_ = now;
  Opened opened = open_to(now, context_.sockets, {config_.to, config_.port});
  fd_ = opened.fd;
  problem_ = std::move(opened.problem);
  if (fd_ == Fd::kNone) return finish(now);
  on_tick(now);
}

void UdpBulk::on_ready(Instant) { drain(poller_); }

std::uint32_t UdpBulk::size_of(std::uint64_t number) const {
  return sizes_.empty() ? config_.size_bytes : static_cast<std::uint32_t>(sizes_[number]);
}

// One datagram is due; from the start to the next.
Duration UdpBulk::advance(Clock& clock) const {
  constexpr std::uint64_t kPsPerNs = 1000;
  constexpr std::uint64_t kPsPerSecond = 1'000'000'000'000;
  clock.due_bytes += size_of(clock.due);
  ++clock.due;
  if (config_.arrivals == ArrivalKind::kCbr) {
    const Uint128 bits = static_cast<Uint128>(clock.due_bytes) * 8;
    return Duration(static_cast<std::int64_t>(bits * 1'000'000'000 / config_.rate_bps));
  }
  if (config_.arrivals == ArrivalKind::kPoisson) {
    const Uint128 bits = static_cast<Uint128>(config_.size_bytes) * 8;
    const auto mean = static_cast<std::int64_t>(bits * kPsPerSecond / config_.rate_bps);
    clock.offset_ps += static_cast<std::uint64_t>(clock.rng.exponential(Duration(mean)).count());
  } else if (!gaps_.empty()) {
    clock.offset_ps += gaps_[clock.due] * kPsPerNs;
  }
  return Duration(static_cast<std::int64_t>(clock.offset_ps / kPsPerNs));
}

void UdpBulk::on_tick(Instant now) {
  const bool enough = config_.count > 0 && clock_.due >= config_.count;
  const bool over = config_.duration > Duration::zero() && now - started_ >= config_.duration;
  if (enough || over) return finish(now);
  const std::uint32_t size = size_of(clock_.due);
  const std::int64_t taken = context_.sockets.send(now, fd_, make_datagram(clock_.due, size));
  ++(taken < 0 ? refused_ : sent_);
  if (taken >= 0) {
    last_ = now;
    sent_bytes_ += size;
  }
  next_ = after(started_, advance(clock_));
  context_.timers.arm(tick_, next_);
}

// By the clock, not by its ticks: one that came late or never is missing.
std::uint64_t UdpBulk::asked_by(Duration elapsed) const {
  if (config_.arrivals == ArrivalKind::kCbr && sizes_.empty()) {
    const auto ns = static_cast<Uint128>(elapsed.count());
    const Uint128 bits = ns * config_.rate_bps / 1'000'000'000;
    return static_cast<std::uint64_t>(bits / (std::uint64_t{config_.size_bytes} * 8));
  }
  Clock clock = clock_;
  for (Duration next = next_ - started_; next < elapsed; next = advance(clock)) continue;
  return clock.due;
}

std::optional<Offered> UdpBulk::offered(Instant now) const {
  if (started_ == kNever || now <= started_) return Offered{};
  auto asked = asked_by(std::min(now, finished_) - started_);
  if (config_.count > 0) asked = std::min(asked, config_.count);
  return Offered{asked, sent_};
}

void UdpBulk::finish(Instant now) {
  done_ = true;
  finished_ = now;
  if (fd_ != Fd::kNone) context_.sockets.close(now, std::exchange(fd_, Fd::kNone));
}

void UdpBulk::report(AppReport& report) const {
  report.scalar(metric::kDatagrams, static_cast<double>(sent_));
  report.scalar(metric::kFailures, static_cast<double>(refused_) + (problem_.empty() ? 0 : 1));
  report.problem(problem_);
  report.scalar(metric::kSentBytes, static_cast<double>(sent_bytes_));
  if (sent_ == 0 || last_ <= started_) return;
  const double bits = static_cast<double>(sent_bytes_) * 8;
  report.scalar(metric::kThroughput, bits / to_seconds(last_ - started_));
}

}  // namespace twinpath
