// Where connections in TIME-WAIT are found.
#include "models/base/check.h"
#include "models/tcp/time_wait.h"

namespace twinpath::tcp {

std::uint32_t TimeWaitTable::index_of(const FlowKey& key) {
  std::uint32_t at = bucket(key);
  while (at != kNone && !(entries_[at].record.key == key)) at = entries_[at].next;
  return at;
}

TimeWait* TimeWaitTable::find(const FlowKey& key) {
  if (size_ == 0) return nullptr;
  const std::uint32_t at = index_of(key);
  return at == kNone ? nullptr : &entries_[at].record;
}

void TimeWaitTable::add(const TimeWait& record) {
  if (size_ >= buckets_.size()) grow();
  const std::uint32_t index = take_entry();
  entries_[index].record = record;
  std::uint32_t& head = bucket(record.key);
  entries_[index].next = head;
  head = index;
  link(index);
  ++size_;
}

void TimeWaitTable::remove(const FlowKey& key) {
  const std::uint32_t index = index_of(key);
  if (index == kNone) return;
  std::uint32_t* place = &bucket(key);
  while (*place != index) place = &entries_[*place].next;
  *place = entries_[index].next;
  unlink(index);
  entries_[index].next = free_;
  free_ = index;
  --size_;
}

void TimeWaitTable::move(const FlowKey& key, Instant deadline) {
  const std::uint32_t index = index_of(key);
  CHECK(index != kNone);
  unlink(index);
  entries_[index].record.deadline = deadline;
  link(index);
}

std::uint32_t TimeWaitTable::take_entry() {
  if (free_ == kNone) {
    entries_.emplace_back();
    return static_cast<std::uint32_t>(entries_.size() - 1);
  }
  const std::uint32_t index = free_;
  free_ = entries_[index].next;
  return index;
}

// Whoever enters is the last but for what its user held for a while; where too many came since, it
// stays as long as they do.
void TimeWaitTable::link(std::uint32_t index) {
  const Instant deadline = entries_[index].record.deadline;
  std::uint32_t before = last_;
  std::uint32_t behind = kNone;
  for (std::uint32_t steps = 0; before != kNone && entries_[before].record.deadline > deadline;
       ++steps) {
    if (steps == kStepsMax) {
      entries_[index].record.deadline = entries_[before].record.deadline;
      break;
    }
    behind = before;
    before = entries_[before].before;
  }
  entries_[index].before = before;
  entries_[index].behind = behind;
  (before != kNone ? entries_[before].behind : first_) = index;
  (behind != kNone ? entries_[behind].before : last_) = index;
}

void TimeWaitTable::unlink(std::uint32_t index) {
  const std::uint32_t before = entries_[index].before;
  const std::uint32_t behind = entries_[index].behind;
  (before != kNone ? entries_[before].behind : first_) = behind;
  (behind != kNone ? entries_[behind].before : last_) = before;
}

void TimeWaitTable::grow() {
  buckets_.assign(buckets_.size() * 2, kNone);
  for (std::uint32_t at = first_; at != kNone; at = entries_[at].behind) {
    std::uint32_t& head = bucket(entries_[at].record.key);
    entries_[at].next = head;
    head = at;
  }
}

}  // namespace twinpath::tcp
