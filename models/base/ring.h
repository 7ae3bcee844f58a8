// A ring between two Stages of one process: an SPSC ring whose two ends publish through their
// Stage's outbox. A blocking ring that is full keeps the items with the sender, whose Stage then
// waits; a lossy one drops at publication and counts.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/outbox.h"
#include "models/base/spsc_ring.h"
#include "models/base/stage.h"

namespace twinpath {

enum class RingPolicy : std::uint8_t { kBlocking, kLossy };

// The sending end. Items wait here until the outbox publishes.
template <typename T>
class Outlet final : public RingEnd {
 public:
  Outlet(const RingSpan<T>& ring, RingPolicy policy) : producer_(ring), policy_(policy) {}
  void set_waker(Waker* waker) { waker_ = waker; }

  void push(Outbox& outbox, T item) {
    staged_.push_back(std::move(item));
    outbox.touch(*this);
  }
  // What a careful sender may still push in this turn without being blocked or dropped.
  [[nodiscard]] std::size_t room() {
    const std::size_t free = producer_.room();
    return free > staged_.size() ? free - staged_.size() : 0;
  }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  bool publish() override {
    const std::size_t count = std::min(producer_.room(), staged_.size());
    for (std::size_t index = 0; index < count; ++index) producer_.push(std::move(staged_[index]));
    if (policy_ == RingPolicy::kLossy) {
      dropped_ += staged_.size() - count;
      staged_.clear();
    } else {
      staged_.erase(staged_.begin(), staged_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    if (producer_.publish() > 0 && waker_ != nullptr) waker_->wake();
    return staged_.empty();
  }

 private:
  RingProducer<T> producer_;
  std::vector<T> staged_;  // bounded by what one turn's budget can produce
  RingPolicy policy_;
  std::uint64_t dropped_ = 0;
  Waker* waker_ = nullptr;
};

// The receiving end: an Input of its Stage.
template <typename T>
class Inlet final : public RingEnd, public Input {
 public:
  explicit Inlet(const RingSpan<T>& ring) : consumer_(ring) {}
  void set_waker(Waker* waker) { waker_ = waker; }

  [[nodiscard]] bool ready() override { return consumer_.available() > 0; }
  [[nodiscard]] std::uint64_t taken() const override { return taken_; }
  [[nodiscard]] std::size_t available() { return consumer_.available(); }
  // Requires: available() > 0. The slot becomes free for the sender when the outbox publishes.
  T pop(Outbox& outbox) {
    outbox.touch(*this);
    ++taken_;
    return consumer_.pop();
  }
  bool publish() override {
    if (consumer_.publish() > 0 && waker_ != nullptr) waker_->wake();
    return true;
  }

 private:
  RingConsumer<T> consumer_;
  Waker* waker_ = nullptr;
  std::uint64_t taken_ = 0;
};

// Memory and both ends. The sending Stage holds outlet(), the receiving one inlet().
template <typename T>
class Ring {
 public:
  // Requires: slots is a power of two.
  explicit Ring(std::size_t slots, RingPolicy policy = RingPolicy::kBlocking)
      : slots_(std::make_unique<T[]>(slots)),
        outlet_(span_of(slots), policy),
        inlet_(span_of(slots)) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  [[nodiscard]] Outlet<T>& outlet() { return outlet_; }
  [[nodiscard]] Inlet<T>& inlet() { return inlet_; }

 private:
  RingSpan<T> span_of(std::size_t slots) {
    return {&produced_, &consumed_, std::span<T>(slots_.get(), slots)};
  }
  alignas(64) std::atomic<std::uint64_t> produced_{0};
  alignas(64) std::atomic<std::uint64_t> consumed_{0};
  alignas(64) std::unique_ptr<T[]> slots_;
  alignas(64) Outlet<T> outlet_;  // the sender's lines
  alignas(64) Inlet<T> inlet_;    // the receiver's
};

}  // namespace twinpath
