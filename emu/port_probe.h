// What is measured of a test-bed's ports before experiments trust them: where a cable ends, whether
// full frames pass, latency floor, loopback capacity, and whether the far end answers. Only tagged
// frames of an experimental ethertype (IEEE 802 local experimental 1) and ARP probes are sent.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "emu/clock.h"
#include "emu/clocked.h"
#include "models/base/histogram.h"
#include "models/base/port.h"
#include "models/wire/address.h"

namespace twinpath::emu {

struct ProbedPort {
  Port* port;
  Clocked* clocked;  // told the time before each burst
  BufPool* pool;
  MacAddress mac;
};

// Frames of one port seen at another.
struct CableSeen {
  std::size_t from;
  std::size_t to;
  std::uint32_t small = 0;  // of kTags each
  std::uint32_t full = 0;   // of the MTU
};

// Ports by their place in the list.
struct ProbePath {
  std::size_t from;
  std::size_t to;
};

struct ProbeCapacity {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  Duration took{};  // until nothing more arrived
};

class PortProbe {
 public:
  static constexpr std::uint32_t kTags = 20;             // frames of each size out of each port
  static constexpr std::uint32_t kSmallFrameBytes = 60;  // without the check sequence
  static constexpr std::uint32_t kRoundsMax = 2000;      // of a latency measurement
  static constexpr Duration kAnswerWait = std::chrono::milliseconds(50);
  static constexpr Duration kRoundWait = std::chrono::milliseconds(5);

  PortProbe(Clock& clock, std::vector<ProbedPort> ports)
      : clock_(clock), ports_(std::move(ports)), strangers_(ports_.size()) {}

  // Every pair where a tagged frame arrived, itself included (a loop).
  std::vector<CableSeen> find_cables();
  // One frame at a time, from before it is sent until it is received, ns.
  Histogram latency(ProbePath path);
  // As many small frames as both ends take in `trial`.
  ProbeCapacity capacity(ProbePath path, Duration trial);
  // Who answers for an address; nothing when nobody does.
  std::optional<MacAddress> ask(std::size_t port, Ipv4Address address);
  // Frames that were not ours, per port: somebody else's traffic.
  [[nodiscard]] std::span<const std::uint64_t> strangers() const { return strangers_; }

 private:
  struct Tag;

  bool send(std::size_t from, const Tag& tag, std::uint32_t frame_bytes);
  bool send_frame(std::size_t from, BufPtr frame);
  BufPtr tagged(std::size_t from, const Tag& tag, std::uint32_t frame_bytes);
  template <typename OnTag>
  std::size_t receive(std::size_t at, OnTag&& on_tag);
  void collect(std::vector<CableSeen>& seen);
  std::optional<MacAddress> answer(std::size_t port, Ipv4Address address);
  Instant advance(std::size_t port);

  Clock& clock_;
  std::vector<ProbedPort> ports_;
  std::vector<std::uint64_t> strangers_;
};

}  // namespace twinpath::emu
