// One request at a time. A failure ends the whole sequence: what follows would hide it.
#include "models/app/http_get.h"

#include <algorithm>
#include <utility>

namespace twinpath {

namespace {

std::string content_digest(std::uint64_t size) {
  Sha256 sum;
  for (std::uint64_t at = 0; at < size;) {
    const auto piece = content_at({at, size - at});
    sum.add(piece);
    at += piece.size();
  }
  return hex(sum.finish());
}

}  // namespace

HttpGet::HttpGet(const HttpGetConfig& config, const AppContext& context)
    : config_(config), context_(context), poller_(context.sockets, &context.ready) {
  if (config_.sizes.empty()) config_.sizes.push_back(config_.size_bytes);
}

std::uint64_t HttpGet::size_now() const { return config_.sizes[request_ / config_.requests]; }

void HttpGet::start(Instant now) {
  totals_.started = now;
  open(now);
}

void HttpGet::open(Instant now) {
  const FdResult made = context_.sockets.socket(SocketKind::kStream);
  if (made.error != Errno::kNone) return fail(now, "socket: " + std::string(symbol(made.error)));
  fd_ = made.fd;
  connected_ = false;
  poller_.add(fd_, {kBothWays, Trigger::kEdge, static_cast<std::uint64_t>(fd_)});
  const SocketAddress server{config_.to, config_.port};
  const SocketAddress proxy{config_.via, config_.via_port};
  const Errno error = context_.sockets.connect(now, fd_, config_.via_port > 0 ? proxy : server);
  if (error != Errno::kInProgress) fail(now, "connect: " + std::string(symbol(error)));
}

void HttpGet::on_ready(Instant now) {
  PollEvent event;
  while (poller_.wait(std::span(&event, 1)) == 1) {
    if (event.fd == fd_) on_event(now, event.events);
  }
}

void HttpGet::on_event(Instant now, std::uint32_t events) {
  if ((events & kPollError) != 0) {
    const auto error = context_.sockets.get_option(fd_, SocketOption::kError).value;
    return fail(now, std::string(symbol(static_cast<Errno>(error))));
  }
  const Fd fd = fd_;
  if ((events & kPollOut) != 0) {
    if (!std::exchange(connected_, true)) {
      totals_.connected = std::min(totals_.connected, now);
      begin_request(now);
    } else {
      send_request(now);
    }
  }
  if (fd_ == fd && connected_ && (events & (kPollIn | kPollReadHangup)) != 0) receive(now);
}

namespace {

// RFC 3986 §3.2.2: an IPv6 address stands in brackets.
std::string host_of(const IpAddress& address) {
  if (address.is_v4()) return address.to_string();
  std::string text("[");
  text += address.to_string();
  return text += ']';
}

}  // namespace

// A proxy is told which server (RFC 9112 §3.2.2).
std::string HttpGet::target() const {
  const std::string path = config_.path + std::to_string(size_now());
  if (config_.via_port == 0) return path;
  return "http://" + host_of(config_.to) + ":" + std::to_string(config_.port) + path;
}

void HttpGet::begin_request(Instant now) {
  request_started_ = now;
  unsent_ = "GET " + target() + " HTTP/1.1\r\nHost: " + host_of(config_.to) +
            "\r\nUser-Agent: twinpath\r\nAccept: */*\r\n";
  unsent_ += config_.keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  head_.reset();
  body_.reset();
  body_bytes_ = 0;
  received_ = Sha256();
  send_request(now);
}

void HttpGet::send_request(Instant now) {
  // Until EAGAIN: a part taken is no promise of another event.
  while (!unsent_.empty()) {
    const std::int64_t taken = context_.sockets.send(now, fd_, std::as_bytes(std::span(unsent_)));
    if (errno_of(taken) == Errno::kAgain) return;
    if (taken < 0) return fail(now, "send: " + std::string(symbol(errno_of(taken))));
    unsent_.erase(0, static_cast<std::size_t>(taken));
  }
}

void HttpGet::receive(Instant now) {
  const Fd fd = fd_;
  while (fd_ == fd) {
    const Received piece = context_.sockets.receive_slice(now, fd, kContentPeriodBytes);
    if (errno_of(piece.result) == Errno::kAgain) return;
    if (piece.result < 0) {
      return fail(now, "receive: " + std::string(symbol(errno_of(piece.result))));
    }
    if (piece.result == 0) return on_closed(now);
    if (!take(now, piece.data.bytes())) return;
  }
}

// False when this connection is done with.
bool HttpGet::take(Instant now, std::span<const std::byte> data) {
  totals_.first_byte = std::min(totals_.first_byte, now);
  const Fd fd = fd_;
  while (fd_ == fd && !data.empty()) {
    if (!body_ && !take_head(data)) {
      fail(now, "malformed or refused answer: " + head_.head().start_line);
    } else if (body_) {
      take_body(now, data);  // with no byte left too: an empty body is complete with its head
    }
  }
  return fd_ == fd;
}

void HttpGet::take_body(Instant now, std::span<const std::byte>& data) {
  const std::size_t used = body_->take(data, [this](std::span<const std::byte> content) {
    body_bytes_ += content.size();
    if (config_.verify == HttpVerify::kSha256) received_.add(content);
  });
  data = data.subspan(used);
  if (body_->malformed()) return fail(now, "malformed chunk");
  if (!body_->complete()) return;
  if (!data.empty()) return fail(now, "bytes behind the answer that nobody asked for");
  complete(now);
}

// False when the answer cannot be used. Leaves `body_` empty while the head is not complete.
bool HttpGet::take_head(std::span<const std::byte>& data) {
  data = data.subspan(head_.take(data));
  if (head_.state() == HttpHeadReader::State::kReading) return true;
  if (head_.state() != HttpHeadReader::State::kComplete) return false;
  const auto status = parse_status_line(head_.head().start_line);
  if (!status || status->status != 200) return false;
  const auto framing = response_framing(head_.head(), true);
  if (!framing) return false;
  close_after_ =
      !config_.keep_alive || head_.head().has_token("connection", "close") ||
      (status->version == "HTTP/1.0" && !head_.head().has_token("connection", "keep-alive"));
  body_.emplace(*framing);
  return true;
}

void HttpGet::on_closed(Instant now) {
  if (body_) body_->on_close();
  if (body_ && body_->complete()) {
    close_after_ = true;
    complete(now);
  } else {
    fail(now, "connection closed before the end of the answer");
  }
}

bool HttpGet::body_is_right() {
  if (body_bytes_ != size_now()) return false;
  if (config_.verify == HttpVerify::kNone) return true;
  if (expected_.empty() || expected_size_ != size_now()) {
    expected_size_ = size_now();
    expected_ = content_digest(expected_size_);
  }
  digest_ = hex(received_.finish());
  return digest_ == expected_;
}

void HttpGet::complete(Instant now) {
  totals_.last_byte = now;
  latency_.add(static_cast<std::uint64_t>((now - request_started_).count()));
  if (body_is_right()) {
    ++totals_.requests;
    totals_.verified_bytes += body_bytes_;
  } else {
    ++totals_.verify_errors;
    if (totals_.problem.empty()) totals_.problem = "the body is not the content asked for";
  }
  body_.reset();
  if (++request_ == config_.sizes.size() * config_.requests) {
    leave(now);
    done_ = true;
  } else if (close_after_) {
    leave(now);
    open(now);
  } else {
    begin_request(now);
  }
}

void HttpGet::fail(Instant now, std::string problem) {
  ++totals_.failures;
  if (totals_.problem.empty()) totals_.problem = std::move(problem);
  leave(now);
  done_ = true;
}

void HttpGet::leave(Instant now) {
  if (fd_ == Fd::kNone) return;
  if (const auto info = context_.sockets.tcp_info(fd_)) {
    retransmits_ += info->retransmits;
    timeouts_ += info->timeouts;
    srtt_ = info->srtt;
  }
  context_.sockets.close(now, std::exchange(fd_, Fd::kNone));
}

void HttpGet::report(AppReport& report) const {
  report.scalar(metric::kRequests, static_cast<double>(totals_.requests));
  report.scalar(metric::kFailures, static_cast<double>(totals_.failures));
  report.scalar(metric::kVerifyErrors, static_cast<double>(totals_.verify_errors));
  report.scalar(metric::kBytes, static_cast<double>(totals_.verified_bytes));
  if (totals_.connected != kNever) {
    report.scalar(metric::kConnect, to_seconds(totals_.connected - totals_.started));
  }
  report.problem(totals_.problem);
  report_flow(report);
  if (totals_.requests == 0) return;
  report.scalar(metric::kFct, to_seconds(totals_.last_byte - totals_.started));
  report.histogram(metric::kLatency, latency_);
  if (totals_.last_byte > totals_.first_byte) {
    const double seconds = to_seconds(totals_.last_byte - totals_.first_byte);
    report.scalar(metric::kGoodput, static_cast<double>(totals_.verified_bytes) * 8 / seconds);
  }
}

// All connections there were are one flow: the closed ones and the one still open.
void HttpGet::report_flow(AppReport& report) const {
  std::optional<TcpInfo> open;
  if (fd_ != Fd::kNone) open = context_.sockets.tcp_info(fd_);
  AppReport flow = report.below("flow0", "flow");
  const TcpInfo info = open.value_or(TcpInfo{.srtt = srtt_});
  // Our own alone are no figure of a transfer whose sender has none.
  if (config_.sender_counts) {
    flow.scalar(metric::kRetransmits, static_cast<double>(retransmits_ + info.retransmits));
    flow.scalar(metric::kTimeouts, static_cast<double>(timeouts_ + info.timeouts));
  }
  if (info.srtt > Duration::zero()) flow.scalar(metric::kSrtt, to_seconds(info.srtt));
}

}  // namespace twinpath
