// A Host as a Stage: its ports are the inputs, pump() is the turn.
#pragma once

#include <array>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "models/base/host.h"
#include "models/base/outbox.h"
#include "models/base/port.h"
#include "models/base/stage.h"

namespace twinpath {

// A port as its Stage sees it. It can be asked whether frames wait: it takes a burst ahead and
// hands that out first. What is sent waits for the outbox, so that it leaves when the turn's price
// is paid. Having refused frames for want of room, it is ready again once there is room.
class StagePort final : public Port, public Input, public RingEnd {
 public:
  explicit StagePort(Port& port) : port_(port) {}
  // Requires: before every turn.
  void begin_turn(Outbox& outbox) {
    outbox_ = &outbox;
    starved_ = false;
  }

  [[nodiscard]] bool ready() override;
  [[nodiscard]] std::uint64_t taken() const override { return taken_; }
  [[nodiscard]] PortCaps caps() const override { return port_.caps(); }
  std::size_t rx_burst(std::span<BufPtr> out) override;
  std::size_t tx_burst(std::span<BufPtr> frames) override;
  [[nodiscard]] std::size_t tx_room() const override;
  bool publish() override;

 private:
  [[nodiscard]] std::size_t room() const;

  Port& port_;
  Outbox* outbox_ = nullptr;
  std::array<BufPtr, kBurst> ahead_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t taken_ = 0;
  mutable bool starved_ = false;  // the last answer of tx_room() in this turn was "none"
  std::vector<BufPtr> leaving_;   // at most what the port had room for
};

class HostStage final : public Stage {
 public:
  // Contract row of a turn: frames and timers are what a host's work is made of.
  static constexpr std::size_t kPcvFrames = 0;

  // `ports[i]` becomes PortId i. Requires: host and ports outlive the stage.
  HostStage(std::string name, Host& host, std::span<Port* const> ports, ContractId contract);

  [[nodiscard]] std::string_view name() const override { return name_; }
  Work run(Turn& turn) override;
  [[nodiscard]] Instant next_deadline() override { return host_.next_deadline(); }
  [[nodiscard]] std::span<Input* const> inputs() override { return inputs_; }

 private:
  std::string name_;
  Host& host_;
  std::deque<StagePort> ports_;
  std::vector<Input*> inputs_;
  std::vector<Port*> pumped_;
  ContractId contract_;
};

}  // namespace twinpath
