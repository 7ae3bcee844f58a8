// A network card as far as software can tell: receive-side scaling over an indirection table, one
// bounded ring of descriptors per queue and direction, a drop counted where a ring is full.
// Modelled cores get their frames through it in the simulator, and real ones on virtual devices
// that have no RSS of their own.
//
// One thread: a driver with several lcores gives each its own device queue or puts rings between.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/base/port.h"
#include "models/port/fifo.h"
#include "models/port/toeplitz.h"

namespace twinpath {

struct NicConfig {
  std::uint16_t queues = 1;
  std::uint32_t rx_descriptors = 1024;  // per queue
  std::uint32_t tx_descriptors = 1024;
  std::uint32_t mtu_bytes = 1500;
  RssKey rss_key = kStandardRssKey;

  static constexpr auto fields() {
    constexpr Limits kRing{.unit = "descriptors", .min = 1, .max = 65536};
    return std::tuple(
        Field{"queues", "pairs of receive and transmit queues", &NicConfig::queues,
              Limits{.unit = "queues", .min = 1, .max = 128}},
        Field{"rx_descriptors", "depth of each receive ring", &NicConfig::rx_descriptors, kRing},
        Field{"tx_descriptors", "depth of each transmit ring", &NicConfig::tx_descriptors, kRing},
        Field{"mtu_bytes", "longest IP packet", &NicConfig::mtu_bytes,
              Limits{.unit = "B", .min = 68, .max = 65535}});
  }
};

struct NicQueueCounters {
  std::uint64_t received = 0;
  std::uint64_t missed = 0;  // no free descriptor: the name network cards give it
  std::uint64_t sent = 0;
};

class NicQueue;

class Nic {
 public:
  static constexpr std::size_t kIndirectionEntries = 128;

  // Requires: validate_fields(config) finds nothing.
  explicit Nic(const NicConfig& config = NicConfig());
  ~Nic();

  // What the software of one core drives.
  [[nodiscard]] Port& queue(std::size_t index);
  [[nodiscard]] const NicQueueCounters& counters(std::size_t index) const;

  // A frame arrives from the wire: hashed (flow_hash is set), steered, queued, or dropped and
  // counted. Returns the queue it went to, or would have.
  std::size_t deliver(BufPtr frame);
  // Takes frames off the transmit rings for the wire, one of each queue in turn.
  std::size_t transmit(std::span<BufPtr> out);
  // Frames waiting in transmit rings.
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

  // Entry `hash % kIndirectionEntries` names the queue; at first they go round. Requires: every
  // entry is a queue.
  void set_indirection(const std::array<std::uint16_t, kIndirectionEntries>& table);
  [[nodiscard]] std::size_t queue_of(std::uint32_t hash) const {
    return indirection_[hash % kIndirectionEntries];
  }

 private:
  friend class NicQueue;

  NicConfig config_;
  ToeplitzHash hash_;
  std::array<std::uint16_t, kIndirectionEntries> indirection_{};
  std::vector<std::unique_ptr<NicQueue>> queues_;
  std::size_t next_queue_ = 0;  // whose turn it is to send
  std::size_t waiting_ = 0;
};

}  // namespace twinpath
