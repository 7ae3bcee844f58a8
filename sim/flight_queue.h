// Frames on their way, in order of arrival; those of one instant in order of sending.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "models/base/packet_buf.h"
#include "models/base/time.h"

namespace twinpath::sim {

class FlightQueue {
 public:
  // Nearly always at the end: only jitter and reordering overtake.
  void push(Instant at, BufPtr frame) {
    if (count_ == ring_.size()) grow();
    std::size_t index = count_++;
    for (; index > 0 && slot(index - 1).at > at; --index) {
      slot(index) = std::move(slot(index - 1));
    }
    slot(index) = {at, std::move(frame)};
  }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] Instant next() const { return count_ == 0 ? kNever : ring_[first_].at; }
  // Requires: size() > 0.
  BufPtr pop() {
    CHECK(count_ > 0);
    BufPtr frame = std::move(ring_[first_].frame);
    first_ = (first_ + 1) & (ring_.size() - 1);
    --count_;
    return frame;
  }

 private:
  struct Flying {
    Instant at{};
    BufPtr frame;
  };
  Flying& slot(std::size_t index) { return ring_[(first_ + index) & (ring_.size() - 1)]; }
  void grow() {
    constexpr std::size_t kFirstSlots = 16;
    std::vector<Flying> bigger(ring_.empty() ? kFirstSlots : ring_.size() * 2);
    for (std::size_t index = 0; index < count_; ++index) bigger[index] = std::move(slot(index));
    ring_ = std::move(bigger);
    first_ = 0;
  }

  std::vector<Flying> ring_;  // a power of two; as many as the link ever had in flight
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace twinpath::sim
