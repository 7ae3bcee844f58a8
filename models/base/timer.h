// Timers of one host or stage behind one deadline. A Timer lives in its owner and is in the heap at
// most once, so memory is bounded by owners and there are no stale entries: re-arming moves it.
// Timers due at one instant fire in the order they were armed (deadline, sequence).
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/time.h"

namespace twinpath {

class TimerQueue;

// Where a timer stands in the order of its queue.
struct TimerPlace {
  Instant deadline = kNever;  // kNever: not armed
  std::uint64_t sequence = 0;
};

class Timer {
 public:
  using Fire = void (*)(void* owner, Instant now);

  // `fire` is called with `owner` when the timer is due.
  Timer(void* owner, Fire fire) : owner_(owner), fire_(fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer();

  [[nodiscard]] bool armed() const { return queue_ != nullptr; }
  // kNever when not armed.
  [[nodiscard]] Instant deadline() const { return armed() ? deadline_ : kNever; }
  [[nodiscard]] TimerPlace place() const {
    return armed() ? TimerPlace{deadline_, sequence_} : TimerPlace();
  }

 private:
  friend class TimerQueue;
  Instant deadline_{};
  std::uint64_t sequence_ = 0;
  std::size_t slot_ = 0;
  TimerQueue* queue_ = nullptr;
  void* owner_;
  Fire fire_;
};

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue();

  // Replaces an earlier deadline of this timer.
  void arm(Timer& timer, Instant deadline);
  // Takes the place another timer gave up, so that who fires first at one instant does not change.
  // A place of another queue may be behind everything here; then this is arm(). Requires: `timer`
  // is not armed, place.deadline is not kNever.
  void resume(Timer& timer, const TimerPlace& place);
  // Harmless when not armed.
  void cancel(Timer& timer);
  [[nodiscard]] Instant next_deadline() const {
    return heap_.empty() ? kNever : heap_.front().deadline;
  }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

  // Fires what is due. A timer armed while firing waits for the next call, so that one call is
  // bounded even if a timer re-arms itself at `now`; what is due behind one re-armed into the past
  // waits with it, and next_deadline() says so.
  void expire(Instant now);

 private:
  // Deadline and sequence beside the pointer: comparing touches no timer's cache line.
  struct Entry {
    Instant deadline;
    std::uint64_t sequence;
    Timer* timer;
    bool before(const Entry& other) const {
      return deadline != other.deadline ? deadline < other.deadline : sequence < other.sequence;
    }
  };
  void place(std::size_t slot, const Entry& entry);
  void sift_up(std::size_t slot, const Entry& entry);
  void sift_down(std::size_t slot, const Entry& entry);
  void remove_at(std::size_t slot);

  std::vector<Entry> heap_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace twinpath
