// A learning Ethernet switch as a Host (IEEE 802.1Q §8.7, §8.8): remembers behind which port a
// source lives, forwards what it knows, floods what it does not. Queues and rates are the links'.
#pragma once

#include <cstdint>
#include <deque>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "models/base/field.h"
#include "models/base/host.h"
#include "models/wire/address.h"

namespace twinpath {

struct SwitchConfig {
  std::uint32_t ports = 2;
  std::uint32_t addresses_max = 8192;  // learned; beyond that, unknown ones are flooded
  std::uint32_t queue_frames = 4096;   // per port, waiting for room at it

  static constexpr auto fields() {
    return std::tuple(
        Field{"ports", "how many", &SwitchConfig::ports, Limits{.min = 1, .max = 1024}},
        Field{"addresses_max", "addresses learned; later ones are flooded",
              &SwitchConfig::addresses_max, Limits{.min = 1, .max = 1 << 20}},
        Field{"queue_frames", "frames waiting for room at a port; more are dropped and counted",
              &SwitchConfig::queue_frames, Limits{.unit = "frames", .min = 1, .max = 1 << 20}});
  }
};

struct SwitchCounters {
  std::uint64_t forwarded = 0;
  std::uint64_t flooded = 0;            // frames whose target was unknown or a group
  std::uint64_t filtered = 0;           // already on the right side
  std::uint64_t dropped_short = 0;      // no Ethernet header
  std::uint64_t dropped_full = 0;       // more than queue_frames
  std::uint64_t dropped_no_buffer = 0;  // copies of a flood the pool had no buffer for
};

class SwitchHost final : public Host {
 public:
  // `pool` gives the copies of flooded frames and outlives this. Requires: validate_fields(config)
  // finds nothing.
  SwitchHost(const SwitchConfig& config, BufPool& pool)
      : config_(config), pool_(pool), queues_(config.ports) {}

  void on_rx(Instant now, PortId port, std::span<BufPtr> frames) override;
  void on_time(Instant) override {}
  std::size_t poll_tx(Instant now, PortId port, std::span<BufPtr> out) override;
  [[nodiscard]] Instant next_deadline() override { return kNever; }
  [[nodiscard]] const SwitchCounters& counters() const { return counters_; }

 private:
  void learn(MacAddress source, PortId port);
  void flood(PortId from, BufPtr frame);
  void enqueue(PortId port, BufPtr frame);

  SwitchConfig config_;
  BufPool& pool_;
  std::vector<std::deque<BufPtr>> queues_;
  std::unordered_map<std::uint64_t, PortId> table_;  // looked up, never walked
  SwitchCounters counters_;
};

}  // namespace twinpath
