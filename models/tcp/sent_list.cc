// The scoreboard of what was sent.
#include "models/tcp/sent_list.h"

#include <algorithm>

namespace twinpath::tcp {
namespace {

bool waits(const SentRange& range) { return range.lost && !range.resent && !range.sacked; }

}  // namespace

void SentList::push(const SentRange& range) {
  CHECK(ranges_.empty() || ranges_.back().end == range.first);
  if (range.in_pipe()) pipe_bytes_ += range.len();
  if (waits(range)) ++lost_waiting_;
  ranges_.push_back(range);
}

AckedRanges SentList::acknowledge(SeqNum una) {
  AckedRanges acked;
  bool once_only = true;
  Instant newest{};
  while (!ranges_.empty() && ranges_.front().end <= una) {
    const SentRange& range = ranges_.front();
    once_only = once_only && range.transmissions == 1;
    newest = range.sent_at;
    if (range.in_pipe()) pipe_bytes_ -= range.len();
    if (waits(range)) --lost_waiting_;
    if (lost_from_ > 0) --lost_from_;
    ++acked.ranges;
    ranges_.pop_front();
  }
  if (!ranges_.empty() && ranges_.front().first < una) {
    SentRange& range = ranges_.front();
    if (range.in_pipe()) pipe_bytes_ -= una.value() - range.first.value();
    range.first = una;
  }
  if (acked.ranges > 0 && once_only) acked.sent_at = newest;
  return acked;
}

void SentList::mark_lost(std::uint32_t index) {
  SentRange& range = ranges_[index];
  if (!range.in_pipe()) return;
  pipe_bytes_ -= range.len();
  range.lost = true;
  range.resent = false;
  ++lost_waiting_;
  lost_from_ = std::min(lost_from_, index);
}

void SentList::mark_all_lost() {
  for (std::uint32_t index = 0; index < ranges_.size(); ++index) mark_lost(index);
  lost_from_ = 0;
}

std::optional<std::uint32_t> SentList::next_lost() {
  if (lost_waiting_ == 0) return std::nullopt;
  while (lost_from_ < ranges_.size() && !waits(ranges_[lost_from_])) ++lost_from_;
  CHECK(lost_from_ < ranges_.size());
  return lost_from_;
}

void SentList::mark_resent(std::uint32_t index, Instant now) {
  SentRange& range = ranges_[index];
  if (waits(range)) {
    --lost_waiting_;
    pipe_bytes_ += range.len();
    range.resent = true;
  }
  range.sent_at = now;
  if (range.transmissions < 0xffff) ++range.transmissions;
}

void SentList::split(Cut cut) {
  const auto [index, len] = cut;
  SentRange tail = ranges_[index];
  CHECK(len > 0 && len < tail.len());
  tail.first += len;
  ranges_[index].end = tail.first;
  ranges_.insert(index + 1, tail);
  if (waits(tail)) ++lost_waiting_;
  if (lost_from_ > index) ++lost_from_;
}

void SentList::clear() {
  ranges_.clear();
  pipe_bytes_ = lost_waiting_ = lost_from_ = 0;
}

}  // namespace twinpath::tcp
