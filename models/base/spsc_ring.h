// A single-producer single-consumer ring over memory that may be shared with a peer nobody trusts.
// The produced index, the consumed index and the slots lie in areas of their own (separate pages
// between processes, separate cache lines within one). Each side acts on its private index only
// and reads the peer's as a hint: an index that could not be true cuts the peer off for good.
//
// Pushes and pops become visible by publish(), once per turn: one store for a whole batch.
// `Atomics` is a policy so that a checker of interleavings can stand in for std::atomic.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "models/base/check.h"

namespace twinpath {

struct StdAtomics {
  template <typename T>
  using Atomic = std::atomic<T>;
  template <typename T>
  using Cell = T;  // a slot, written by one side and then read by the other
  template <typename T>
  static void write(Cell<T>& cell, T&& value) {
    cell = std::move(value);
  }
  template <typename T>
  static T read(Cell<T>& cell) {
    return std::move(cell);
  }
  static constexpr std::memory_order kPublish = std::memory_order_release;
  static constexpr std::memory_order kObserve = std::memory_order_acquire;
};

// Where a ring lives. Requires: slots.size() is a power of two; both indices start equal.
template <typename T, typename Atomics = StdAtomics>
struct RingSpan {
  typename Atomics::template Atomic<std::uint64_t>* produced = nullptr;
  typename Atomics::template Atomic<std::uint64_t>* consumed = nullptr;
  std::span<typename Atomics::template Cell<T>> slots;
};

template <typename T, typename Atomics = StdAtomics>
class RingProducer {
 public:
  explicit RingProducer(const RingSpan<T, Atomics>& ring)
      : ring_(ring), mask_(ring.slots.size() - 1) {
    CHECK(!ring.slots.empty() && (ring.slots.size() & mask_) == 0);
  }

  // Slots free, as far as the consumer has published; 0 once the peer is cut off.
  [[nodiscard]] std::size_t room() {
    if (cut_off_) return 0;
    const std::uint64_t consumed = ring_.consumed->load(Atomics::kObserve);
    // True values lie between what was seen before and what this side has published.
    if (consumed - consumed_ > published_ - consumed_) {
      cut_off_ = true;
      return 0;
    }
    consumed_ = consumed;
    return ring_.slots.size() - static_cast<std::size_t>(produced_ - consumed_);
  }

  // Requires: room() gave at least one more than was pushed since.
  void push(T value) {
    CHECK(produced_ - consumed_ < ring_.slots.size());
    Atomics::template write<T>(ring_.slots[produced_ & mask_], std::move(value));
    ++produced_;
  }

  // Makes the pushes visible; returns how many.
  std::size_t publish() {
    const auto count = static_cast<std::size_t>(produced_ - published_);
    if (count > 0) ring_.produced->store(produced_, Atomics::kPublish);
    published_ = produced_;
    return count;
  }
  [[nodiscard]] bool cut_off() const { return cut_off_; }

 private:
  RingSpan<T, Atomics> ring_;
  std::uint64_t mask_;
  std::uint64_t produced_ = 0;   // private truth
  std::uint64_t published_ = 0;  // what the peer may know
  std::uint64_t consumed_ = 0;   // last believable report of the peer
  bool cut_off_ = false;
};

template <typename T, typename Atomics = StdAtomics>
class RingConsumer {
 public:
  explicit RingConsumer(const RingSpan<T, Atomics>& ring)
      : ring_(ring), mask_(ring.slots.size() - 1) {
    CHECK(!ring.slots.empty() && (ring.slots.size() & mask_) == 0);
  }

  // Items waiting; 0 once the peer is cut off.
  [[nodiscard]] std::size_t available() {
    if (cut_off_) return 0;
    const std::uint64_t produced = ring_.produced->load(Atomics::kObserve);
    // At most a ring's worth beyond what was released, and never backwards.
    if (produced - published_ > ring_.slots.size() ||
        produced - published_ < produced_ - published_) {
      cut_off_ = true;
      return 0;
    }
    produced_ = produced;
    return static_cast<std::size_t>(produced_ - consumed_);
  }

  // Requires: available() gave at least one more than was popped since.
  T pop() {
    CHECK(consumed_ < produced_);
    T value = Atomics::template read<T>(ring_.slots[consumed_ & mask_]);
    ++consumed_;
    return value;
  }

  // Gives the popped slots back; returns how many.
  std::size_t publish() {
    const auto count = static_cast<std::size_t>(consumed_ - published_);
    if (count > 0) ring_.consumed->store(consumed_, Atomics::kPublish);
    published_ = consumed_;
    return count;
  }
  [[nodiscard]] bool cut_off() const { return cut_off_; }

 private:
  RingSpan<T, Atomics> ring_;
  std::uint64_t mask_;
  std::uint64_t consumed_ = 0;
  std::uint64_t published_ = 0;
  std::uint64_t produced_ = 0;
  bool cut_off_ = false;
};

}  // namespace twinpath
