// Out-of-order data.
#include "models/tcp/reassembly.h"

#include <algorithm>
#include <utility>

#include "models/base/check.h"
#include "models/tcp/slice_queue.h"

namespace twinpath::tcp {

std::uint32_t Reassembly::insert(SeqNum first, Slice slice) {
  const std::uint32_t before = bytes_;
  const SeqNum arrived = first;
  if (slice.len == 0) return 0;
  std::uint32_t index = first_ending_after(first);
  const auto advance = [&first, &slice](std::uint32_t count) {
    first += count;
    slice.drop_front(count);
  };
  while (slice.len > 0 && index < pieces_.size()) {
    const SeqRange held{pieces_[index].first, pieces_[index].end()};
    if (first < held.first) {
      const auto gap = static_cast<std::uint32_t>(held.first - first);
      const std::uint32_t count = std::min(slice.len, gap);
      index += store(index, {first, slice.first(count)});
      advance(count);
    }
    if (slice.len > 0 && first < held.end) {
      advance(std::min(slice.len, static_cast<std::uint32_t>(held.end - first)));
    }
    ++index;
  }
  if (slice.len > 0) store(pieces_.size(), {first, std::move(slice)});
  remember(arrived);  // RFC 2018 §4: even when all of it was held
  return bytes_ - before;
}

// Arrivals mostly lie at the end, so the search begins there.
SeqRange Reassembly::held_part(SeqRange range) const {
  SeqRange found;
  for (std::uint32_t index = runs_.size(); index > 0; --index) {
    const SeqRange& run = runs_[index - 1];
    if (run.end <= range.first) break;
    const SeqRange both{later(run.first, range.first), earlier(run.end, range.end)};
    if (both.first < both.end) found = both;
  }
  return found;
}

std::optional<Slice> Reassembly::take(SeqNum next) {
  while (!pieces_.empty() && pieces_.front().first <= next) {
    Piece piece = std::move(pieces_.front());
    pieces_.pop_front();
    bytes_ -= piece.slice.len;
    pinned_bytes_ -= piece.slice.buf->capacity;
    SeqRange& run = runs_.front();
    run.first = piece.end();
    if (run.is_empty()) runs_.pop_front();
    if (pieces_.empty()) recent_count_ = 0;
    const std::int32_t stale = next - piece.first;
    if (static_cast<std::uint32_t>(stale) >= piece.slice.len) continue;
    piece.slice.drop_front(static_cast<std::uint32_t>(stale));
    return std::move(piece.slice);
  }
  return std::nullopt;
}

SackBlocks Reassembly::blocks() const {
  SackBlocks blocks;
  std::array<std::uint32_t, kSackBlocksMax> listed{};
  for (std::uint32_t i = 0; i < recent_count_; ++i) {
    const std::uint32_t run = run_at(recent_[i]);
    if (run == runs_.size()) continue;
    const auto end = listed.begin() + static_cast<std::ptrdiff_t>(blocks.size());
    if (std::find(listed.begin(), end, run) != end) continue;
    listed[blocks.size()] = run;
    blocks.push_back(runs_[run]);
  }
  return blocks;
}

void Reassembly::restore(SeqNum first, Slice slice) {
  CHECK(pieces_.empty() || first >= pieces_.back().end());
  bytes_ += slice.len;
  pinned_bytes_ += slice.buf->capacity;
  join_run({first, first + slice.len});
  pieces_.insert(pieces_.size(), {first, std::move(slice)});
}

void Reassembly::clear() {
  pieces_.clear();
  runs_.clear();
  recent_count_ = bytes_ = pinned_bytes_ = 0;
}

// Arrivals mostly extend the end, so that is asked first.
std::uint32_t Reassembly::first_ending_after(SeqNum seq) const {
  if (pieces_.empty() || pieces_.back().end() <= seq) return pieces_.size();
  std::uint32_t low = 0;
  std::uint32_t high = pieces_.size() - 1;
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    if (pieces_[middle].end() > seq) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// Returns how many pieces there are more: none when the one before `index` took the bytes.
std::uint32_t Reassembly::store(std::uint32_t index, Piece piece) {
  const SeqRange range{piece.first, piece.end()};
  bytes_ += range.len();
  join_run(range);
  if (index > 0 && range.len() <= SliceQueue::kGatherBytesMax &&
      pieces_[index - 1].end() == range.first &&
      extend(pieces_[index - 1].slice, piece.slice.bytes())) {
    return 0;
  }
  pinned_bytes_ += piece.slice.buf->capacity;
  pieces_.insert(index, std::move(piece));
  return 1;
}

// Requires: no run overlaps `range`; it may touch one on either side.
void Reassembly::join_run(SeqRange range) {
  std::uint32_t index = runs_.size();
  while (index > 0 && runs_[index - 1].first > range.first) --index;
  const bool touches_before = index > 0 && runs_[index - 1].end == range.first;
  const bool touches_after = index < runs_.size() && runs_[index].first == range.end;
  if (touches_before && touches_after) {
    runs_[index - 1].end = runs_[index].end;
    runs_.erase(index);
  } else if (touches_before) {
    runs_[index - 1].end = range.end;
  } else if (touches_after) {
    runs_[index].first = range.first;
  } else {
    runs_.insert(index, range);
  }
}

void Reassembly::remember(SeqNum seq) {
  const std::uint32_t run = run_at(seq);
  std::uint32_t kept = 0;
  std::array<SeqNum, kSackBlocksMax> recent{seq};
  for (std::uint32_t i = 0; i < recent_count_ && kept + 1 < kSackBlocksMax; ++i) {
    if (run_at(recent_[i]) != run) recent[++kept] = recent_[i];
  }
  recent_ = recent;
  recent_count_ = kept + 1;
}

// The run holding `seq`, or runs_.size().
std::uint32_t Reassembly::run_at(SeqNum seq) const {
  for (std::uint32_t index = runs_.size(); index > 0; --index) {
    if (runs_[index - 1].contains(seq)) return index - 1;
    if (runs_[index - 1].end <= seq) break;
  }
  return runs_.size();
}

}  // namespace twinpath::tcp
