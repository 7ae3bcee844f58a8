// Datagram applications. Losing datagrams is UDP's way: a refused send is counted, never repeated.
#include "models/app/udp_apps.h"

#include <algorithm>
#include <string>
#include <utility>

#include "models/app/content.h"
#include "models/wire/byte_order.h"

namespace twinpath {

namespace {

constexpr std::size_t kErrorsPerTurn = 64;  // a socket that only fails must not hold the host

}  // namespace

void UdpSink::start(Instant) {
  Opened opened = open_at(context_.sockets, poller_, config_.port);
  fd_ = opened.fd;
  problem_ = std::move(opened.problem);
  if (fd_ == Fd::kNone) ++failures_;
}

void UdpSink::on_ready(Instant now) {
  drain(poller_);
  for (std::size_t errors = 0; fd_ != Fd::kNone && errors < kErrorsPerTurn;) {
    const Received datagram = context_.sockets.receive_slice(now, fd_, kDatagramBytesMax);
    if (errno_of(datagram.result) == Errno::kAgain) return;
    if (datagram.result < 0) {
      ++errors;
      ++failures_;
      if (problem_.empty()) problem_ = in_words("receive", errno_of(datagram.result));
      continue;
    }
    take(now, datagram);
  }
}

void UdpSink::take(Instant now, const Received& datagram) {
  const auto data = datagram.data.bytes();
  if (!is_right(data)) {
    ++verify_errors_;
    return;
  }
  SeenNumbers* sender = numbers_of(datagram.source);
  if (sender == nullptr) {
    ++failures_;
    if (problem_.empty()) problem_ = "more senders than are told apart";
    return;
  }
  if (!sender->add(load_be64(data.data()))) {
    ++duplicates_;
    return;
  }
  ++received_;
  bytes_ += data.size();
  first_ = std::min(first_, now);
  last_ = now;
}

// Datagrams come in runs of one sender: the last one found is nearly always the next.
SeenNumbers* UdpSink::numbers_of(const SocketAddress& source) {
  if (last_sender_ != nullptr && last_source_ == source) return last_sender_;
  const auto found = senders_.find({source.address, source.port});
  if (found == senders_.end() && senders_.size() == kSendersMax) return nullptr;
  last_sender_ =
      found == senders_.end() ? &senders_[{source.address, source.port}] : &found->second;
  last_source_ = source;
  return last_sender_;
}

void UdpSink::report(AppReport& report) const {
  report.scalar(metric::kDatagrams, static_cast<double>(received_));
  report.scalar(metric::kBytes, static_cast<double>(bytes_));
  report.scalar(metric::kVerifyErrors, static_cast<double>(verify_errors_));
  report.scalar(metric::kDuplicates, static_cast<double>(duplicates_));
  report.scalar(metric::kFailures, static_cast<double>(failures_));
  report.problem(problem_);
  std::uint64_t sent = 0;
  for (const auto& sender : senders_) sent += sender.second.end();
  if (sent > 0) {
    const auto lost = static_cast<double>(sent - received_);
    report.scalar(metric::kLostFraction, lost / static_cast<double>(sent), sent);
  }
  if (last_ <= first_) return;
  report.scalar(metric::kGoodput, static_cast<double>(bytes_) * 8 / to_seconds(last_ - first_));
}

void UdpEchoServer::start(Instant) {
  Opened opened = open_at(context_.sockets, poller_, config_.port);
  fd_ = opened.fd;
  problem_ = std::move(opened.problem);
  if (fd_ == Fd::kNone) ++failures_;
}

void UdpEchoServer::on_ready(Instant now) {
  drain(poller_);
  for (std::size_t errors = 0; fd_ != Fd::kNone && errors < kErrorsPerTurn;) {
    const Received datagram = context_.sockets.receive_slice(now, fd_, kDatagramBytesMax);
    if (errno_of(datagram.result) == Errno::kAgain) return;
    std::int64_t taken = datagram.result;
    if (taken >= 0) {
      taken = context_.sockets.send_to(now, fd_, datagram.source, datagram.data.bytes());
    } else {
      ++errors;
    }
    ++(taken < 0 ? failures_ : answered_);
    if (taken < 0 && problem_.empty()) problem_ = in_words("echo", errno_of(taken));
  }
}

void UdpEchoServer::report(AppReport& report) const {
  report.scalar(metric::kDatagrams, static_cast<double>(answered_));
  report.scalar(metric::kFailures, static_cast<double>(failures_));
  report.problem(problem_);
}

UdpEcho::UdpEcho(const UdpEchoConfig& config, const AppContext& context)
    : config_(config),
      context_(context),
      poller_(context.sockets, &context.ready),
      tick_(this, [](void* self, Instant now) { static_cast<UdpEcho*>(self)->on_tick(now); }) {}

void UdpEcho::start(Instant now) {
  Opened opened = open_to(now, context_.sockets, {config_.to, config_.port});
  fd_ = opened.fd;
  problem_ = std::move(opened.problem);
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
  if (taken < 0) {
    ++failures_;
    if (problem_.empty()) problem_ = in_words("send", errno_of(taken));
  }
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
      if (problem_.empty()) problem_ = in_words("receive", errno_of(datagram.result));
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
  report.problem(problem_);
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
