// A checker of interleavings for lock-free code of two threads. The code under test runs on
// ordinary stack frames, one shared access per step; a Chooser decides who steps next and which
// value a load sees, and either walks through every decision or draws them at random.
//
// The memory is weaker than sequential consistency: every atomic location keeps all values ever
// stored, a load may return any that its thread is not forced past, and only an acquire that reads
// a release carries knowledge across. So store buffers and stale reads happen, which x86 would
// hide. Plain cells are checked for data races by vector clocks (Flanagan, Freund: FastTrack, PLDI
// 2009).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "models/base/check.h"
#include "models/base/rng.h"

namespace twinpath {

class Chooser {
 public:
  // Every sequence of decisions, one per round of do { ... } while (chooser.next()).
  Chooser() = default;
  // Random sequences; next() says yes for ever.
  explicit Chooser(const Rng& rng) : rng_(rng) {}

  // Requires: options > 0.
  std::size_t pick(std::size_t options) {
    if (rng_) return static_cast<std::size_t>(rng_->below(options));
    if (position_ == path_.size()) path_.push_back({0, options});
    return path_[position_++].picked;
  }
  bool next() {
    ++paths_;
    position_ = 0;
    if (rng_) return true;
    while (!path_.empty() && path_.back().picked + 1 == path_.back().options) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().picked;
    return true;
  }
  [[nodiscard]] std::uint64_t paths() const { return paths_; }

 private:
  struct Decision {
    std::size_t picked;
    std::size_t options;
  };
  std::optional<Rng> rng_;
  std::vector<Decision> path_;
  std::size_t position_ = 0;
  std::uint64_t paths_ = 0;
};

class WeakMemory {
 public:
  static constexpr std::size_t kThreads = 2;
  static constexpr std::size_t kLocationsMax = 4;

  explicit WeakMemory(Chooser& chooser) : chooser_(chooser) {}

  // Who performs the accesses that follow.
  void run_as(std::size_t thread) { running_ = thread; }
  // True once two accesses to a cell, one of them a write, were not ordered.
  [[nodiscard]] bool raced() const { return raced_; }

  std::size_t add_location(std::uint64_t value) {
    CHECK(histories_.size() < kLocationsMax);
    histories_.push_back({Message{value, {}}});
    return histories_.size() - 1;
  }

  std::uint64_t load(std::size_t location, std::memory_order order) {
    Knowledge& mine = tick();
    const auto& history = histories_[location];
    const std::size_t oldest = mine.seen[location];
    const std::size_t index = oldest + chooser_.pick(history.size() - oldest);
    mine.seen[location] = index;
    if (order == std::memory_order_acquire) mine.join(history[index].released);
    return history[index].value;
  }

  void store(std::size_t location, std::uint64_t value, std::memory_order order) {
    Knowledge& mine = tick();
    auto& history = histories_[location];
    mine.seen[location] = history.size();
    history.push_back({value, order == std::memory_order_release ? mine : Knowledge{}});
  }

  // When each thread last touched a plain cell.
  struct CellHistory {
    std::array<std::uint32_t, kThreads> written{};
    std::array<std::uint32_t, kThreads> read{};
  };
  void write_cell(CellHistory& cell) {
    const Knowledge& mine = tick();
    if (!knows(mine, cell.written) || !knows(mine, cell.read)) raced_ = true;
    cell.written[running_] = mine.clock[running_];
  }
  void read_cell(CellHistory& cell) {
    const Knowledge& mine = tick();
    if (!knows(mine, cell.written)) raced_ = true;
    cell.read[running_] = mine.clock[running_];
  }

 private:
  struct Knowledge {
    std::array<std::uint32_t, kThreads> clock{};    // of each thread's steps, known to be past
    std::array<std::size_t, kLocationsMax> seen{};  // per location, the oldest value still readable
    void join(const Knowledge& other) {
      for (std::size_t i = 0; i < kThreads; ++i) clock[i] = std::max(clock[i], other.clock[i]);
      for (std::size_t i = 0; i < kLocationsMax; ++i) seen[i] = std::max(seen[i], other.seen[i]);
    }
  };
  struct Message {
    std::uint64_t value;
    Knowledge released;  // what an acquire of this value learns
  };

  Knowledge& tick() {
    ++threads_[running_].clock[running_];
    return threads_[running_];
  }
  static bool knows(const Knowledge& mine, const std::array<std::uint32_t, kThreads>& times) {
    return mine.clock[0] >= times[0] && mine.clock[1] >= times[1];
  }

  Chooser& chooser_;
  std::size_t running_ = 0;
  bool raced_ = false;
  std::array<Knowledge, kThreads> threads_{};
  std::deque<std::vector<Message>> histories_;
};

// Stands in for std::atomic<std::uint64_t>.
class WeakAtomic {
 public:
  WeakAtomic(WeakMemory& memory, std::uint64_t value)
      : memory_(memory), location_(memory.add_location(value)) {}
  [[nodiscard]] std::uint64_t load(std::memory_order order) const {
    return memory_.load(location_, order);
  }
  void store(std::uint64_t value, std::memory_order order) {
    memory_.store(location_, value, order);
  }

 private:
  WeakMemory& memory_;
  std::size_t location_;
};

// Stands in for a plain variable.
template <typename T>
struct WeakCell {
  WeakMemory* memory = nullptr;
  T value{};
  WeakMemory::CellHistory history{};
};

struct Orders {
  std::memory_order publish = std::memory_order_release;
  std::memory_order observe = std::memory_order_acquire;
};

// The policy of the SPSC ring, with the orders of one side open to mutation.
template <Orders orders>
struct WeakAtomics {
  template <typename T>
  using Atomic = WeakAtomic;
  template <typename T>
  using Cell = WeakCell<T>;
  template <typename T>
  static void write(Cell<T>& cell, T&& value) {
    cell.memory->write_cell(cell.history);
    cell.value = std::move(value);
  }
  template <typename T>
  static T read(Cell<T>& cell) {
    cell.memory->read_cell(cell.history);
    return std::move(cell.value);
  }
  static constexpr std::memory_order kPublish = orders.publish;
  static constexpr std::memory_order kObserve = orders.observe;
};

}  // namespace twinpath
