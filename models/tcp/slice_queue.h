// A byte stream as a queue of shared slices: the send queue (released as it is acknowledged) and
// the receive queue (released as it is read). No bytes are copied in or out, except that small
// pieces are gathered in the last buffer's free room, so that one-byte writes or segments cannot
// pin a whole buffer each.
#pragma once

#include <cstdint>
#include <span>

#include "models/base/packet_buf.h"
#include "models/tcp/ring_deque.h"
#include "models/wire/checksum.h"

namespace twinpath::tcp {

// Appends `bytes` behind `slice` in its own buffer. False when that buffer is shared, full, or
// holds something else behind the slice.
bool extend(Slice& slice, std::span<const std::byte> bytes);

// How much extend() could append: nothing behind a slice that is shared or not the buffer's last.
std::uint32_t room_behind(const Slice& slice);

class SliceQueue {
 public:
  [[nodiscard]] std::uint32_t bytes() const { return end_ - front_; }
  [[nodiscard]] bool empty() const { return end_ == front_; }
  [[nodiscard]] std::uint32_t slices() const { return entries_.size(); }

  // Requires: bytes() + slice.len < 2^31.
  void append(Slice slice);
  // Requires: count <= bytes().
  void drop_front(std::uint32_t count);
  // The first piece, at most `bytes_max`; empty when the queue is.
  Slice take_front(std::uint32_t bytes_max);
  // The bytes from `offset` on, and their sum. Requires: offset + target.size() <= bytes().
  InetSum copy(std::uint32_t offset, std::span<std::byte> target) const;
  void clear();

  // Pieces up to this length are copied into the last buffer where it has room.
  static constexpr std::uint32_t kGatherBytesMax = 512;

 private:
  // `start` is the position of the slice's first byte in the stream, modulo 2^32.
  struct Entry {
    Slice slice;
    std::uint32_t start = 0;
  };
  [[nodiscard]] std::uint32_t find(std::uint32_t position) const;

  RingDeque<Entry> entries_;
  std::uint32_t front_ = 0;           // position of the first byte held
  std::uint32_t end_ = 0;             // position behind the last
  mutable std::uint32_t cursor_ = 0;  // where the last copy() ended: sending is sequential
};

}  // namespace twinpath::tcp
