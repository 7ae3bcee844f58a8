// The smallest Host with a clock in it: answers every Ethernet frame with the same frame, addresses
// swapped, after a fixed delay. It proves a driver (order, time, buffers coming home) before any
// protocol runs on it, and its trace is what the twin test compares first.
#pragma once

#include <cstdint>
#include <deque>
#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/base/host.h"

namespace twinpath {

struct EchoConfig {
  Duration delay{};                   // from receipt to answer
  std::uint32_t queue_frames = 1024;  // held at once, over all ports

  static constexpr auto fields() {
    return std::tuple(
        Field{"delay", "from receipt of a frame to its answer", &EchoConfig::delay,
              Limits{.unit = "ns", .min = 0, .max = 1e12}},
        Field{"queue_frames", "frames held at once, over all ports; more are dropped and counted",
              &EchoConfig::queue_frames, Limits{.unit = "frames", .min = 1, .max = 1 << 20}});
  }
};

struct EchoCounters {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t dropped_full = 0;   // more than queue_frames
  std::uint64_t dropped_short = 0;  // no Ethernet header to answer to
};

class EchoHost final : public Host {
 public:
  explicit EchoHost(const EchoConfig& config = EchoConfig()) : config_(config) {}

  void on_rx(Instant now, PortId port, std::span<BufPtr> frames) override;
  void on_time(Instant now) override;
  std::size_t poll_tx(Instant now, PortId port, std::span<BufPtr> out) override;
  [[nodiscard]] Instant next_deadline() override {
    return waiting_.empty() ? kNever : waiting_.front().due;
  }
  [[nodiscard]] const EchoCounters& counters() const { return counters_; }

 private:
  struct Waiting {
    Instant due;
    PortId port;
    BufPtr frame;
  };
  void accept(Instant now, PortId port, BufPtr frame);

  EchoConfig config_;
  EchoCounters counters_;
  std::deque<Waiting> waiting_;            // in order of receipt, which one delay makes that of due
  std::vector<std::deque<BufPtr>> ready_;  // per port, waiting only for room
  std::uint32_t held_ = 0;                 // waiting and ready
};

}  // namespace twinpath
