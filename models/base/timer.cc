// A four-ary heap with back-pointers: shallower than a binary one, and children share a cache line.
#include "models/base/timer.h"

#include <algorithm>

#include "models/base/check.h"
#include "models/base/sparse_vector.h"

namespace twinpath {

namespace {
constexpr std::size_t kArity = 4;
}

Timer::~Timer() {
  if (queue_ != nullptr) queue_->cancel(*this);
}

TimerQueue::~TimerQueue() {
  for (const Entry& entry : heap_) entry.timer->queue_ = nullptr;
}

void TimerQueue::arm(Timer& timer, Instant deadline) {
  CHECK(timer.queue_ == nullptr || timer.queue_ == this);
  const Entry entry{deadline, next_sequence_++, &timer};
  timer.deadline_ = deadline;
  timer.sequence_ = entry.sequence;
  if (timer.queue_ == nullptr) {
    timer.queue_ = this;
    heap_.push_back(entry);
    sift_up(heap_.size() - 1, entry);
    return;
  }
  const std::size_t slot = timer.slot_;
  if (entry.before(heap_[slot])) {
    sift_up(slot, entry);
  } else {
    sift_down(slot, entry);
  }
}

void TimerQueue::resume(Timer& timer, const TimerPlace& place) {
  CHECK(timer.queue_ == nullptr && place.deadline != kNever);
  if (place.sequence >= next_sequence_) return arm(timer, place.deadline);
  const Entry entry{place.deadline, place.sequence, &timer};
  timer.deadline_ = entry.deadline;
  timer.sequence_ = entry.sequence;
  timer.queue_ = this;
  heap_.push_back(entry);
  sift_up(heap_.size() - 1, entry);
}

void TimerQueue::cancel(Timer& timer) {
  if (timer.queue_ == nullptr) return;
  CHECK(timer.queue_ == this);
  remove_at(timer.slot_);
}

void TimerQueue::expire(Instant now) {
  const std::uint64_t sequence_end = next_sequence_;
  while (!heap_.empty() && heap_.front().deadline <= now) {
    Timer& timer = *heap_.front().timer;
    if (timer.sequence_ >= sequence_end) return;
    remove_at(0);
    timer.fire_(timer.owner_, now);
  }
}

void TimerQueue::place(std::size_t slot, const Entry& entry) {
  heap_[slot] = entry;
  entry.timer->slot_ = slot;
}

void TimerQueue::sift_up(std::size_t slot, const Entry& entry) {
  while (slot > 0) {
    const std::size_t parent = (slot - 1) / kArity;
    if (!entry.before(heap_[parent])) break;
    place(slot, heap_[parent]);
    slot = parent;
  }
  place(slot, entry);
}

void TimerQueue::sift_down(std::size_t slot, const Entry& entry) {
  for (;;) {
    const std::size_t first = slot * kArity + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + kArity, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (heap_[child].before(heap_[least])) least = child;
    }
    if (!heap_[least].before(entry)) break;
    place(slot, heap_[least]);
    slot = least;
  }
  place(slot, entry);
}

void TimerQueue::remove_at(std::size_t slot) {
  heap_[slot].timer->queue_ = nullptr;
  const Entry last = heap_.back();
  heap_.pop_back();
  shrink_if_sparse(heap_);
  if (slot == heap_.size()) return;
  if (slot > 0 && last.before(heap_[(slot - 1) / kArity])) {
    sift_up(slot, last);
  } else {
    sift_down(slot, last);
  }
}

}  // namespace twinpath
