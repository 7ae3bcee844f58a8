// Bulk transfer: the sender hands the stack slices of the content block, so it copies nothing.
#include "models/app/bulk.h"

#include <algorithm>

namespace twinpath {

Bulk::Bulk(const BulkConfig& config, const AppContext& context)
    : config_(config),
      context_(context),
      poller_(context.sockets, &context.ready),
      content_(context.streams),
      stop_(this, [](void* self, Instant now) {
        auto& bulk = *static_cast<Bulk*>(self);
        bulk.stopping_ = true;
        bulk.send_more(now);
      }) {}

void Bulk::start(Instant now) {
  started_ = now;
  const FdResult made = context_.sockets.socket(SocketKind::kStream);
  if (made.error != Errno::kNone) return finish(now, made.error);
  fd_ = made.fd;
  poller_.add(fd_, {kBothWays, Trigger::kEdge});
  const Errno error = context_.sockets.connect(now, fd_, {config_.to, config_.port});
  if (error != Errno::kInProgress) finish(now, error);
  if (config_.duration > Duration::zero()) {
    context_.timers.arm(stop_, after(now, config_.duration));
  }
}

void Bulk::on_ready(Instant now) {
  PollEvent event;
  while (poller_.wait(std::span(&event, 1)) == 1) on_event(now, event.events);
}

void Bulk::on_event(Instant now, std::uint32_t events) {
  if (done_) return;
  if ((events & kPollError) != 0) {
    const auto error = context_.sockets.get_option(fd_, SocketOption::kError).value;
    return finish(now, static_cast<Errno>(error));
  }
  if ((events & kPollOut) != 0) {
    if (connected_ == kNever) connected_ = now;
    send_more(now);
  }
  if (!done_ && (events & kPollReadHangup) != 0 && connected_ != kNever) {
    finish(now, shut_ ? Errno::kNone : Errno::kConnectionAborted);
  }
}

std::uint64_t Bulk::left() const {
  if (stopping_) return 0;
  return config_.size_bytes == 0 ? kContentPeriodBytes : config_.size_bytes - sent_;
}

void Bulk::send_more(Instant now) {
  if (done_ || shut_ || connected_ == kNever) return;
  while (left() > 0) {
    const Slice piece = content_.slice({sent_, left()});
    const std::int64_t taken = piece.len == 0 ? failure(Errno::kNoBufferSpace)
                                              : context_.sockets.send_slice(now, fd_, piece);
    if (errno_of(taken) == Errno::kAgain) return;
    if (taken < 0) return finish(now, errno_of(taken));
    sent_ += static_cast<std::uint64_t>(taken);
  }
  shut_ = true;
  context_.sockets.shutdown(now, fd_, ShutdownHow::kWrite);
}

void Bulk::finish(Instant now, Errno error) {
  done_ = true;
  error_ = error;
  finished_ = now;
  context_.timers.cancel(stop_);
  if (fd_ == Fd::kNone) return;
  if (const auto info = context_.sockets.tcp_info(fd_)) info_ = *info;
  context_.sockets.close(now, fd_);
}

void Bulk::report(AppReport& report) const {
  TcpInfo info = info_;
  if (!done_ && fd_ != Fd::kNone) {
    if (const auto running = context_.sockets.tcp_info(fd_)) info = *running;
  }
  report.scalar(metric::kSentBytes, static_cast<double>(sent_));
  report.scalar(metric::kFailures, error_ == Errno::kNone ? 0 : 1);
  if (error_ != Errno::kNone) report.problem(symbol(error_));
  if (connected_ != kNever) {
    report.scalar(metric::kConnect, to_seconds(connected_ - started_));
  }
  if (done_ && error_ == Errno::kNone) {
    const double seconds = to_seconds(finished_ - started_);
    report.scalar(metric::kFct, seconds);
    if (seconds > 0) {
      report.scalar(metric::kThroughput, static_cast<double>(sent_) * 8 / seconds);
    }
  }
  AppReport flow = report.below("flow0", "flow");
  flow.scalar(metric::kRetransmits, info.retransmits);
  flow.scalar(metric::kTimeouts, info.timeouts);
  flow.scalar(metric::kSrtt, to_seconds(info.srtt));
}

BulkSink::BulkSink(const BulkSinkConfig& config, const AppContext& context)
    : config_(config), server_(context, config.port) {}

void BulkSink::start(Instant) {
  problem_ = server_.start();
  if (!problem_.empty()) ++totals_.failures;
}

void BulkSink::on_ready(Instant now) {
  server_.on_ready(
      now, [this] { return Connection(totals_, config_.verify); }, [](const Connection&) {});
}

void BulkSink::Connection::on_ready(Instant now, SocketApi& sockets, Fd fd) {
  SinkTotals& totals = totals_;
  for (;;) {
    const Received piece = sockets.receive_slice(now, fd, kContentPeriodBytes);
    if (errno_of(piece.result) == Errno::kAgain) return;
    if (piece.result <= 0) {
      if (piece.result < 0) ++totals.failures;
      if (wrong_) ++totals.verify_errors;
      finished_ = true;
      return;
    }
    if (verify_ && !wrong_) wrong_ = first_difference(received_, piece.data.bytes()).has_value();
    received_ += piece.data.len;
    if (!wrong_) totals.bytes += piece.data.len;
    totals.first = std::min(totals.first, now);
    totals.last = now;
  }
}

void BulkSink::report(AppReport& report) const {
  report.scalar(metric::kBytes, static_cast<double>(totals_.bytes));
  report.scalar(metric::kFailures, static_cast<double>(totals_.failures));
  report.problem(problem_);
  report.scalar(metric::kVerifyErrors, static_cast<double>(totals_.verify_errors));
  if (totals_.last <= totals_.first) return;
  const double seconds = to_seconds(totals_.last - totals_.first);
  report.scalar(metric::kGoodput, static_cast<double>(totals_.bytes) * 8 / seconds);
}

}  // namespace twinpath
