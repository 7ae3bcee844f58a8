// A link as a box between two ports: what enters one side leaves the other as the link allows. It
// is a Host with the ports 0 (end a) and 1 (end b), so every driver that pumps a Host runs it: the
// fake network, the simulator, and `twinpath impair` between two live devices.
#pragma once

#include <array>
#include <string_view>

#include "models/base/host.h"
#include "models/port/link.h"

namespace twinpath {

struct LinkElementConfig {
  LinkConfig from_a;
  LinkConfig from_b;
};

class LinkElement final : public Host {
 public:
  static constexpr PortId kEndA = 0;
  static constexpr PortId kEndB = 1;

  // `run` is the run's generator and `name` the link's: together with the direction they fix every
  // fault.
  LinkElement(const LinkElementConfig& config, const Rng& run, std::string_view name)
      : directions_{LinkModel(config.from_a, link_stream(run, name, true)),
                    LinkModel(config.from_b, link_stream(run, name, false))} {}

  void on_rx(Instant now, PortId port, std::span<BufPtr> frames) override {
    for (BufPtr& frame : frames) directions_[port].offer(now, std::move(frame));
  }
  // Frames become due by the passing of time alone.
  void on_time(Instant) override {}
  std::size_t poll_tx(Instant now, PortId port, std::span<BufPtr> out) override {
    return directions_[1 - port].collect(now, out);
  }
  [[nodiscard]] Instant next_deadline() override {
    const Instant a = directions_[0].next_deadline();
    const Instant b = directions_[1].next_deadline();
    return a < b ? a : b;
  }
  // Ends the faults of both directions; rate, delay and queue stay.
  void heal() {
    for (LinkModel& direction : directions_) direction.heal();
  }
  // Of the direction away from end `port`.
  void set_drop_listener(PortId port, LinkDropListener* listener) {
    directions_[port].set_drop_listener(listener);
  }
  // The direction away from end `port`.
  [[nodiscard]] const LinkModel& direction_from(PortId port) const { return directions_[port]; }

 private:
  std::array<LinkModel, 2> directions_;
};

}  // namespace twinpath
