// A byte stream as a queue of shared slices.
#include "models/tcp/slice_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace twinpath::tcp {
namespace {

// Whether `slice` could be made part of `last`, the one before it in the stream.
bool gather(Slice& last, const Slice& slice) {
  if (last.buf.get() == slice.buf.get() && last.offset + last.len == slice.offset) {
    last.len += slice.len;  // the next piece of the same buffer
    return true;
  }
  return slice.len <= SliceQueue::kGatherBytesMax && extend(last, slice.bytes());
}

}  // namespace

std::uint32_t room_behind(const Slice& slice) {
  const bool is_last = slice.offset + slice.len == slice.buf->len;
  return slice.buf.is_unique() && is_last ? slice.buf->tailroom() : 0;
}

bool extend(Slice& slice, std::span<const std::byte> bytes) {
  const auto count = static_cast<std::uint32_t>(bytes.size());
  if (count == 0 || room_behind(slice) < count) return false;
  BufPtr buf = slice.buf.take_if_unique();
  std::memcpy(buf->push_back(count).data(), bytes.data(), count);
  slice.buf = BufRef(std::move(buf));
  slice.len += count;
  return true;
}

void SliceQueue::append(Slice slice) {
  const std::uint32_t count = slice.len;
  if (count == 0) return;
  if (entries_.empty() || !gather(entries_.back().slice, slice)) {
    entries_.push_back({std::move(slice), end_});
  }
  end_ += count;
}

void SliceQueue::drop_front(std::uint32_t count) {
  CHECK(count <= bytes());
  front_ += count;
  while (count > 0) {
    Entry& entry = entries_.front();
    if (entry.slice.len > count) {
      entry.slice.drop_front(count);
      entry.start += count;
      return;
    }
    count -= entry.slice.len;
    entries_.pop_front();
    if (cursor_ > 0) --cursor_;
  }
}

Slice SliceQueue::take_front(std::uint32_t bytes_max) {
  if (empty() || bytes_max == 0) return {};
  Entry& entry = entries_.front();
  const std::uint32_t count = std::min(bytes_max, entry.slice.len);
  if (count < entry.slice.len) {
    Slice piece = entry.slice.first(count);
    drop_front(count);
    return piece;
  }
  Slice whole = std::move(entry.slice);
  front_ += count;
  entries_.pop_front();
  if (cursor_ > 0) --cursor_;
  return whole;
}

InetSum SliceQueue::copy(std::uint32_t offset, std::span<std::byte> target) const {
  CHECK(offset + target.size() <= bytes());
  InetSum sum;
  std::uint32_t position = front_ + offset;
  std::uint32_t index = target.empty() ? cursor_ : find(position);
  for (std::size_t done = 0; done < target.size(); ++index) {
    const Entry& entry = entries_[index];
    const auto source = entry.slice.bytes().subspan(position - entry.start);
    const std::size_t count = std::min(source.size(), target.size() - done);
    sum.add_piece(copy_and_sum(target.subspan(done, count), source.first(count)), done);
    cursor_ = index;
    done += count;
    position += static_cast<std::uint32_t>(count);
  }
  return sum;
}

void SliceQueue::clear() {
  entries_.clear();
  front_ = end_;
  cursor_ = 0;
}

// The cursor or its neighbour nearly always; otherwise (a retransmission) by bisection.
std::uint32_t SliceQueue::find(std::uint32_t position) const {
  for (std::uint32_t index = cursor_; index < entries_.size() && index < cursor_ + 2; ++index) {
    const Entry& entry = entries_[index];
    if (position - entry.start < entry.slice.len) return index;
  }
  std::uint32_t low = 0;
  std::uint32_t high = entries_.size() - 1;
  while (low < high) {
    const std::uint32_t middle = (low + high + 1) / 2;
    if (entries_[middle].start - front_ <= position - front_) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace twinpath::tcp
