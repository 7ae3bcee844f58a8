// An HTTP/1.1 server whose every body is content (content.h): GET or HEAD /bytes/N or /N answers N
// bytes with a Content-Length, /chunked/N the same in chunks, / a line of text. Keep-alive and
// pipelining. Read RFC 9110 §9, §15 and RFC 9112 §9.
#pragma once

#include <tuple>

#include "models/app/app.h"
#include "models/app/content.h"
#include "models/app/http_message.h"
#include "models/app/server.h"
#include "models/base/field.h"

namespace twinpath {

struct HttpServerConfig {
  std::uint16_t port = 80;

  static constexpr auto fields() {
    return std::tuple(Field{"port", "port to listen at", &HttpServerConfig::port,
                            Limits{.min = 1, .max = 65535}});
  }
};

struct HttpServerTotals {
  std::uint64_t requests = 0;  // answered, errors included
  std::uint64_t refused = 0;   // answered with 4xx or 5xx
  std::uint64_t failures = 0;  // connections that broke
  std::uint64_t body_bytes = 0;
};

// What a request asks for, decided from its head alone.
struct HttpAnswer {
  unsigned status = 200;
  std::uint64_t body_bytes = 0;
  bool chunked = false;
  bool head_only = false;
  bool close = false;
  bool is_index = false;
};
HttpAnswer answer_to(const HttpHeadReader& request);

class HttpServer final : public App {
 public:
  HttpServer(const HttpServerConfig& config, const AppContext& context)
      : server_(context, config.port), content_(context.streams) {}
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override {
    return server_.accepted() > 0 && server_.connections() == 0;
  }
  void report(AppReport& report) const override;
  [[nodiscard]] const HttpServerTotals& totals() const { return totals_; }

 private:
  class Connection {
   public:
    explicit Connection(HttpServer& server) : server_(server) {}
    void on_ready(Instant now, SocketApi& sockets, Fd fd);
    [[nodiscard]] bool finished() const { return finished_; }

   private:
    enum class Step : std::uint8_t { kHead, kRequestBody, kAnswer, kClosing };
    // Each false when the socket has nothing more to give or take now.
    bool receive(Instant now, SocketApi& sockets, Fd fd);
    bool send(Instant now, SocketApi& sockets, Fd fd);
    bool send_text(Instant now, SocketApi& sockets, Fd fd);
    bool send_body(Instant now, SocketApi& sockets, Fd fd);
    void feed(std::span<const std::byte> data);
    void begin_answer();
    void next_chunk();
    void end_answer(Instant now, SocketApi& sockets, Fd fd);
    bool stop();

    std::reference_wrapper<HttpServer> server_;
    Step step_ = Step::kHead;
    HttpHeadReader head_;
    HttpBodyReader request_body_{HttpBodyFraming{}};
    Slice unread_;  // pipelined behind the request being answered
    HttpAnswer answer_;
    std::string text_;  // head, chunk sizes: what is not content
    std::uint64_t body_sent_ = 0;
    std::uint64_t piece_end_ = 0;  // of the body: send up to here, then text again
    bool last_text_ = false;       // nothing follows `text_`
    bool no_delay_ = false;
    bool finished_ = false;
  };

  StreamServer<Connection> server_;
  ContentSource content_;
  HttpServerTotals totals_;
  std::string problem_;
};

}  // namespace twinpath
