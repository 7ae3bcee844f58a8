// A link in front of a Port: frames sent wait, get lost and travel before the device sees them, and
// frames received before the host does. This is how a scenario's link is realised where there is no
// simulator in between: on the lcore that owns the port, with no second poller.
#pragma once

#include <string_view>

#include "models/port/decorator.h"
#include "models/port/fifo.h"
#include "models/port/link_element.h"

namespace twinpath {

class LinkPort final : public PortDecorator {
 public:
  // End a is the host, end b the device: config.from_a applies to what the host sends.
  template <typename PortType>
  LinkPort(PortType& inner_port, const LinkElementConfig& config, const Rng& run,
           std::string_view name)
      : PortDecorator(inner_port), link_(config, run, name) {}

  std::size_t rx_burst(std::span<BufPtr> out) override;
  // Takes everything: a full queue drops and counts, as drop-tail does.
  std::size_t tx_burst(std::span<BufPtr> frames) override;
  [[nodiscard]] std::size_t tx_room() const override { return kBurst; }
  [[nodiscard]] const LinkElement& link() const { return link_; }

 private:
  void on_turn() override { send_due(); }
  // Frames that only wait for room at the device are no deadline.
  [[nodiscard]] Instant own_deadline() const override;
  void send_due();

  LinkElement link_;
};

}  // namespace twinpath
