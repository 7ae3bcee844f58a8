// Data that arrived beyond a hole, as slices of the buffers it came in. What is held first wins:
// a later segment with different bytes for the same octets changes nothing. Read RFC 9293 §3.10.7.4
// (seventh) and RFC 2018 §4 (what the blocks report).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "models/base/packet_buf.h"
#include "models/tcp/ring_deque.h"
#include "models/wire/seq.h"
#include "models/wire/tcp_options.h"

namespace twinpath::tcp {

class Reassembly {
 public:
  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  [[nodiscard]] std::uint32_t pieces() const { return pieces_.size(); }
  [[nodiscard]] std::uint32_t bytes() const { return bytes_; }
  // Storage pinned by what is held, and how many pieces.
  [[nodiscard]] std::uint32_t pinned_bytes() const { return pinned_bytes_; }

  // Holds what of `slice` is not held yet. Requires: everything held and the slice lie within 2^30
  // octets. Returns octets newly held.
  std::uint32_t insert(SeqNum first, Slice slice);
  // The first contiguous part of `range` that is held; empty: none.
  [[nodiscard]] SeqRange held_part(SeqRange range) const;
  // The piece that continues the stream at `next`, or nothing. Call until nothing is left.
  std::optional<Slice> take(SeqNum next);
  // Contiguous runs, the one that grew last first, then those that grew before it.
  [[nodiscard]] SackBlocks blocks() const;
  [[nodiscard]] SeqNum piece_first(std::uint32_t index) const { return pieces_[index].first; }
  [[nodiscard]] const Slice& piece(std::uint32_t index) const { return pieces_[index].slice; }
  void clear();

  // A piece as another stack held it, in ascending order, and which runs had grown last.
  // Requires: it begins at or behind the end of the last one.
  void restore(SeqNum first, Slice slice);
  template <typename Visit>
  void visit_recent(Visit&& visitor) {
    visitor(recent_count_);
    recent_count_ = std::min<std::uint32_t>(recent_count_, kSackBlocksMax);
    for (SeqNum& seq : recent_) visitor(seq);
  }

 private:
  struct Piece {
    SeqNum first;
    Slice slice;
    [[nodiscard]] SeqNum end() const { return first + slice.len; }
  };
  [[nodiscard]] std::uint32_t first_ending_after(SeqNum seq) const;
  std::uint32_t store(std::uint32_t index, Piece piece);
  void join_run(SeqRange range);
  void remember(SeqNum seq);
  [[nodiscard]] std::uint32_t run_at(SeqNum seq) const;

  RingDeque<Piece> pieces_;                      // by sequence number, disjoint
  RingDeque<SeqRange> runs_;                     // their union
  std::array<SeqNum, kSackBlocksMax> recent_{};  // a number in each run that grew, newest first
  std::uint32_t recent_count_ = 0;
  std::uint32_t bytes_ = 0;
  std::uint32_t pinned_bytes_ = 0;
};

}  // namespace twinpath::tcp
