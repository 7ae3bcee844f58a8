// One turn pumps every port: frames of all ports first, in port order, then timers, then output.
#include "models/base/host_stage.h"

#include <algorithm>

namespace twinpath {

bool StagePort::ready() {
  if (begin_ < end_) return true;
  begin_ = 0;
  end_ = port_.rx_burst(ahead_);
  return end_ > 0 || (starved_ && room() > 0);
}

std::size_t StagePort::rx_burst(std::span<BufPtr> out) {
  static_cast<void>(ready());
  const std::size_t count = std::min(out.size(), end_ - begin_);
  std::move(ahead_.begin() + static_cast<std::ptrdiff_t>(begin_),
            ahead_.begin() + static_cast<std::ptrdiff_t>(begin_ + count), out.begin());
  begin_ += count;
  taken_ += count;
  return count;
}

std::size_t StagePort::room() const {
  const std::size_t below = port_.tx_room();
  return below > leaving_.size() ? below - leaving_.size() : 0;
}

std::size_t StagePort::tx_room() const {
  const std::size_t left = room();
  starved_ = left == 0;
  return left;
}

std::size_t StagePort::tx_burst(std::span<BufPtr> frames) {
  const std::size_t count = std::min(frames.size(), room());
  for (BufPtr& frame : frames.first(count)) leaving_.push_back(std::move(frame));
  if (count > 0) outbox_->touch(*this);
  return count;
}

bool StagePort::publish() {
  const std::size_t sent = port_.tx_burst(leaving_);
  leaving_.erase(leaving_.begin(), leaving_.begin() + static_cast<std::ptrdiff_t>(sent));
  return leaving_.empty();
}

HostStage::HostStage(std::string name, Host& host, std::span<Port* const> ports,
                     ContractId contract)
    : name_(std::move(name)), host_(host), contract_(contract) {
  for (Port* port : ports) ports_.emplace_back(*port);
  for (StagePort& port : ports_) {
    inputs_.push_back(&port);
    pumped_.push_back(&port);
  }
}

Work HostStage::run(Turn& turn) {
  for (StagePort& port : ports_) port.begin_turn(turn.outbox);
  const PumpWork work = pump_all(host_, pumped_, turn.now, turn.budget);
  Probe probe;
  probe.pcv[kPcvFrames] = static_cast<std::uint32_t>(work.received + work.sent);
  turn.ledger.add(contract_, probe);
  const bool more =
      std::any_of(inputs_.begin(), inputs_.end(), [](Input* input) { return input->ready(); });
  return {static_cast<std::uint32_t>(work.received), more};
}

}  // namespace twinpath
