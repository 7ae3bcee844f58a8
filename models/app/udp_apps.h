// Datagram applications: the sink of udp_bulk.h, and echo with both its ends.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "models/app/app.h"
#include "models/app/datagram.h"
#include "models/app/seen_numbers.h"
#include "models/base/field.h"
#include "models/base/histogram.h"

namespace twinpath {

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
