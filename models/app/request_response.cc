// The asking side of request_response.h.
#include "models/app/request_response.h"

#include <algorithm>
#include <array>

#include "models/wire/byte_order.h"

namespace twinpath {

namespace {

// From one request to the next, on average.
Duration mean_gap(double rate_per_s) {
  return Duration(static_cast<std::int64_t>(1e9 / rate_per_s));
}

}  // namespace

std::vector<Problem> validate(const RequestResponseConfig& config) {
  return validate(ArrivalLists{config.arrivals, config.gaps, config.sizes, kAnswerLimits});
}

RequestResponse::Connection::Connection(RequestResponse& of, std::size_t number)
    : owner(of), index(number), think(this, [](void* self, Instant now) {
        auto& connection = *static_cast<Connection*>(self);
        connection.owner.ready_for_request(now, connection);
      }) {}

RequestResponse::RequestResponse(const RequestResponseConfig& config, const AppContext& context)
    : config_(config),
      context_(context),
      rng_(context.rng),
      poller_(context.sockets, &context.ready),
      content_(context.streams),
      arrival_(this, [](void* self,
                        Instant now) { static_cast<RequestResponse*>(self)->on_arrival(now); }),
      gaps_(config.gaps),
      sizes_(config.sizes) {
  for (std::size_t i = 0; i < config.connections; ++i) connections_.emplace_back(*this, i);
}

void RequestResponse::start(Instant now) {
  started_ = now;
  for (Connection& connection : connections_) open(now, connection);
  if (config_.rate_per_s > 0) {
    arrives_ = now;
    arm_arrival();
  }
}

// From the last arrival, not from the turn that served it: a late turn must not lower the rate.
void RequestResponse::arm_arrival() {
  arrives_ = after(arrives_, next_gap());
  ++arrived_;
  context_.timers.arm(arrival_, arrives_);
}

// A Poisson process may be joined at any instant; the other two begin with a request.
Duration RequestResponse::next_gap() {
  if (config_.arrivals == ArrivalKind::kPoisson) {
    return rng_.exponential(mean_gap(config_.rate_per_s));
  }
  if (arrived_ == 0) return Duration::zero();
  if (config_.arrivals == ArrivalKind::kCbr || gaps_.empty()) return mean_gap(config_.rate_per_s);
  return Duration(static_cast<std::int64_t>(gaps_[arrived_]));
}

std::optional<Offered> RequestResponse::offered(Instant now) const {
  if (config_.rate_per_s <= 0) return std::nullopt;
  Offered offered{begun_, begun_ - turned_away_};
  if (may_begin() && arrives_ < now) {
    offered.asked += static_cast<std::uint64_t>((now - arrives_) / mean_gap(config_.rate_per_s));
  }
  return offered;
}

bool RequestResponse::may_begin() const {
  return config_.requests == 0 || begun_ < config_.requests;
}

bool RequestResponse::done() const {
  if (started_ == kNever || config_.requests == 0) return false;
  return completed_ + failures_ >= config_.requests || open_ == 0;
}

void RequestResponse::on_arrival(Instant now) {
  if (!may_begin()) return;
  ++begun_;
  const auto idle = std::find_if(connections_.begin(), connections_.end(),
                                 [](const Connection& c) { return c.connected && !c.busy; });
  if (idle != connections_.end()) {
    begin(now, *idle, arrives_);
  } else if (waiting_.size() < kWaitingMax) {
    waiting_.push_back(arrives_);
  } else {
    ++failures_;
    ++turned_away_;
    if (problem_.empty()) problem_ = "more requests waited for a connection than are kept";
  }
  arm_arrival();
}

void RequestResponse::open(Instant now, Connection& connection) {
  const FdResult made = context_.sockets.socket(SocketKind::kStream);
  if (made.error != Errno::kNone) return fail(now, connection, symbol(made.error));
  ++open_;
  connection.fd = made.fd;
  connection.served = 0;
  poller_.add(made.fd, {kBothWays, Trigger::kEdge, connection.index});
  context_.sockets.set_option(now, made.fd, SocketOption::kNoDelay, 1);
  const Errno error = context_.sockets.connect(now, made.fd, {config_.to, config_.port});
  if (error != Errno::kInProgress) fail(now, connection, symbol(error));
}

void RequestResponse::on_ready(Instant now) {
  std::array<PollEvent, kEventsPerWait> events;
  for (;;) {
    const std::size_t count = poller_.wait(events);
    if (count == 0) return;
    for (const PollEvent& event : std::span(events).first(count)) {
      Connection& connection = connections_[event.data];
      if (connection.fd == event.fd) on_event(now, connection, event.events);
    }
  }
}

void RequestResponse::on_event(Instant now, Connection& connection, std::uint32_t events) {
  if ((events & kPollError) != 0) {
    const auto error = context_.sockets.get_option(connection.fd, SocketOption::kError).value;
    return fail(now, connection, symbol(static_cast<Errno>(error)));
  }
  if (!connection.connected && (events & kPollOut) != 0) {
    connection.connected = true;
    ready_for_request(now, connection);
  } else if (connection.busy && (events & kPollOut) != 0) {
    send_request(now, connection);
  }
  if (connection.fd != Fd::kNone && (events & (kPollIn | kPollReadHangup)) != 0) {
    receive(now, connection);
  }
}

void RequestResponse::ready_for_request(Instant now, Connection& connection) {
  if (!connection.connected || connection.busy) return;
  if (config_.rate_per_s > 0) {
    if (waiting_.empty()) return;
    const Instant asked = waiting_.front();
    waiting_.pop_front();
    begin(now, connection, asked);
  } else if (may_begin()) {
    ++begun_;
    begin(now, connection, now);
  } else {
    close(now, connection);
  }
}

void RequestResponse::begin(Instant now, Connection& connection, Instant asked) {
  connection.busy = true;
  connection.asked = asked;
  connection.sent = 0;
  connection.received = 0;
  connection.wrong = false;
  connection.response_bytes =
      sizes_.empty() ? config_.response_bytes : static_cast<std::uint32_t>(sizes_[asked_]);
  ++asked_;
  send_request(now, connection);
}

void RequestResponse::send_request(Instant now, Connection& connection) {
  while (connection.sent < config_.request_bytes) {
    std::int64_t taken = 0;
    if (connection.sent < kRequestHeaderBytes) {
      std::array<std::byte, kRequestHeaderBytes> header;
      store_be32(header.data(), config_.request_bytes);
      store_be32(header.data() + 4, connection.response_bytes);
      const auto rest = std::span(header).subspan(connection.sent);
      taken = context_.sockets.send(now, connection.fd, rest);
    } else {
      const Slice piece =
          content_.slice({connection.sent, config_.request_bytes - connection.sent});
      taken = piece.len == 0 ? failure(Errno::kNoBufferSpace)
                             : context_.sockets.send_slice(now, connection.fd, piece);
    }
    if (errno_of(taken) == Errno::kAgain) return;
    if (taken < 0) return fail(now, connection, symbol(errno_of(taken)));
    connection.sent += static_cast<std::uint32_t>(taken);
  }
}

void RequestResponse::receive(Instant now, Connection& connection) {
  while (connection.fd != Fd::kNone) {
    const Received piece = context_.sockets.receive_slice(now, connection.fd, kContentPeriodBytes);
    if (errno_of(piece.result) == Errno::kAgain) return;
    if (piece.result < 0) return fail(now, connection, symbol(errno_of(piece.result)));
    if (piece.result == 0) return fail(now, connection, "the server closed the connection");
    if (!connection.busy) return fail(now, connection, "an answer nobody asked for");
    if (first_difference(connection.received, piece.data.bytes())) connection.wrong = true;
    connection.received += piece.data.len;
    if (connection.received > connection.response_bytes) {
      return fail(now, connection, "the answer is longer than asked for");
    }
    if (connection.received == connection.response_bytes) complete(now, connection);
  }
}

void RequestResponse::complete(Instant now, Connection& connection) {
  connection.busy = false;
  ++completed_;
  ++connection.served;
  if (connection.wrong) ++verify_errors_;
  latency_.add(static_cast<std::uint64_t>((now - connection.asked).count()));
  last_ = now;
  if (done()) return close_all(now);
  if (config_.per_connection > 0 && connection.served == config_.per_connection) {
    close(now, connection);
    if (may_begin() || !waiting_.empty()) open(now, connection);
  } else if (config_.think > Duration::zero()) {
    context_.timers.arm(connection.think, after(now, config_.think));
  } else {
    ready_for_request(now, connection);
  }
}

void RequestResponse::close(Instant now, Connection& connection) {
  connection.connected = false;
  connection.busy = false;
  context_.timers.cancel(connection.think);
  if (connection.fd == Fd::kNone) return;
  --open_;
  context_.sockets.close(now, std::exchange(connection.fd, Fd::kNone));
}

// A connection that failed is not replaced: a server that is not there would otherwise be asked for
// ever at one instant.
void RequestResponse::fail(Instant now, Connection& connection, std::string_view why) {
  ++failures_;
  if (problem_.empty()) problem_ = why;
  if (!connection.busy && may_begin()) ++begun_;
  close(now, connection);
  if (done()) close_all(now);
}

void RequestResponse::close_all(Instant now) {
  for (Connection& connection : connections_) close(now, connection);
  context_.timers.cancel(arrival_);
}

void RequestResponse::report(AppReport& report) const {
  report.scalar(metric::kRequests, static_cast<double>(completed_));
  report.scalar(metric::kFailures, static_cast<double>(failures_));
  report.scalar(metric::kVerifyErrors, static_cast<double>(verify_errors_));
  report.problem(problem_);
  if (completed_ == 0) return;
  report.histogram(metric::kLatency, latency_);
  report.scalar(metric::kLatencyP50, static_cast<double>(latency_.quantile(0.5)) / 1e9,
                latency_.count());
  report.scalar(metric::kLatencyP99, static_cast<double>(latency_.quantile(0.99)) / 1e9,
                latency_.count());
  if (last_ > started_) {
    report.scalar(metric::kRequestRate,
                  static_cast<double>(completed_) / to_seconds(last_ - started_));
  }
}

}  // namespace twinpath
