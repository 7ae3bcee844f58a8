// Datagram applications. Losing datagrams is UDP's way: a refused send is counted, never repeated.
#include "models/app/udp_apps.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "models/app/content.h"
#include "models/base/hash.h"
#include "models/wire/byte_order.h"

namespace twinpath {

namespace {

constexpr std::uint32_t kDatagramBytesMax = 65507;
constexpr std::size_t kErrorsPerTurn = 64;  // a socket that only fails must not hold the host

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

std::string in_words(std::string_view call, Errno error) {
  return std::string(call) + ": " + std::string(symbol(error));
}

// A socket, or why there is none.
struct Opened {
  Fd fd = Fd::kNone;
  std::string problem{};
};

// Unconnected at `port`, watched by `poller`.
Opened open_at(SocketApi& sockets, Poller& poller, std::uint16_t port) {
  const FdResult made = sockets.socket(SocketKind::kDatagram);
  if (made.error != Errno::kNone) return {.problem = in_words("socket", made.error)};
  const Errno error = sockets.bind(made.fd, {IpAddress(), port});
  if (error != Errno::kNone) {
    sockets.close(kStart, made.fd);
    return {.problem = in_words("bind to port " + std::to_string(port), error)};
  }
  poller.add(made.fd, {kPollIn, Trigger::kEdge});
  return {.fd = made.fd};
}

Opened open_to(Instant now, SocketApi& sockets, const SocketAddress& remote) {
  const FdResult made = sockets.socket(SocketKind::kDatagram);
  if (made.error != Errno::kNone) return {.problem = in_words("socket", made.error)};
  const Errno error = sockets.connect(now, made.fd, remote);
  if (error != Errno::kNone) {
    sockets.close(now, made.fd);
    return {.problem = in_words("connect", error)};
  }
  return {.fd = made.fd};
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
  Opened opened = open_to(now, context_.sockets, {config_.to, config_.port});
  fd_ = opened.fd;
  problem_ = std::move(opened.problem);
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

// By the clock, not by its ticks: one that came late or never is missing.
std::optional<Offered> UdpBulk::offered(Instant now) const {
  if (started_ == kNever || now <= started_) return Offered{};
  const auto elapsed = static_cast<Uint128>((std::min(now, finished_) - started_).count());
  const Uint128 bits = elapsed * config_.rate_bps / 1'000'000'000;
  auto asked = static_cast<std::uint64_t>(bits / (std::uint64_t{config_.size_bytes} * 8));
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
  report.scalar(metric::kSentBytes, static_cast<double>(sent_ * config_.size_bytes));
  if (sent_ == 0 || last_ <= started_) return;
  const double bits = static_cast<double>(sent_ * config_.size_bytes) * 8;
  report.scalar(metric::kThroughput, bits / to_seconds(last_ - started_));
}

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
