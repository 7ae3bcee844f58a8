// The scoreboard of what was sent.
#include "models/tcp/sent_list.h"

#include <algorithm>

namespace twinpath::tcp {
namespace {

bool waits(const SentRange& range) { return range.lost && !range.resent && !range.sacked; }

}  // namespace

void SentList::push(const SentRange& range) {
  CHECK(ranges_.empty() || ranges_.back().end == range.first);
  if (rate_ != nullptr) rate_->push(range.sent_at, ranges_.empty());
  if (ranges_.empty()) arrived_end_ = range.first;
  if (range.in_pipe()) pipe_bytes_ += range.len();
  if (waits(range)) ++lost_waiting_;
  if (range.transmissions > 1) ++retransmitted_;
  ranges_.push_back(range);
  if (!range.sacked) return;
  ++sacked_;
  sacked_end_ = ranges_.size();
}

AckedRanges SentList::acknowledge(SeqNum una, const Arrival& arrival) {
  AckedRanges acked;
  std::optional<Instant> newest;
  while (!ranges_.empty() && ranges_.front().end <= una) {
    const SentRange& range = ranges_.front();
    if (range.transmissions > 1) {
      acked.resent_at = std::max(acked.resent_at.value_or(range.sent_at), range.sent_at);
    } else if (!range.sacked) {
      newest = range.sent_at;
    }
    if (range.sacked) {
      --sacked_;
    } else {
      note_arrival(0, arrival);
    }
    if (range.in_pipe()) pipe_bytes_ -= range.len();
    if (waits(range)) --lost_waiting_;
    if (range.transmissions > 1) --retransmitted_;
    if (rate_ != nullptr) rate_->pop_front();
    for (std::uint32_t* index : {&lost_from_, &sacked_end_, &judged_}) *index -= *index > 0 ? 1 : 0;
    ++acked.ranges;
    ranges_.pop_front();
  }
  if (!ranges_.empty() && ranges_.front().first < una) {
    SentRange& range = ranges_.front();
    const std::uint32_t part = una.value() - range.first.value();
    if (range.in_pipe()) pipe_bytes_ -= part;
    if (!range.sacked) delivered_bytes_ += part;
    if (!range.sacked && rate_ != nullptr) rate_->on_part_arrived(part);
    range.first = una;
  }
  if (!acked.resent_at) acked.sent_at = newest;
  return acked;
}

void SentList::mark_lost(std::uint32_t index) {
  SentRange& range = ranges_[index];
  if (!range.in_pipe()) return;
  pipe_bytes_ -= range.len();
  range.lost = true;
  range.resent = false;
  ++lost_total_;
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
  note_transmission(index, now);
}

void SentList::mark_probed(Instant now) { note_transmission(ranges_.size() - 1, now); }

void SentList::note_transmission(std::uint32_t index, Instant now) {
  SentRange& range = ranges_[index];
  if (rate_ != nullptr) rate_->resend(index);
  if (range.transmissions == 1) ++retransmitted_;
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
  if (rate_ != nullptr) rate_->split(index);
  if (waits(tail)) ++lost_waiting_;
  if (tail.transmissions > 1) ++retransmitted_;
  if (tail.sacked) ++sacked_;
  for (std::uint32_t* place : {&lost_from_, &sacked_end_, &judged_})
    *place += *place > index ? 1 : 0;
}

void SentList::measure_rate(bool on) {
  if (on == (rate_ != nullptr)) return;
  rate_ = on ? std::make_unique<DeliveryRate>() : nullptr;
  if (!on) return;
  for (std::uint32_t index = 0; index < ranges_.size(); ++index) {
    rate_->push(ranges_[index].sent_at, index == 0);
  }
}

void SentList::clear() {
  ranges_.clear();
  if (rate_ != nullptr) rate_->clear();
  last_blocks_ = SackBlocks();
  pipe_bytes_ = lost_waiting_ = lost_from_ = sacked_end_ = judged_ = sacked_ = retransmitted_ = 0;
}

void SentList::remember(const SentMemory& memory) {
  CHECK(empty());
  newest_arrived_ = memory.newest_arrived;
  newest_rtt_ = memory.newest_rtt;
  lost_total_ = memory.lost_total;
  reordered_ = memory.reordered != 0;
  arrived_end_ = SeqNum();
  delivered_bytes_ = 0;
}

bool SentList::sack(const SackBlocks& blocks, const Arrival& arrival) {
  bool is_news = false;
  for (const SeqRange& block : blocks) {
    // Duplicate reports (RFC 2883) lie below what is in flight; nonsense lies beyond it.
    if (ranges_.empty() || !(block.first < block.end)) continue;
    if (block.end > ranges_.back().end || block.end <= ranges_.front().first) continue;
    if (mark_sacked({block, unseen_part(block)}, arrival)) is_news = true;
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

bool SentList::mark_sacked(const Report& report, const Arrival& arrival) {
  const auto& [block, part] = report;
  bool is_news = false;
  std::uint32_t index = first_ending_after(part.first);
  for (; index < ranges_.size() && ranges_[index].first < part.end; ++index) {
    SentRange& range = ranges_[index];
    if (range.sacked || range.first < block.first || range.end > block.end) continue;
    if (range.in_pipe()) pipe_bytes_ -= range.len();
    if (waits(range)) --lost_waiting_;
    range.sacked = true;
    ++sacked_;
    note_arrival(index, arrival);
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

// Ranges sent once stand in the order of their sending, so the first that may still come ends the
// search; what is below judged_ has arrived, or been marked lost once, and is never asked again.
Instant SentList::detect_lost(Instant now, Duration reordering) {
  for (; judged_ < sacked_end_; ++judged_) {
    const SentRange& range = ranges_[judged_];
    if (range.sacked || range.lost) continue;
    if (range.sent_at > newest_arrived_) return kNever;  // a probe: nothing sent later arrived
    if (lost_at(range, reordering) > now) return lost_at(range, reordering);
    mark_lost(judged_);
  }
  return kNever;
}

// RFC 8985 §6.2, steps 2 and 3. Of what was sent again only an echo tells which transmission
// arrived, or else the time it took.
void SentList::note_arrival(std::uint32_t index, const Arrival& arrival) {
  const SentRange& range = ranges_[index];
  delivered_bytes_ += range.len();
  if (rate_ != nullptr) rate_->on_arrived({index, range.len(), range.sent_at, arrival.now});
  if (range.transmissions > 1) {
    if (range.sent_at >= arrival.echoed_until) return;
    if (arrival.now - range.sent_at < arrival.rtt_min) return;
  } else if (range.end < arrived_end_) {
    reordered_ = true;
  }
  arrived_end_ = later(arrived_end_, range.end);
  if (range.sent_at < newest_arrived_) return;
  newest_arrived_ = range.sent_at;
  newest_rtt_ = arrival.now - range.sent_at;
}

std::optional<Instant> SentList::detect_lost_again(Instant now, Duration reordering) {
  const auto is_overtaken = [&](const SentRange& range) {
    return range.resent && !range.sacked && range.sent_at < newest_arrived_ &&
           lost_at(range, reordering) <= now;
  };
  if (empty() || !is_overtaken(ranges_.front())) return std::nullopt;
  const Instant sent_at = ranges_.front().sent_at;
  for (std::uint32_t index = 0; index < ranges_.size(); ++index) {
    if (is_overtaken(ranges_[index])) mark_lost(index);
  }
  return sent_at;
}

void SentList::forget_losses() {
  for (std::uint32_t index = 0; index < ranges_.size(); ++index) {
    SentRange& range = ranges_[index];
    if (!waits(range)) continue;
    range.lost = false;
    pipe_bytes_ += range.len();
  }
  lost_waiting_ = lost_from_ = judged_ = 0;
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
  lost_from_ = sacked_end_ = judged_ = sacked_ = 0;
}

}  // namespace twinpath::tcp
