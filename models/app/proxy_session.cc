// One exchange after the other. Heads are rewritten (hop-by-hop fields are this hop's own matter,
// RFC 9110 §7.6.1), bodies pass as they are, chunks and all.
#include "models/app/proxy_session.h"

#include <array>
#include <utility>

namespace twinpath {

namespace {

constexpr std::uint16_t kHttpPort = 80;

struct Target {
  SocketAddress server;
  std::string path;
};

// "198.18.1.2" or, in brackets, an IPv6 address (RFC 3986 §3.2.2).
std::optional<IpAddress> parse_host(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') {
    const auto v4 = Ipv4Address::parse(text);
    return v4 ? std::optional(IpAddress(*v4)) : std::nullopt;
  }
  const auto v6 = Ipv6Address::parse(text.substr(1, text.size() - 2));
  return v6 ? std::optional(IpAddress(*v6)) : std::nullopt;
}

// "http://198.18.1.2:8000/x": this proxy resolves no names.
std::optional<Target> parse_target(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.substr(0, kScheme.size()) != kScheme) return std::nullopt;
  target.remove_prefix(kScheme.size());
  const std::size_t slash = std::min(target.find('/'), target.size());
  std::string_view authority = target.substr(0, slash);
  std::uint64_t port = kHttpPort;
  const std::size_t bracket = authority.find(']');
  const std::size_t host_end = bracket == std::string_view::npos ? 0 : bracket;
  if (const std::size_t colon = authority.find(':', host_end); colon != std::string_view::npos) {
    const auto given = parse_decimal(authority.substr(colon + 1));
    if (!given || *given == 0 || *given > 0xffff) return std::nullopt;
    port = *given;
    authority = authority.substr(0, colon);
  }
  const auto address = parse_host(authority);
  if (!address) return std::nullopt;
  std::string path(target.substr(slash));
  return Target{{*address, static_cast<std::uint16_t>(port)}, path.empty() ? "/" : path};
}

bool is_hop_by_hop(const HttpHead& head, const std::string& name) {
  constexpr std::array<std::string_view, 6> kNames = {
      "connection", "proxy-connection", "keep-alive", "te", "upgrade", "proxy-authorization"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         head.has_token("connection", name);
}

std::string fields_of(const HttpHead& head) {
  std::string text;
  for (const HttpField& field : head.fields) {
    if (!is_hop_by_hop(head, field.name)) text += field.name + ": " + field.value + "\r\n";
  }
  return text + "Via: 1.1 twinpath\r\n";
}

bool wants_close(const HttpHead& head, std::string_view version) {
  return version == "HTTP/1.0" ? !head.has_token("connection", "keep-alive")
                               : head.has_token("connection", "close");
}

bool has_body(unsigned status, bool head_only) {
  return !head_only && status >= 200 && status != 204 && status != 304;
}

}  // namespace

void ProxySession::on_event(Instant now, const PollEvent& event) {
  if (event.fd == server_ && (event.events & kPollError) != 0) {
    const auto error = ground_.sockets.get_option(server_, SocketOption::kError).value;
    server_failed(now, std::string(symbol(static_cast<Errno>(error))));
  } else if (event.fd == server_ && (event.events & kPollOut) != 0) {
    connected_ = true;
  }
  pump(now);
}

// Every socket call that may be made, until none goes on: no event is needed to know what is left.
void ProxySession::pump(Instant now) {
  for (bool moved = true; moved;) {
    moved = take_request(now);
    moved = to_server(now) || moved;
    moved = take_answer(now) || moved;
    moved = to_client(now) || moved;
  }
}

bool ProxySession::take_request(Instant now) {
  if (is_over() || step_ == Step::kAnswer || client_ended_ || for_server_.room() == 0) return false;
  if (unread_.len == 0) {
    Received piece = ground_.sockets.receive_slice(now, client_, for_server_.room());
    if (errno_of(piece.result) == Errno::kAgain) return false;
    if (piece.result <= 0) {
      const bool between = step_ == Step::kHead && request_.is_empty();
      client_ended_ = step_ == Step::kClosing || (piece.result == 0 && between);
      if (client_ended_) return true;  // what waits for it goes out first
      ground_.totals.fail("the client went away");
      abort(now);
      return false;
    }
    unread_ = std::move(piece.data);
  }
  feed_request(now);
  return true;
}

