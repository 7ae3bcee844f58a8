// Datagram applications. Losing datagrams is UDP's way: a refused send is counted, never repeated.
#include "models/app/udp_apps.h"

#include <algorithm>
#include <cstring>

#include "models/app/content.h"
#include "models/base/hash.h"
#include "models/wire/byte_order.h"

namespace twinpath {

namespace {

constexpr std::uint32_t kDatagramBytesMax = 65507;

std::vector<std::byte> make_datagram(std::uint64_t sequence, std::uint32_t size_bytes) {
  std::vector<std::byte> data(size_bytes);
  store_be64(data.data(), sequence);
  for (std::uint64_t at = kDatagramHeaderBytes; at < size_bytes;) {
    const auto piece = content_at({at, size_bytes - at});
    std::memcpy(data.data() + at, piece.data(), piece.size());
    at += piece.size();
  }
  return data;
}

bool is_right(std::span<const std::byte> data) {
  return data.size() >= kDatagramHeaderBytes &&
         !first_difference(kDatagramHeaderBytes, data.subspan(kDatagramHeaderBytes));
}

// An unconnected socket at `port`, watched by `poller`; kNone when it cannot be had.
Fd open_at(SocketApi& sockets, Poller& poller, std::uint16_t port) {
  const FdResult made = sockets.socket(SocketKind::kDatagram);
  if (made.error != Errno::kNone) return Fd::kNone;
  if (sockets.bind(made.fd, {IpAddress(), port}) != Errno::kNone) {
    sockets.close(kStart, made.fd);
    return Fd::kNone;
  }
  poller.add(made.fd, {kPollIn, Trigger::kEdge});
  return made.fd;
}

Fd open_to(Instant now, SocketApi& sockets, const SocketAddress& remote) {
  const FdResult made = sockets.socket(SocketKind::kDatagram);
  if (made.error != Errno::kNone) return Fd::kNone;
  if (sockets.connect(now, made.fd, remote) != Errno::kNone) {
    sockets.close(now, made.fd);
    return Fd::kNone;
  }
  return made.fd;
}

void drain(Poller& poller) {
  PollEvent event;
  while (poller.wait(std::span(&event, 1)) == 1) continue;
}

}  // namespace

UdpBulk::UdpBulk(const UdpBulkConfig& config, const AppContext& context)
    : config_(config),
      context_(context),
      poller_(context.sockets, &context.ready),
      tick_(this, [](void* self, Instant now) { static_cast<UdpBulk*>(self)->on_tick(now); }) {}

void UdpBulk::start(Instant now) {
  started_ = now;
  fd_ = open_to(now, context_.sockets, {config_.to, config_.port});
  if (fd_ == Fd::kNone) return finish(now);
  on_tick(now);
}

void UdpBulk::on_ready(Instant) { drain(poller_); }

void UdpBulk::on_tick(Instant now) {
  const bool enough = config_.count > 0 && due_ >= config_.count;
  const bool over = config_.duration > Duration::zero() && now - started_ >= config_.duration;
  if (enough || over) return finish(now);
  const std::int64_t taken =
      context_.sockets.send(now, fd_, make_datagram(due_, config_.size_bytes));
  ++(taken < 0 ? refused_ : sent_);
  if (taken >= 0) last_ = now;
  ++due_;
  // From the start, not from the last one: rounding must not change the rate.
  const Uint128 bits = static_cast<Uint128>(due_) * config_.size_bytes * 8;
  const auto offset = static_cast<std::int64_t>(bits * 1'000'000'000 / config_.rate_bps);
  context_.timers.arm(tick_, after(started_, Duration(offset)));
}

void UdpBulk::finish(Instant now) {
  done_ = true;
  if (fd_ != Fd::kNone) context_.sockets.close(now, std::exchange(fd_, Fd::kNone));
}

void UdpBulk::report(AppReport& report) const {
  report.scalar(metric::kDatagrams, static_cast<double>(sent_));
  report.scalar(metric::kFailures, static_cast<double>(refused_));
  report.scalar(metric::kBytes, static_cast<double>(sent_ * config_.size_bytes));
  if (last_ <= started_) return;
  const double bits = static_cast<double>(sent_ * config_.size_bytes) * 8;
  report.scalar(metric::kThroughput, bits / to_seconds(last_ - started_));
}

void UdpSink::start(Instant) { fd_ = open_at(context_.sockets, poller_, config_.port); }

void UdpSink::on_ready(Instant now) {
  drain(poller_);
  for (;;) {
    const Received datagram = context_.sockets.receive_slice(now, fd_, kDatagramBytesMax);
    if (datagram.result < 0) return;
    const auto data = datagram.data.bytes();
    if (!is_right(data)) {
      ++verify_errors_;
      continue;
    }
    ++received_;
    bytes_ += data.size();
    sequence_end_ = std::max(sequence_end_, load_be64(data.data()) + 1);
    first_ = std::min(first_, now);
    last_ = now;
  }
}

void UdpSink::report(AppReport& report) const {
  report.scalar(metric::kDatagrams, static_cast<double>(received_));
  report.scalar(metric::kBytes, static_cast<double>(bytes_));
  report.scalar(metric::kVerifyErrors, static_cast<double>(verify_errors_));
  if (sequence_end_ > 0) {
    const double lost = static_cast<double>(sequence_end_) -
                        static_cast<double>(std::min(received_, sequence_end_));
    report.scalar(metric::kLostFraction, lost / static_cast<double>(sequence_end_), sequence_end_);
  }
  if (last_ <= first_) return;
  report.scalar(metric::kGoodput, static_cast<double>(bytes_) * 8 / to_seconds(last_ - first_));
}

void UdpEchoServer::start(Instant) { fd_ = open_at(context_.sockets, poller_, config_.port); }

void UdpEchoServer::on_ready(Instant now) {
  drain(poller_);
  for (;;) {
    const Received datagram = context_.sockets.receive_slice(now, fd_, kDatagramBytesMax);
    if (datagram.result < 0) return;
    const std::int64_t taken =
        context_.sockets.send_to(now, fd_, datagram.source, datagram.data.bytes());
    ++(taken < 0 ? refused_ : answered_);
  }
}

void UdpEchoServer::report(AppReport& report) const {
  report.scalar(metric::kDatagrams, static_cast<double>(answered_));
  report.scalar(metric::kFailures, static_cast<double>(refused_));
}

UdpEcho::UdpEcho(const UdpEchoConfig& config, const AppContext& context)
    : config_(config),
      context_(context),
      poller_(context.sockets, &context.ready),
      tick_(this, [](void* self, Instant now) { static_cast<UdpEcho*>(self)->on_tick(now); }) {}

void UdpEcho::start(Instant now) {
  fd_ = open_to(now, context_.sockets, {config_.to, config_.port});
  if (fd_ == Fd::kNone) {
    ++failures_;
    return finish(now);
  }
  poller_.add(fd_, {kPollIn, Trigger::kEdge});
  on_tick(now);
}

void UdpEcho::on_tick(Instant now) {
  if (sent_ == config_.count) return finish(now);
  const std::int64_t taken =
      context_.sockets.send(now, fd_, make_datagram(sent_, config_.size_bytes));
  if (taken < 0) ++failures_;
  while (!open_.empty() && now - open_.begin()->second > config_.patience) {
    open_.erase(open_.begin());
  }
  if (taken >= 0) open_.emplace(sent_, now);
  ++sent_;
  const Duration pause = sent_ == config_.count ? config_.patience : config_.interval;
  context_.timers.arm(tick_, after(now, pause));
}

void UdpEcho::on_ready(Instant now) {
  drain(poller_);
  while (fd_ != Fd::kNone) {
    const Received datagram = context_.sockets.receive_slice(now, fd_, kDatagramBytesMax);
    if (errno_of(datagram.result) == Errno::kAgain) break;
    if (datagram.result < 0) {
      ++failures_;  // an ICMP error: nobody listens there
      continue;
    }
    const auto data = datagram.data.bytes();
    if (!is_right(data) || data.size() != config_.size_bytes) {
      ++verify_errors_;
      continue;
    }
    // A duplicate finds its number gone.
    const auto asked = open_.find(load_be64(data.data()));
    if (asked == open_.end()) continue;
    latency_.add(static_cast<std::uint64_t>((now - asked->second).count()));
    open_.erase(asked);
  }
  if (sent_ == config_.count && open_.empty()) finish(now);
}

void UdpEcho::finish(Instant now) {
  done_ = true;
  context_.timers.cancel(tick_);
  if (fd_ != Fd::kNone) context_.sockets.close(now, std::exchange(fd_, Fd::kNone));
}

void UdpEcho::report(AppReport& report) const {
  report.scalar(metric::kDatagrams, static_cast<double>(sent_));
  report.scalar(metric::kRequests, static_cast<double>(latency_.count()));
  report.scalar(metric::kFailures, static_cast<double>(failures_));
  report.scalar(metric::kVerifyErrors, static_cast<double>(verify_errors_));
  if (sent_ > 0) {
    const auto lost = static_cast<double>(sent_ - latency_.count());
    report.scalar(metric::kLostFraction, lost / static_cast<double>(sent_), sent_);
  }
  if (latency_.count() == 0) return;
  report.histogram(metric::kLatency, latency_);
  report.scalar(metric::kLatencyP50, static_cast<double>(latency_.quantile(0.5)) / 1e9,
                latency_.count());
  report.scalar(metric::kLatencyP99, static_cast<double>(latency_.quantile(0.99)) / 1e9,
                latency_.count());
}

}  // namespace twinpath
