// Requests and answers over TCP. A request of `request_bytes` begins with two 32-bit numbers in
// network order, the request's own length and the length of the answer it wants; the rest, and the
// whole answer, is content (content.h).
#pragma once

#include <deque>
#include <string>
#include <tuple>

#include "models/app/app.h"
#include "models/app/arrivals.h"
#include "models/app/content.h"
#include "models/app/server.h"
#include "models/base/field.h"
#include "models/base/histogram.h"

namespace twinpath {

inline constexpr std::uint32_t kRequestHeaderBytes = 8;
inline constexpr Limits kAnswerLimits{.unit = "bytes", .min = 1, .max = 4e9};

struct EchoServerConfig {
  std::uint16_t port = 7;

  static constexpr auto fields() {
    return std::tuple(Field{"port", "port to listen at", &EchoServerConfig::port,
                            Limits{.min = 1, .max = 65535}});
  }
};

// Answers every request with as many bytes as it asks for.
class EchoServer final : public App {
 public:
  EchoServer(const EchoServerConfig& config, const AppContext& context)
      : server_(context, config.port), content_(context.streams) {}
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override {
    return server_.accepted() > 0 && server_.connections() == 0;
  }
  void report(AppReport& report) const override;
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

 private:
  class Connection {
   public:
    explicit Connection(EchoServer& server) : server_(server) {}
    void on_ready(Instant now, SocketApi& sockets, Fd fd);
    [[nodiscard]] bool finished() const { return finished_; }

   private:
    // False: nothing more to be had now.
    bool receive(Instant now, SocketApi& sockets, Fd fd);
    bool answer(Instant now, SocketApi& sockets, Fd fd);
    void take(std::span<const std::byte> data);

    std::reference_wrapper<EchoServer> server_;
    std::array<std::byte, kRequestHeaderBytes> header_{};
    std::uint32_t header_have_ = 0;
    std::uint32_t request_left_ = 0;  // behind the header
    std::uint32_t response_left_ = 0;
    std::uint32_t response_sent_ = 0;
    bool answering_ = false;
    bool finished_ = false;
  };

  StreamServer<Connection> server_;
  ContentSource content_;
  std::uint64_t requests_ = 0;
  std::uint64_t failures_ = 0;
  std::string problem_;
};

struct RequestResponseConfig {
  std::uint32_t request_bytes = 64;
  std::uint32_t response_bytes = 1000;
  Duration think{};
  std::uint32_t connections = 1;
  std::uint64_t requests = 0;                    // all connections together; 0: until the run stops
  std::uint32_t per_connection = 0;              // then a new connection is opened; 0: never
  double rate_per_s = 0;                         // 0: closed loop
  ArrivalKind arrivals = ArrivalKind::kPoisson;  // open loop
  std::string gaps{};   // of a trace: ns before each request but the very first, again and again
  std::string sizes{};  // instead of response_bytes, again and again; empty: none
  std::uint16_t port = 7;
  IpAddress to{};

  static constexpr auto fields() {
    using C = RequestResponseConfig;
    return std::tuple(
        Field{"request_bytes", "length of a request, its header included", &C::request_bytes,
              Limits{.unit = "bytes", .min = kRequestHeaderBytes, .max = 1e9}},
        Field{"response_bytes", "length of an answer", &C::response_bytes, kAnswerLimits},
        Field{"think_ns", "closed loop: from an answer to the next request", &C::think,
              Limits{.unit = "ns", .min = 0, .max = 1e15}},
        Field{"connections", "connections at once", &C::connections,
              Limits{.min = 1, .max = 65536}},
        Field{"requests", "requests to complete, over all connections; 0 = until the run stops",
              &C::requests},
        Field{"per_connection", "requests before a connection is replaced; 0 = never",
              &C::per_connection},
        Field{"rate_per_s", "open loop: requests per second; 0 = closed loop", &C::rate_per_s,
              Limits{.unit = "1/s", .min = 0, .max = 1e9}},
        Field{"arrivals", "open loop: when requests come", &C::arrivals,
              Limits{.choices = kArrivalNames}},
        Field{"gaps", "of a trace: ns before each request", &C::gaps},
        Field{"sizes", "lengths of answers in turn, instead of response_bytes", &C::sizes},
        Field{"port", "port of the server", &C::port, Limits{.min = 1, .max = 65535}});
  }
};

std::vector<Problem> validate(const RequestResponseConfig& config);

// Closed loop: each connection sends, waits for the answer, thinks. Open loop: requests come by a
// clock of their own whatever the answers do, wait for a free connection, and their latency counts
// from when they came.
class RequestResponse final : public App {
 public:
  RequestResponse(const RequestResponseConfig& config, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override;
  void report(AppReport& report) const override;

  // Open loop: a request that found no room to wait was not made.
  [[nodiscard]] std::optional<Offered> offered(Instant now) const override;
  [[nodiscard]] std::uint64_t completed() const { return completed_; }
  [[nodiscard]] std::uint64_t failures() const { return failures_; }
  [[nodiscard]] std::uint64_t verify_errors() const { return verify_errors_; }
  [[nodiscard]] const Histogram& latency() const { return latency_; }

 private:
  static constexpr std::size_t kWaitingMax = 1 << 20;  // open loop: requests without a connection
  struct Connection {
    Connection(RequestResponse& of, std::size_t number);
    RequestResponse& owner;
    std::size_t index;
    Timer think;
    Fd fd = Fd::kNone;
    bool connected = false;
    bool busy = false;  // a request is out
    std::uint32_t served = 0;
    std::uint32_t response_bytes = 0;
    std::uint32_t sent = 0;
    std::uint64_t received = 0;
    bool wrong = false;
    Instant asked{};
  };

  void open(Instant now, Connection& connection);
  void on_event(Instant now, Connection& connection, std::uint32_t events);
  void ready_for_request(Instant now, Connection& connection);
  void begin(Instant now, Connection& connection, Instant asked);
  void send_request(Instant now, Connection& connection);
  void receive(Instant now, Connection& connection);
  void complete(Instant now, Connection& connection);
  void fail(Instant now, Connection& connection, std::string_view why);
  void close(Instant now, Connection& connection);
  void close_all(Instant now);
  void on_arrival(Instant now);
  void arm_arrival();
  Duration next_gap();
  [[nodiscard]] bool may_begin() const;

  RequestResponseConfig config_;
  AppContext context_;
  Rng rng_;
  Poller poller_;
  ContentSource content_;
  std::deque<Connection> connections_;
  Timer arrival_;
  Instant arrives_ = kNever;  // open loop: the next one
  NumberCycle gaps_;
  NumberCycle sizes_;
  std::uint64_t arrived_ = 0;  // open loop: requests whose time has come
  std::uint64_t asked_ = 0;    // requests given to a connection
  std::uint64_t turned_away_ = 0;
  std::deque<Instant> waiting_;  // open loop: when they came
  std::size_t open_ = 0;         // connections with a socket
  std::uint64_t begun_ = 0;
  std::uint64_t completed_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t verify_errors_ = 0;
  std::string problem_;  // of the first failure
  Histogram latency_;
  Instant started_ = kNever;
  Instant last_{};
};

}  // namespace twinpath