void ProxySession::feed_request(Instant now) {
  while (unread_.len > 0 && (step_ == Step::kHead || step_ == Step::kBody)) {
    const auto bytes = unread_.bytes();
    if (step_ == Step::kHead) {
      const std::size_t used = request_.take(bytes);
      unread_.drop_front(static_cast<std::uint32_t>(used));
      if (request_.state() != HttpHeadReader::State::kReading) begin_request(now);
      continue;
    }
    const std::size_t used = request_body_->take(bytes, [](std::span<const std::byte>) {});
    for_server_.add(bytes.first(used));
    unread_.drop_front(static_cast<std::uint32_t>(used));
    if (request_body_->malformed()) return refuse(now, "400 Bad Request", "a malformed chunk");
    if (request_body_->complete()) step_ = Step::kAnswer;
  }
  // What follows the last request is read and thrown away (RFC 9112 §9.6).
  if (step_ == Step::kClosing) unread_ = {};
}

void ProxySession::begin_request(Instant now) {
  answer_.reset();
  answer_body_.reset();
  close_server_ = close_client_ = false;
  if (request_.state() != HttpHeadReader::State::kComplete) {
    return refuse(now, "400 Bad Request", "a malformed request");
  }
  const HttpHead& head = request_.head();
  const auto line = parse_request_line(head.start_line);
  const auto framing = request_framing(head);
  const auto target = line ? parse_target(line->target) : std::nullopt;
  if (!target || !framing || line->version.substr(0, 7) != "HTTP/1.") {
    return refuse(now, "400 Bad Request", "a request for no http://ADDRESS[:PORT]/...");
  }
  close_client_ = wants_close(head, line->version);
  head_only_ = line->method == "HEAD";
  for_server_.add(std::string(line->method) + " " + target->path + " HTTP/1.1\r\n" +
                  fields_of(head) + "\r\n");
  request_body_.emplace(*framing);
  step_ = request_body_->complete() ? Step::kAnswer : Step::kBody;
  if (server_ == Fd::kNone || server_address_ != target->server) connect(now, target->server);
}

void ProxySession::connect(Instant now, const SocketAddress& server) {
  leave_server(now);
  const FdResult made = ground_.sockets.socket(SocketKind::kStream);
  if (made.error != Errno::kNone) {
    return server_failed(now, "socket: " + std::string(symbol(made.error)));
  }
  server_ = made.fd;
  server_address_ = server;
  ++ground_.totals.server_connections;
  ground_.sockets.set_option(now, server_, SocketOption::kNoDelay, 1);
  ground_.poller.add(server_, {kBothWays, Trigger::kEdge, id_});
  const Errno error = ground_.sockets.connect(now, server_, server);
  if (error != Errno::kInProgress) server_failed(now, "connect: " + std::string(symbol(error)));
}

bool ProxySession::to_server(Instant now) {
  if (!connected_ || for_server_.empty()) return false;
  const std::int64_t taken = ground_.sockets.send(now, server_, for_server_.waiting());
  if (errno_of(taken) == Errno::kAgain) return false;
  if (taken < 0) {
    server_failed(now, "send: " + std::string(symbol(errno_of(taken))));
  } else {
    for_server_.drop_front(static_cast<std::size_t>(taken));
  }
  return true;
}

bool ProxySession::take_answer(Instant now) {
  if (!connected_ || for_client_.room() == 0) return false;
  const Received piece = ground_.sockets.receive_slice(now, server_, for_client_.room());
  if (errno_of(piece.result) == Errno::kAgain) return false;
  if (piece.result < 0) {
    server_failed(now, "receive: " + std::string(symbol(errno_of(piece.result))));
  } else if (piece.result == 0) {
    on_server_end(now);
  } else {
    feed_answer(now, piece.data.bytes());
  }
  return true;
}

void ProxySession::feed_answer(Instant now, std::span<const std::byte> data) {
  const bool asked = step_ == Step::kBody || step_ == Step::kAnswer;
  if (!asked) return leave_server(now);  // bytes nobody asked for
  while (!data.empty()) {
    if (!answer_body_) {
      if (!take_answer_head(data)) return server_failed(now, "a malformed answer");
      if (!answer_body_) continue;
    }
    const std::size_t used = answer_body_->take(data, [this](std::span<const std::byte> body) {
      ground_.totals.body_bytes += body.size();
    });
    for_client_.add(data.first(used));
    data = data.subspan(used);
    if (answer_body_->malformed()) return server_failed(now, "a malformed chunk");
    if (!answer_body_->complete()) continue;
    close_server_ = close_server_ || !data.empty();
    return end_answer(now);
  }
}

