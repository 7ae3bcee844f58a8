// An application of one's own: datagrams at a fixed pace to a udp_echo_server, each answer timed.
// Everything it needs is handed in: sockets, timers, the time.
#include <cstring>

#include "models/native/app.h"

namespace {

using namespace std::chrono_literals;
using twinpath::AppContext;
using twinpath::AppReport;
using twinpath::Duration;
using twinpath::Errno;
using twinpath::Fd;
using twinpath::Field;
using twinpath::Instant;
using twinpath::Limits;

class Pinger final : public twinpath::App {
 public:
  struct Config {
    std::uint32_t count = 10;
    Duration interval = 1ms;
    twinpath::IpAddress to{};

    static constexpr auto fields() {
      return std::tuple(
          Field{"count", "datagrams to send", &Config::count, Limits{.min = 1, .max = 1e6}},
          Field{"interval", "between two of them", &Config::interval,
                Limits{.unit = "ns", .min = 1000, .max = 1e12}});
    }
  };

  Pinger(const Config& config, const AppContext& context)
      : config_(config),
        context_(context),
        poller_(context.sockets, &context.ready),
        pace_(this, [](void* self, Instant now) { static_cast<Pinger*>(self)->ping(now); }) {}

  void start(Instant now) override {
    fd_ = context_.sockets.socket(twinpath::SocketKind::kDatagram).fd;
    poller_.add(fd_, {twinpath::kPollIn, twinpath::Trigger::kEdge});
    ping(now);
  }

  void on_ready(Instant now) override {
    twinpath::PollEvent event;
    while (poller_.wait(std::span(&event, 1)) == 1) {
      while (context_.sockets.receive_slice(now, fd_, kPingBytes).result > 0) answered(now);
    }
  }

  [[nodiscard]] bool done() const override { return answers_ == config_.count; }

  void report(AppReport& report) const override {
    report.scalar(twinpath::metric::kDatagrams, answers_);
    report.histogram(twinpath::metric::kLatency, latency_);
  }

 private:
  static constexpr std::uint16_t kEchoPort = 7;
  static constexpr std::uint32_t kPingBytes = 32;

  void ping(Instant now) {
    const std::array<std::byte, kPingBytes> ping{};
    context_.sockets.send_to(now, fd_, {config_.to, kEchoPort}, ping);
    sent_at_ = now;
    if (++sent_ < config_.count) {
      context_.timers.arm(pace_, twinpath::after(now, config_.interval));
    }
  }
  void answered(Instant now) {
    ++answers_;
    latency_.add(static_cast<std::uint64_t>((now - sent_at_).count()));
  }

  Config config_;
  AppContext context_;
  twinpath::Poller poller_;
  twinpath::Timer pace_;
  Fd fd_ = Fd::kNone;
  Instant sent_at_{};
  std::uint32_t sent_ = 0;
  std::uint32_t answers_ = 0;
  twinpath::Histogram latency_;
};

}  // namespace

TWINPATH_APP(Pinger)
