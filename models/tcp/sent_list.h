// What is in the network: one range per segment sent and not yet acknowledged, in sequence order,
// each knowing when it left, how often, and whether it is thought lost. The congestion window is
// compared with what this list believes is still travelling ("pipe", RFC 6675 §2), never with
// SND.NXT - SND.UNA alone, so selective acknowledgement marks ranges and nothing else changes; so
// will time-based loss detection (RFC 8985).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "models/base/time.h"
#include "models/tcp/ring_deque.h"
#include "models/wire/seq.h"
#include "models/wire/tcp_options.h"

namespace twinpath::tcp {

struct SentRange {
  SeqNum first;
  SeqNum end;
  Instant sent_at{};  // the latest transmission
  std::uint16_t transmissions = 1;
  bool lost = false;    // thought lost
  bool resent = false;  // lost, and on its way again
  bool sacked = false;  // arrived out of order (RFC 2018)

  [[nodiscard]] std::uint32_t len() const { return end.value() - first.value(); }
  [[nodiscard]] bool in_pipe() const { return !sacked && (!lost || resent); }
};

// What one cumulative acknowledgement covered.
struct AckedRanges {
  std::uint32_t ranges = 0;
  // When the newest of them left; nothing if any was sent twice (Karn: RFC 6298 §3).
  std::optional<Instant> sent_at;
};

class SentList {
 public:
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] std::uint32_t size() const { return ranges_.size(); }
  [[nodiscard]] const SentRange& operator[](std::uint32_t index) const { return ranges_[index]; }
  // Octets believed to be travelling.
  [[nodiscard]] std::uint32_t pipe_bytes() const { return pipe_bytes_; }

  [[nodiscard]] bool has_lost() const { return lost_waiting_ > 0; }

  // Requires: `range` begins where the last one ends.
  void push(const SentRange& range);
  AckedRanges acknowledge(SeqNum una);
  void mark_lost(std::uint32_t index);
  void mark_all_lost();
  // What the peer holds beyond the cumulative acknowledgement. True when that is news.
  bool sack(const SackBlocks& blocks);
  // RFC 6675 §4, IsLost(): three segments sent later have arrived.
  void detect_lost();
  // RFC 6675 §4, NextSeg() (3): the first range sent once, not thought lost, and below something
  // that arrived: worth sending again when nothing else can be sent. It counts as lost from here.
  void suspect_next_hole();
  // Retransmissions that something sent more than `reordering` later has overtaken are lost too
  // (RFC 8985 §6.2). Asked about the range that holds everything up; only if that is lost again are
  // the others looked at, so the work is once per round trip. Returns when that range was last
  // sent.
  std::optional<Instant> detect_lost_again(Duration reordering);
  // The peer may throw away what it reported (RFC 2018 §8). It did if it asks for octets it had
  // reported; nothing it said counts then.
  [[nodiscard]] bool has_reneged() const { return !empty() && ranges_.front().sacked; }
  void forget_sacks();
  // The first range lost and not resent.
  [[nodiscard]] std::optional<std::uint32_t> next_lost();
  void mark_resent(std::uint32_t index, Instant now);
  // Cuts a range that has become too long for one segment behind its first `len` octets.
  // Requires: 0 < len < the range's length.
  struct Cut {
    std::uint32_t index;
    std::uint32_t len;
  };
  void split(Cut cut);
  void clear();

  // What else the list knows about those it holds; their own marks come with push().
  template <typename Visit>
  void visit_marks(Visit&& visitor) {
    visitor(newest_arrived_), visitor(judged_);
    judged_ = std::min(judged_, ranges_.size());
  }

 private:
  static constexpr std::uint32_t kDupThreshold = 3;  // RFC 6675 §2

  [[nodiscard]] std::uint32_t first_ending_after(SeqNum seq) const;
  [[nodiscard]] SeqRange unseen_part(SeqRange block) const;
  bool mark_sacked(SeqRange block, SeqRange part);
  void note_arrival(const SentRange& range);
  [[nodiscard]] bool is_overtaken(const SentRange& range, Duration reordering) const;

  RingDeque<SentRange> ranges_;
  Instant newest_arrived_{};  // when the latest of those known to have arrived was sent
  SackBlocks
      last_blocks_;  // of the acknowledgement before: only what they did not say is looked at
  std::uint32_t pipe_bytes_ = 0;
  std::uint32_t lost_waiting_ = 0;  // ranges lost and not resent
  std::uint32_t lost_from_ = 0;     // none of those before this index
  std::uint32_t sacked_end_ = 0;    // index behind the last range that arrived out of order
  std::uint32_t judged_ = 0;        // detect_lost() has decided about the ranges before this index
};

}  // namespace twinpath::tcp