// False when it cannot be used. Leaves `answer_body_` empty while the head is not the final one.
bool ProxySession::take_answer_head(std::span<const std::byte>& data) {
  data = data.subspan(answer_.take(data));
  if (answer_.state() == HttpHeadReader::State::kReading) return true;
  if (answer_.state() != HttpHeadReader::State::kComplete) return false;
  const HttpHead& head = answer_.head();
  const auto status = parse_status_line(head.start_line);
  if (!status) return false;
  const auto framing = response_framing(head, has_body(status->status, head_only_));
  if (!framing || status->status == 101) return false;
  std::string text = "HTTP/1.1" + head.start_line.substr(8) + "\r\n" + fields_of(head);
  if (status->status < 200) {  // more heads follow
    for_client_.add(text + "\r\n");
    answer_.reset();
    return true;
  }
  const bool until_close = framing->kind == HttpBodyFraming::Kind::kUntilClose;
  close_server_ = until_close || wants_close(head, status->version);
  close_client_ = close_client_ || until_close;
  for_client_.add(text + (close_client_ ? "Connection: close\r\n\r\n" : "\r\n"));
  answer_body_.emplace(*framing);
  return true;
}

void ProxySession::on_server_end(Instant now) {
  if (step_ != Step::kBody && step_ != Step::kAnswer) return leave_server(now);
  if (answer_body_) answer_body_->on_close();
  if (!answer_body_ || !answer_body_->complete()) {
    return server_failed(now, "closed before the end of its answer");
  }
  end_answer(now);
}

void ProxySession::end_answer(Instant now) {
  ++ground_.totals.requests;
  // An answer before the whole request: what is left of that has nowhere to go.
  const bool early = step_ == Step::kBody || !for_server_.empty();
  if (close_server_ || early) leave_server(now);
  for_server_.clear();
  request_.reset();
  step_ = close_client_ || early ? Step::kClosing : Step::kHead;
  if (step_ == Step::kClosing) leave_server(now);
}

bool ProxySession::to_client(Instant now) {
  std::size_t& most = ground_.totals.waiting_bytes_max;
  most = std::max({most, for_client_.waiting().size(), for_server_.waiting().size()});
  if (is_over()) return false;
  if (for_client_.empty()) {
    if (client_ended_) {
      end(now);
    } else if (step_ == Step::kClosing && !std::exchange(last_sent_, true)) {
      ground_.sockets.shutdown(now, client_, ShutdownHow::kWrite);
    }
    return false;
  }
  const std::int64_t taken = ground_.sockets.send(now, client_, for_client_.waiting());
  if (errno_of(taken) == Errno::kAgain) return false;
  if (taken < 0) {
    ground_.totals.fail("the client went away");
    abort(now);
  } else {
    for_client_.drop_front(static_cast<std::size_t>(taken));
  }
  return true;
}

void ProxySession::leave_server(Instant now) {
  connected_ = false;
  if (server_ == Fd::kNone) return;
  ground_.totals.sent.add(ground_.sockets.tcp_info(server_));
  ground_.sockets.close(now, std::exchange(server_, Fd::kNone));
}

void ProxySession::server_failed(Instant now, const std::string& why) {
  leave_server(now);
  if (step_ != Step::kBody && step_ != Step::kAnswer) return;  // it was idle
  const std::string words = "server " + server_address_.address.to_string() + ": " + why;
  if (!answer_body_) return refuse(now, "502 Bad Gateway", words);
  ground_.totals.fail(words);
  abort(now);
}

// The client's connection goes on after a 502 to a whole request; whatever else is refused ends it.
void ProxySession::refuse(Instant now, std::string_view status, const std::string& why) {
  ground_.totals.fail(why);
  const bool goes_on = step_ == Step::kAnswer && !close_client_;
  leave_server(now);
  for_server_.clear();
  std::string text = "HTTP/1.1 ";
  text += status;
  text += "\r\nContent-Length: 0\r\n";
  text += goes_on ? "\r\n" : "Connection: close\r\n\r\n";
  for_client_.add(text);
  request_.reset();
  step_ = goes_on ? Step::kHead : Step::kClosing;
}

void ProxySession::end(Instant now) {
  leave_server(now);
  ground_.totals.sent.add(ground_.sockets.tcp_info(client_));
  ground_.sockets.close(now, std::exchange(client_, Fd::kNone));
}

void ProxySession::add_to(SentAgain& sent) const {
  for (const Fd fd : {client_, server_}) {
    if (fd != Fd::kNone) sent.add(ground_.sockets.tcp_info(fd));
  }
}

// A reset, so that a client which reads until the end does not take a part for the whole.
void ProxySession::abort(Instant now) {
  if (client_ == Fd::kNone) return;
  ground_.sockets.set_option(now, client_, SocketOption::kLinger, 0);
  end(now);
}

}  // namespace twinpath
