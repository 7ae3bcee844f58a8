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
  // With host_end kEndA, config.from_a applies to what the host sends; with kEndB, to what it
  // receives, so that a link's directions stay what they are whichever end is ours.
  template <typename PortType>
  LinkPort(PortType& inner_port, const LinkElementConfig& config, const Rng& run,
           std::string_view name, PortId host_end = LinkElement::kEndA)
      : PortDecorator(inner_port), link_(config, run, name), host_end_(host_end) {}

  std::size_t rx_burst(std::span<BufPtr> out) override;
  // Takes everything: a full queue drops and counts, as drop-tail does.
  std::size_t tx_burst(std::span<BufPtr> frames) override;
  [[nodiscard]] std::size_t tx_room() const override { return kBurst; }
  [[nodiscard]] const LinkElement& link() const { return link_; }
  [[nodiscard]] LinkElement& link() { return link_; }

 private:
  void on_turn() override { send_due(); }
  // Frames that only wait for room at the device are no deadline.
  [[nodiscard]] Instant own_deadline() const override;
  void send_due();

  [[nodiscard]] PortId device_end() const { return static_cast<PortId>(1 - host_end_); }

  LinkElement link_;
  PortId host_end_;
};

}  // namespace twinpath
