// Datagram applications. Each datagram begins with a 64-bit sequence number in network order; the
// rest is content (content.h) from offset 8 on.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "models/app/app.h"
#include "models/app/seen_numbers.h"
#include "models/base/field.h"
#include "models/base/histogram.h"

namespace twinpath {

inline constexpr std::uint32_t kDatagramHeaderBytes = 8;
inline constexpr Limits kDatagramLimits{.unit = "bytes", .min = kDatagramHeaderBytes, .max = 65507};

struct UdpBulkConfig {
  std::uint64_t rate_bps = 1000000;  // of payload
  std::uint32_t size_bytes = 1400;
  Duration duration{};      // 0: until `count`, or until the run stops
  std::uint64_t count = 0;  // 0: until `duration`
  std::uint16_t port = 5001;
  IpAddress to{};

  static constexpr auto fields() {
    using C = UdpBulkConfig;
    return std::tuple(Field{"rate_bps", "payload per second", &C::rate_bps,
                            Limits{.unit = "bit/s", .min = 1, .max = 1e13}},
                      Field{"size_bytes", "payload of a datagram", &C::size_bytes, kDatagramLimits},
                      Field{"duration_ns", "stop after this long; 0 = when the run stops",
                            &C::duration, Limits{.unit = "ns", .min = 0, .max = 1e15}},
                      Field{"count", "stop after this many; 0 = by duration_ns", &C::count},
                      Field{"port", "port of the sink", &C::port, Limits{.min = 1, .max = 65535}});
  }
};

// Datagrams at a constant rate.
class UdpBulk final : public App {
 public:
  UdpBulk(const UdpBulkConfig& config, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return done_; }
  void report(AppReport& report) const override;
  [[nodiscard]] std::optional<Offered> offered(Instant now) const override;
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  void on_tick(Instant now);
  void finish(Instant now);

  UdpBulkConfig config_;
  AppContext context_;
  Poller poller_;
  Timer tick_;
  Fd fd_ = Fd::kNone;
  Instant started_ = kNever;
  Instant last_{};
  Instant finished_ = kNever;
  std::uint64_t due_ = 0;  // datagrams whose time has come
  std::uint64_t sent_ = 0;
  std::uint64_t refused_ = 0;  // no room in the stack: not sent, as a socket would
  std::string problem_;
  bool done_ = false;
};

struct UdpSinkConfig {
  std::uint16_t port = 5001;
  static constexpr auto fields() {
    return std::tuple(
        Field{"port", "port to listen at", &UdpSinkConfig::port, Limits{.min = 1, .max = 65535}});
  }
};

class UdpSink final : public App {
 public:
  UdpSink(const UdpSinkConfig& config, const AppContext& context)
      : config_(config), context_(context), poller_(context.sockets, &context.ready) {}
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return false; }
  void report(AppReport& report) const override;
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] std::uint64_t verify_errors() const { return verify_errors_; }
  [[nodiscard]] std::uint64_t duplicates() const { return duplicates_; }

 private:
  static constexpr std::size_t kSendersMax = 4096;
  void take(Instant now, const Received& datagram);
  SeenNumbers* numbers_of(const SocketAddress& source);

  UdpSinkConfig config_;
  AppContext context_;
  Poller poller_;
  Fd fd_ = Fd::kNone;
  std::map<std::pair<IpAddress, std::uint16_t>, SeenNumbers> senders_;
  SocketAddress last_source_{};
  SeenNumbers* last_sender_ = nullptr;
  std::uint64_t received_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t verify_errors_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint64_t failures_ = 0;
  std::string problem_;
  Instant first_ = kNever;
  Instant last_{};
};

struct UdpEchoServerConfig {
  std::uint16_t port = 7;
  static constexpr auto fields() {
    return std::tuple(Field{"port", "port to listen at", &UdpEchoServerConfig::port,
                            Limits{.min = 1, .max = 65535}});
  }
};

// Sends every datagram back (RFC 862).
class UdpEchoServer final : public App {
 public:
  UdpEchoServer(const UdpEchoServerConfig& config, const AppContext& context)
      : config_(config), context_(context), poller_(context.sockets, &context.ready) {}
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return false; }
  void report(AppReport& report) const override;

 private:
  UdpEchoServerConfig config_;
  AppContext context_;
  Poller poller_;
  Fd fd_ = Fd::kNone;
  std::uint64_t answered_ = 0;
  std::uint64_t failures_ = 0;
  std::string problem_;
};

struct UdpEchoConfig {
  std::uint32_t size_bytes = 64;
  std::uint64_t count = 10;
  Duration interval = std::chrono::milliseconds(1);
  Duration patience = std::chrono::seconds(1);  // an answer later than this is lost
  std::uint16_t port = 7;
  IpAddress to{};

  static constexpr auto fields() {
    using C = UdpEchoConfig;
    return std::tuple(
        Field{"size_bytes", "payload of a datagram", &C::size_bytes, kDatagramLimits},
        Field{"count", "datagrams to send", &C::count, Limits{.min = 1, .max = 1e9}},
        Field{"interval_ns", "between two of them", &C::interval,
              Limits{.unit = "ns", .min = 1, .max = 1e15}},
        Field{"patience_ns", "how long to wait for the last answers", &C::patience,
              Limits{.unit = "ns", .min = 1, .max = 1e15}},
        Field{"port", "port of the server", &C::port, Limits{.min = 1, .max = 65535}});
  }
};

// Datagrams at an interval; times their way there and back.
class UdpEcho final : public App {
 public:
  UdpEcho(const UdpEchoConfig& config, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return done_; }
  void report(AppReport& report) const override;
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t answered() const { return latency_.count(); }
  [[nodiscard]] const Histogram& latency() const { return latency_; }

 private:
  void on_tick(Instant now);
  void finish(Instant now);

  UdpEchoConfig config_;
  AppContext context_;
  Poller poller_;
  Timer tick_;
  Fd fd_ = Fd::kNone;
  std::map<std::uint64_t, Instant> open_;  // sent, not answered; older than `patience` is dropped
  std::uint64_t sent_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t verify_errors_ = 0;
  std::string problem_;  // of the first failure
  Histogram latency_;
  bool done_ = false;
};

}  // namespace twinpath
