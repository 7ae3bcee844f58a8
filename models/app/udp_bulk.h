// Datagrams by a clock of the application's own, whatever comes back. See udp_apps.h for their
// content and who receives them.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "models/app/app.h"
#include "models/app/arrivals.h"
#include "models/app/datagram.h"
#include "models/base/field.h"

namespace twinpath {

struct UdpBulkConfig {
  std::uint64_t rate_bps = 1000000;  // of payload
  std::uint32_t size_bytes = 1400;
  Duration duration{};      // 0: until `count`, or until the run stops
  std::uint64_t count = 0;  // 0: until `duration`
  ArrivalKind arrivals = ArrivalKind::kCbr;
  std::string gaps{};   // of a trace: ns before each datagram but the very first, again and again
  std::string sizes{};  // instead of size_bytes, again and again; empty: none
  std::uint16_t port = 5001;
  IpAddress to{};

  static constexpr auto fields() {
    using C = UdpBulkConfig;
    return std::tuple(
        Field{"rate_bps", "payload per second", &C::rate_bps,
              Limits{.unit = "bit/s", .min = 1, .max = 1e13}},
        Field{"size_bytes", "payload of a datagram", &C::size_bytes, kDatagramLimits},
        Field{"duration_ns", "stop after this long; 0 = when the run stops", &C::duration,
              Limits{.unit = "ns", .min = 0, .max = 1e15}},
        Field{"count", "stop after this many; 0 = by duration_ns", &C::count},
        Field{"arrivals", "when datagrams leave", &C::arrivals, Limits{.choices = kArrivalNames}},
        Field{"gaps", "of a trace: ns before each datagram", &C::gaps},
        Field{"sizes", "payloads in turn, instead of size_bytes", &C::sizes},
        Field{"port", "port of the sink", &C::port, Limits{.min = 1, .max = 65535}});
  }
};

std::vector<Problem> validate(const UdpBulkConfig& config);

// Datagrams at a rate, evenly or at random, or at the times of a trace.
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
  // Where its clock stands. From the start, not from the last datagram: rounding must not change
  // the rate.
  struct Clock {
    std::uint64_t due = 0;        // datagrams whose time has come
    std::uint64_t due_bytes = 0;  // of those
    std::uint64_t offset_ps = 0;  // from the start to the next; not of kCbr
    Rng rng;
  };
  void on_tick(Instant now);
  void finish(Instant now);
  [[nodiscard]] std::uint32_t size_of(std::uint64_t number) const;
  [[nodiscard]] Duration advance(Clock& clock) const;
  [[nodiscard]] std::uint64_t asked_by(Duration elapsed) const;

  UdpBulkConfig config_;
  NumberCycle gaps_;
  NumberCycle sizes_;
  AppContext context_;
  Poller poller_;
  Timer tick_;
  Clock clock_;
  Fd fd_ = Fd::kNone;
  Instant started_ = kNever;
  Instant next_{};
  Instant last_{};
  Instant finished_ = kNever;
  std::uint64_t sent_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t refused_ = 0;  // no room in the stack: not sent, as a socket would
  std::string problem_;
  bool done_ = false;
};

}  // namespace twinpath
