// A deterministic network without ns-3 and without DPDK: hosts joined by links, one virtual clock.
// Most protocol tests, the swarm and the first leg of the twin test run on it. After Fuchsia
// netstack3's fake network (step bounded, idle detected) and smoltcp's netsim test.
//
//   FakeNetwork network(seed);
//   const auto client = network.add("client", client_host);
//   const auto server = network.add("server", server_host);
//   network.join("wire", {client, 0}, {server, 0}, link);
//   EXPECT_EQ(network.run_until([&] { return done; }), RunEnd::kMet);
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/base/host.h"
#include "models/base/rng.h"
#include "models/port/fingerprint.h"
#include "models/port/link_element.h"

namespace twinpath {

using FakeHostId = std::size_t;
using FakeLinkId = std::size_t;

struct FakeEnd {
  FakeHostId host = 0;
  PortId port = 0;
};

// A frame at the instant a host gets or gives it.
struct SeenFrame {
  Instant at;
  FakeEnd end;
  Direction direction;
  std::span<const std::byte> bytes;
};

enum class RunEnd {
  kMet,   // the condition came true
  kIdle,  // nothing under way, no timer, nothing scheduled: it never will
  kTime,  // the time limit
  kSteps  // the step limit
};

struct RunLimits {
  Instant until = kNever;
  std::uint64_t steps_max = 10'000'000;
};

class FakeNetwork {
 public:
  explicit FakeNetwork(std::uint64_t seed) : rng_(seed) {}
  FakeNetwork(const FakeNetwork&) = delete;
  FakeNetwork& operator=(const FakeNetwork&) = delete;
  ~FakeNetwork();

  // Requires: `host` and the pools of its frames outlive this network, or it is removed.
  FakeHostId add(std::string_view name, Host& host);
  // Frames to a removed host vanish.
  void remove(FakeHostId id) { hosts_[id].host = nullptr; }
  // Requires: neither end is joined yet.
  FakeLinkId join(std::string_view name, FakeEnd a, FakeEnd b, const LinkConfig& both_ways);
  FakeLinkId join(std::string_view name, FakeEnd a, FakeEnd b, const LinkElementConfig& config);
  // A link that is down loses what is offered to it; what was under way arrives.
  void set_up(FakeLinkId link, bool is_up) { links_[link].is_up = is_up; }
  void heal(FakeLinkId link) { links_[link].element->heal(); }
  [[nodiscard]] const LinkElement& link(FakeLinkId id) const { return *links_[id].element; }
  [[nodiscard]] std::uint64_t lost_while_down(FakeLinkId id) const { return links_[id].lost; }

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Rng rng(std::string_view consumer) const { return rng_.fork(consumer); }
  // Runs `call` at `when`; calls of one instant run in the order they were scheduled, before frames
  // and timers. Requires: when >= now().
  void at(Instant when, std::function<void()> call);
  void in(Duration delay, std::function<void()> call) { at(after(now_, delay), std::move(call)); }
  // Hears every frame every host receives or sends.
  void watch(std::function<void(const SeenFrame&)> watcher) { watcher_ = std::move(watcher); }

  // Handles everything of the next instant at which something happens: calls, then frames (gathered
  // per host, handed over in port order), then timers, then what hosts send. Frames and timers this
  // makes due at the same instant wait for the next step. False when idle.
  bool step();
  // Requires: the condition changes only by what happens in the network.
  RunEnd run_until(const std::function<bool()>& condition, const RunLimits& limits = {});
  RunEnd run_until(Instant when) {
    return run_until([] { return false; }, {.until = when});
  }
  RunEnd run_for(Duration time) { return run_until(after(now_, time)); }

  // The earliest instant at which something happens; kNever when idle. What hosts have to send that
  // nobody asked for yet counts as now.
  [[nodiscard]] Instant next_instant();

  // Over every port that was joined; comparable with the simulator's for the same frames.
  [[nodiscard]] std::uint64_t fingerprint() const;
  [[nodiscard]] std::uint64_t frames_received() const { return frames_received_; }

 private:
  struct Joined {
    PortId port = 0;
    FakeLinkId link = 0;
    PortId side = 0;  // LinkElement::kEndA or kEndB
    FrameChain received;
    FrameChain sent;
  };
  struct HostEntry {
    std::string name;
    Host* host = nullptr;
    std::vector<Joined> ports;  // by port number
  };
  struct LinkEntry {
    std::unique_ptr<LinkElement> element;
    bool is_up = true;
    std::uint64_t lost = 0;
  };

  void advance(Instant next);
  void attach(FakeEnd end, FakeLinkId link, PortId side);
  void run_calls();
  void receive(FakeHostId id);
  void send_all();
  bool send(FakeHostId id, Joined& joined);
  void see(FakeHostId id, Joined& joined, Direction direction, std::span<BufPtr> frames);

  Rng rng_;
  Instant now_ = kStart;
  Instant last_step_ = Instant::min();
  std::uint64_t steps_at_instant_ = 0;
  std::vector<HostEntry> hosts_;
  std::vector<LinkEntry> links_;
  std::multimap<Instant, std::function<void()>> calls_;  // equal keys keep their order
  std::function<void(const SeenFrame&)> watcher_;
  std::uint64_t frames_received_ = 0;
};

}  // namespace twinpath
