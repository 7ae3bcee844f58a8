// Faults on what passes a Port.
#include "models/port/fault_port.h"

#include <algorithm>
#include <array>

#include "models/base/check.h"

namespace twinpath {
namespace {

// How many frames may pass a process towards `target`: each becomes two at most, and those held
// back come out once.
std::size_t frames_that_fit(const Fifo<BufPtr>& target) {
  const std::size_t room = target.room();
  return room < FaultProcess::kHeldMax ? 0 : (room - FaultProcess::kHeldMax) / 2;
}

}  // namespace

void FaultPort::on_turn() {
  if (to_send_.room() >= FaultProcess::kHeldMax) {
    transmit_.release(now(), passed_);
    queue(to_send_);
  }
  if (received_.room() >= FaultProcess::kHeldMax) {
    receive_.release(now(), passed_);
    queue(received_);
  }
  send_queued();
}

std::size_t FaultPort::rx_burst(std::span<BufPtr> out) {
  std::array<BufPtr, kBurst> frames;
  while (received_.size() < out.size()) {
    const std::size_t wanted = std::min(frames.size(), frames_that_fit(received_));
    const std::size_t count = inner().rx_burst(std::span(frames).first(wanted));
    for (std::size_t i = 0; i < count; ++i) receive_.pass(now(), std::move(frames[i]), passed_);
    queue(received_);
    if (count < frames.size()) break;
  }
  const std::size_t count = std::min(out.size(), received_.size());
  for (std::size_t i = 0; i < count; ++i) out[i] = received_.pop_front();
  return count;
}

std::size_t FaultPort::tx_room() const {
  return std::min(inner().tx_room(), frames_that_fit(to_send_));
}

std::size_t FaultPort::tx_burst(std::span<BufPtr> frames) {
  const std::size_t count = std::min(frames.size(), frames_that_fit(to_send_));
  for (std::size_t i = 0; i < count; ++i) transmit_.pass(now(), std::move(frames[i]), passed_);
  queue(to_send_);
  send_queued();
  return count;
}

void FaultPort::queue(Fifo<BufPtr>& target) {
  for (BufPtr& frame : passed_) target.push_back(std::move(frame));
  passed_.clear();
}

void FaultPort::send_queued() {
  std::array<BufPtr, kBurst> frames;
  while (!to_send_.empty()) {
    const std::size_t wanted = std::min({frames.size(), to_send_.size(), inner().tx_room()});
    if (wanted == 0) return;
    for (std::size_t i = 0; i < wanted; ++i) frames[i] = to_send_.pop_front();
    CHECK(inner().tx_burst(std::span(frames).first(wanted)) == wanted);
  }
}

}  // namespace twinpath
