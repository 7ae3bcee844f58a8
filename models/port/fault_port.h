// Faults without time: loses, corrupts, duplicates and reorders what passes a Port, each direction
// with its own process. For queues, rates and delays as well, see link_port.h.
#pragma once

#include <string_view>
#include <vector>

#include "models/port/decorator.h"
#include "models/port/fault.h"
#include "models/port/fifo.h"

namespace twinpath {

struct FaultPortConfig {
  FaultConfig transmit;
  FaultConfig receive;
};

class FaultPort final : public PortDecorator {
 public:
  // Frames of this name's stream (link_stream()); transmit is the direction away from end a.
  template <typename PortType>
  FaultPort(PortType& inner_port, const FaultPortConfig& config, const Rng& run,
            std::string_view name)
      : PortDecorator(inner_port),
        transmit_(config.transmit, link_stream(run, name, true)),
        receive_(config.receive, link_stream(run, name, false)) {}

  std::size_t rx_burst(std::span<BufPtr> out) override;
  std::size_t tx_burst(std::span<BufPtr> frames) override;
  // A frame may become two or complete held ones; those queue here, at most kQueueMax of them.
  [[nodiscard]] std::size_t tx_room() const override;
  [[nodiscard]] const FaultCounters& counters(Direction direction) const {
    return (direction == Direction::kTransmit ? transmit_ : receive_).counters();
  }

  static constexpr std::size_t kQueueMax = 1024;

 private:
  void on_turn() override;
  [[nodiscard]] Instant own_deadline() const override {
    return std::min(transmit_.next_deadline(), receive_.next_deadline());
  }
  void send_queued();
  void queue(Fifo<BufPtr>& target);

  FaultProcess transmit_;
  FaultProcess receive_;
  Fifo<BufPtr> to_send_{kQueueMax};
  Fifo<BufPtr> received_{kQueueMax};
  std::vector<BufPtr> passed_;  // scratch
};

}  // namespace twinpath
