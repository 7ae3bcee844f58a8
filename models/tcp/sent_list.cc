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
  if (range.sacked) sacked_end_ = ranges_.size();
}

AckedRanges SentList::acknowledge(SeqNum una) {
  AckedRanges acked;
  bool once_only = true;
  Instant newest{};
  while (!ranges_.empty() && ranges_.front().end <= una) {
    const SentRange& range = ranges_.front();
    once_only = once_only && range.transmissions == 1;
    newest = range.sent_at;
    note_arrival(range);
    if (range.in_pipe()) pipe_bytes_ -= range.len();
    if (waits(range)) --lost_waiting_;
    for (std::uint32_t* index : {&lost_from_, &sacked_end_, &judged_}) *index -= *index > 0 ? 1 : 0;
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
  for (std::uint32_t* place : {&lost_from_, &sacked_end_, &judged_})
    *place += *place > index ? 1 : 0;
}

void SentList::clear() {
  ranges_.clear();
  last_blocks_ = SackBlocks();
  pipe_bytes_ = lost_waiting_ = lost_from_ = sacked_end_ = judged_ = 0;
}

bool SentList::sack(const SackBlocks& blocks) {
  bool is_news = false;
  for (const SeqRange& block : blocks) {
    // Duplicate reports (RFC 2883) lie below what is in flight; nonsense lies beyond it.
    if (ranges_.empty() || !(block.first < block.end)) continue;
    if (block.end > ranges_.back().end || block.end <= ranges_.front().first) continue;
    if (mark_sacked(block, unseen_part(block))) is_news = true;
  }
  last_blocks_ = blocks;
  return is_news;
}

// Blocks grow at an end from one acknowledgement to the next; looking at all of one each time would
// cost a window of work per segment.
SeqRange SentList::unseen_part(SeqRange block) const {
  for (const SeqRange& seen : last_blocks_) {
    if (seen == block) return {block.end, block.end};
    if (seen.first == block.first && seen.end < block.end) return {seen.end, block.end};
    if (seen.end == block.end && block.first < seen.first) return {block.first, seen.first};
  }
  return block;
}

bool SentList::mark_sacked(SeqRange block, SeqRange part) {
  bool is_news = false;
  std::uint32_t index = first_ending_after(part.first);
  for (; index < ranges_.size() && ranges_[index].first < part.end; ++index) {
    SentRange& range = ranges_[index];
    if (range.sacked || range.first < block.first || range.end > block.end) continue;
    if (range.in_pipe()) pipe_bytes_ -= range.len();
    if (waits(range)) --lost_waiting_;
    range.sacked = true;
    note_arrival(range);
    sacked_end_ = std::max(sacked_end_, index + 1);
    is_news = true;
  }
  return is_news;
}

std::uint32_t SentList::first_ending_after(SeqNum seq) const {
  std::uint32_t low = 0;
  std::uint32_t high = ranges_.size();
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    if (ranges_[middle].end > seq) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

void SentList::detect_lost() {
  std::uint32_t arrived = 0;
  std::uint32_t index = sacked_end_;
  while (index > judged_ && arrived < kDupThreshold) {
    --index;
    if (ranges_[index].sacked) ++arrived;
  }
  if (arrived < kDupThreshold) return;
  for (; judged_ < index; ++judged_) {
    if (!ranges_[judged_].lost) mark_lost(judged_);
  }
}

void SentList::suspect_next_hole() {
  for (std::uint32_t index = judged_; index < sacked_end_; ++index) {
    const SentRange& range = ranges_[index];
    if (range.sacked || range.lost || range.transmissions > 1) continue;
    mark_lost(index);
    return;
  }
}

// Only what was sent once tells which transmission arrived.
void SentList::note_arrival(const SentRange& range) {
  if (range.transmissions == 1) newest_arrived_ = std::max(newest_arrived_, range.sent_at);
}

bool SentList::is_overtaken(const SentRange& range, Duration reordering) const {
  return range.resent && !range.sacked && range.sent_at + reordering < newest_arrived_;
}

std::optional<Instant> SentList::detect_lost_again(Duration reordering) {
  if (empty() || !is_overtaken(ranges_.front(), reordering)) return std::nullopt;
  const Instant sent_at = ranges_.front().sent_at;
  for (std::uint32_t index = 0; index < ranges_.size(); ++index) {
    if (is_overtaken(ranges_[index], reordering)) mark_lost(index);
  }
  return sent_at;
}

void SentList::forget_sacks() {
  for (std::uint32_t index = 0; index < ranges_.size(); ++index) {
    SentRange& range = ranges_[index];
    if (!range.sacked) continue;
    range.sacked = false;
    if (range.in_pipe()) pipe_bytes_ += range.len();
    if (waits(range)) ++lost_waiting_;
  }
  last_blocks_ = SackBlocks();
  lost_from_ = sacked_end_ = judged_ = 0;
}

}  // namespace twinpath::tcp
