// One connection is a small machine: a head, perhaps a request body to skip, an answer, and again.
#include "models/app/http_server.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace twinpath {

namespace {

constexpr std::string_view kIndex = "Twinpath: GET /bytes/N, /N or /chunked/N\n";
constexpr std::uint64_t kChunkBytes = 16384;

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    default:
      return "HTTP Version Not Supported";
  }
}

bool is_standard_method(std::string_view method) {
  constexpr std::string_view kMethods[] = {"POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE"};
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

// The path and nothing else of what RFC 9112 §3.2 allows as a target.
std::string_view path_of(std::string_view target) {
  if (target.substr(0, 7) == "http://") {
    const std::size_t slash = target.find('/', 7);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target.substr(0, std::min(target.find('?'), target.size()));
}

void resolve(std::string_view path, HttpAnswer& answer) {
  answer.is_index = path == "/";
  if (answer.is_index) {
    answer.body_bytes = kIndex.size();
    return;
  }
  constexpr std::string_view kBytes = "/bytes/";
  constexpr std::string_view kChunked = "/chunked/";
  std::size_t skip = 1;
  if (path.substr(0, kBytes.size()) == kBytes) skip = kBytes.size();
  if (path.substr(0, kChunked.size()) == kChunked) {
    skip = kChunked.size();
    answer.chunked = true;
  }
  const auto size = parse_decimal(path.substr(std::min(skip, path.size())));
  answer.body_bytes = size.value_or(0);
  if (!size) answer.status = 404;
}

std::string head_of(const HttpAnswer& answer) {
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " ";
  head += reason_of(answer.status);
  head += "\r\nServer: twinpath\r\n";
  head += answer.is_index ? "Content-Type: text/plain\r\n"
                          : "Content-Type: application/octet-stream\r\n";
  if (answer.chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  } else {
    head += "Content-Length: " + std::to_string(answer.body_bytes) + "\r\n";
  }
  if (answer.status == 405) head += "Allow: GET, HEAD\r\n";
  head += answer.close ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n";
  return head;
}

HttpAnswer refusal(unsigned status) {
  HttpAnswer answer;
  answer.status = status;
  answer.close = true;
  return answer;
}

}  // namespace

HttpAnswer answer_to(const HttpHeadReader& request) {
  using State = HttpHeadReader::State;
  if (request.state() == State::kTooLarge) return refusal(431);
  if (request.state() != State::kComplete) return refusal(400);
  const HttpHead& head = request.head();
  const auto line = parse_request_line(head.start_line);
  if (!line) return refusal(400);
  const bool is_1_0 = line->version == "HTTP/1.0";
  if (line->version.substr(0, 5) != "HTTP/") return refusal(400);
  if (!is_1_0 && line->version.substr(0, 7) != "HTTP/1.") return refusal(505);
  // RFC 9112 §3.2: exactly one Host, and an unusable body length is a bad request.
  if (!is_1_0 && head.find("host") == nullptr) return refusal(400);
  if (!request_framing(head)) return refusal(400);
  HttpAnswer answer;
  answer.head_only = line->method == "HEAD";
  answer.close =
      is_1_0 ? !head.has_token("connection", "keep-alive") : head.has_token("connection", "close");
  if (line->method == "GET" || answer.head_only) {
    resolve(path_of(line->target), answer);
    // HTTP/1.0 knows no chunks (RFC 9112 §7.1).
    answer.chunked = answer.chunked && !is_1_0 && answer.status == 200;
  } else {
    answer.status = is_standard_method(line->method) ? 405 : 501;
  }
  return answer;
}

void HttpServer::start(Instant) {
  problem_ = server_.start();
  if (!problem_.empty()) ++totals_.failures;
}

void HttpServer::on_ready(Instant now) {
  server_.on_ready(
      now, [this] { return Connection(*this); }, [](const Connection&) {});
}

void HttpServer::report(AppReport& report) const {
  report.scalar(metric::kRequests, static_cast<double>(totals_.requests));
  report.scalar(metric::kFailures, static_cast<double>(totals_.failures));
  report.scalar(metric::kSentBytes, static_cast<double>(totals_.body_bytes));
  report.problem(problem_);
  server_.report_flow(report);
}

void HttpServer::Connection::on_ready(Instant now, SocketApi& sockets, Fd fd) {
  // A head and a short body are two writes; Nagle would hold the second back for a round trip.
  if (!no_delay_) {
    no_delay_ = sockets.set_option(now, fd, SocketOption::kNoDelay, 1) == Errno::kNone;
  }
  while (!finished_) {
    const bool went_on =
        step_ == Step::kAnswer ? send(now, sockets, fd) : receive(now, sockets, fd);
    if (!went_on) return;
  }
}

bool HttpServer::Connection::stop() {
  finished_ = true;
  return false;
}

bool HttpServer::Connection::receive(Instant now, SocketApi& sockets, Fd fd) {
  Slice data = std::exchange(unread_, {});
  if (data.len == 0) {
    Received piece = sockets.receive_slice(now, fd, kContentPeriodBytes);
    if (errno_of(piece.result) == Errno::kAgain) return false;
    if (piece.result <= 0) {
      const bool between = step_ == Step::kClosing || (step_ == Step::kHead && head_.is_empty());
      if (piece.result < 0 || !between) ++server_.get().totals_.failures;
      return stop();
    }
    data = std::move(piece.data);
  }
  // What comes after "Connection: close" is read and thrown away, so that closing does not reset
  // the connection under the answer (RFC 9112 §9.6).
  while (data.len > 0 && (step_ == Step::kHead || step_ == Step::kRequestBody)) {
    const auto bytes = data.bytes();
    const std::size_t used = step_ == Step::kHead
                                 ? head_.take(bytes)
                                 : request_body_.take(bytes, [](std::span<const std::byte>) {});
    data.drop_front(static_cast<std::uint32_t>(used));
    if (step_ == Step::kHead && head_.state() != HttpHeadReader::State::kReading) {
      begin_answer();
    } else if (step_ == Step::kRequestBody && request_body_.malformed()) {
      return stop();
    }
    if (step_ == Step::kRequestBody && request_body_.complete()) step_ = Step::kAnswer;
  }
  if (step_ == Step::kAnswer) unread_ = std::move(data);
  return true;
}

void HttpServer::Connection::begin_answer() {
  answer_ = answer_to(head_);
  text_ = head_of(answer_);
  body_sent_ = piece_end_ = 0;
  last_text_ = answer_.head_only;
  if (answer_.is_index && !answer_.head_only) {
    text_ += kIndex;
    last_text_ = true;
  }
  step_ = Step::kRequestBody;
  request_body_ = HttpBodyReader(HttpBodyFraming{});
  if (head_.state() == HttpHeadReader::State::kComplete && !answer_.close) {
    request_body_ = HttpBodyReader(*request_framing(head_.head()));
  }
  head_.reset();
}

bool HttpServer::Connection::send(Instant now, SocketApi& sockets, Fd fd) {
  if (!text_.empty()) return send_text(now, sockets, fd);
  if (body_sent_ < piece_end_) return send_body(now, sockets, fd);
  if (last_text_ || (!answer_.chunked && body_sent_ == answer_.body_bytes)) {
    end_answer(now, sockets, fd);
    return true;
  }
  next_chunk();
  return true;
}

// The next run of body bytes, with what chunked coding puts around it (RFC 9112 §7.1).
void HttpServer::Connection::next_chunk() {
  if (!answer_.chunked) {
    piece_end_ = answer_.body_bytes;
    return;
  }
  const std::uint64_t left = answer_.body_bytes - body_sent_;
  const std::uint64_t size = std::min(left, kChunkBytes);
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  text_ = body_sent_ == 0 ? "" : "\r\n";
  text_.append(digits.data(), end);
  text_ += size == 0 ? "\r\n\r\n" : "\r\n";
  last_text_ = size == 0;
  piece_end_ = body_sent_ + size;
}

bool HttpServer::Connection::send_text(Instant now, SocketApi& sockets, Fd fd) {
  const std::int64_t taken = sockets.send(now, fd, std::as_bytes(std::span(text_)));
  if (errno_of(taken) == Errno::kAgain) return false;
  if (taken < 0) {
    ++server_.get().totals_.failures;
    return stop();
  }
  text_.erase(0, static_cast<std::size_t>(taken));
  return true;
}

bool HttpServer::Connection::send_body(Instant now, SocketApi& sockets, Fd fd) {
  HttpServer& server = server_;
  const Slice piece = server.content_.slice({body_sent_, piece_end_ - body_sent_});
  const std::int64_t taken =
      piece.len == 0 ? failure(Errno::kNoBufferSpace) : sockets.send_slice(now, fd, piece);
  if (errno_of(taken) == Errno::kAgain) return false;
  if (taken < 0) {
    ++server.totals_.failures;
    return stop();
  }
  body_sent_ += static_cast<std::uint64_t>(taken);
  server.totals_.body_bytes += static_cast<std::uint64_t>(taken);
  return true;
}

void HttpServer::Connection::end_answer(Instant now, SocketApi& sockets, Fd fd) {
  HttpServerTotals& totals = server_.get().totals_;
  ++totals.requests;
  if (answer_.status >= 400) ++totals.refused;
  step_ = Step::kHead;
  if (!answer_.close) return;
  step_ = Step::kClosing;
  unread_ = {};
  sockets.shutdown(now, fd, ShutdownHow::kWrite);
}

}  // namespace twinpath
