// One client of a proxy and the server it is asking. Bytes of either side wait in a Relay until the
// other takes them; while one is full its source is not read, so TCP's window holds the source
// back.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/app/app.h"
#include "models/app/http_message.h"
#include "models/app/sent_again.h"

namespace twinpath {

struct ProxyTotals {
  std::uint64_t requests = 0;         // answered by a server, wholly handed on
  std::uint64_t failures = 0;         // 502 and 400 answers, exchanges that broke
  std::uint64_t body_bytes = 0;       // of answers
  std::size_t waiting_bytes_max = 0;  // the most that ever waited in one relay
  std::uint64_t server_connections = 0;
  SentAgain sent{};       // by connections that ended
  std::string problem{};  // of the first failure, in words

  void fail(std::string why) {
    ++failures;
    if (problem.empty()) problem = std::move(why);
  }
};

// All of it outlives the session.
struct ProxyGround {
  SocketApi& sockets;
  Poller& poller;
  ProxyTotals& totals;
};

// Bytes on their way to one socket.
class Relay {
 public:
  // No more is read for it once this many wait; a message head may come on top.
  static constexpr std::size_t kWaitingBytesMax = 65536;

  void add(std::span<const std::byte> data) {
    waiting_.insert(waiting_.end(), data.begin(), data.end());
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  [[nodiscard]] std::span<const std::byte> waiting() const {
    return std::span(waiting_).subspan(begin_);
  }
  void drop_front(std::size_t count) {
    begin_ += count;
    if (begin_ == waiting_.size()) clear();
    if (begin_ < kWaitingBytesMax) return;
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  void clear() {
    waiting_.clear();
    begin_ = 0;
  }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] std::uint32_t room() const {
    const std::size_t have = waiting_.size() - begin_;
    return static_cast<std::uint32_t>(kWaitingBytesMax - std::min(have, kWaitingBytesMax));
  }

 private:
  std::vector<std::byte> waiting_;
  std::size_t begin_ = 0;
};

class ProxySession {
 public:
  // `id` is what events of its sockets carry. The client's socket is watched already.
  ProxySession(const ProxyGround& ground, std::uint64_t id, Fd client)
      : ground_(ground), id_(id), client_(client) {}
  ProxySession(const ProxySession&) = delete;
  ProxySession& operator=(const ProxySession&) = delete;

  void on_event(Instant now, const PollEvent& event);
  // Its sockets are closed.
  [[nodiscard]] bool is_over() const { return client_ == Fd::kNone; }
  // What its open connections sent.
  void add_to(SentAgain& sent) const;

 private:
  // kHead, kBody: of a request; kAnswer: the request is whole; kClosing: what is waiting is the
  // last.
  enum class Step : std::uint8_t { kHead, kBody, kAnswer, kClosing };

  void pump(Instant now);
  // Each true when it moved something, so that the others may go on.
  bool take_request(Instant now);
  bool take_answer(Instant now);
  bool to_server(Instant now);
  bool to_client(Instant now);

  void feed_request(Instant now);
  void begin_request(Instant now);
  void feed_answer(Instant now, std::span<const std::byte> data);
  bool take_answer_head(std::span<const std::byte>& data);
  void on_server_end(Instant now);
  void end_answer(Instant now);

  void connect(Instant now, const SocketAddress& server);
  void leave_server(Instant now);
  // The server did not answer: 502, or the end when an answer has begun.
  void server_failed(Instant now, const std::string& why);
  void refuse(Instant now, std::string_view status, const std::string& why);
  void end(Instant now);
  void abort(Instant now);

  ProxyGround ground_;
  std::uint64_t id_;
  Fd client_;
  Fd server_ = Fd::kNone;
  SocketAddress server_address_{};
  bool connected_ = false;
  Relay for_client_;
  Relay for_server_;

  Step step_ = Step::kHead;
  Slice unread_;  // behind what was understood so far
  HttpHeadReader request_;
  std::optional<HttpBodyReader> request_body_;
  bool head_only_ = false;     // the request is HEAD
  bool close_client_ = false;  // after this answer
  bool client_ended_ = false;  // it sends no more
  bool last_sent_ = false;     // kClosing: told the client that nothing follows

  HttpHeadReader answer_;
  std::optional<HttpBodyReader> answer_body_;
  bool close_server_ = false;
};

}  // namespace twinpath
