// What is in the network: one range per segment sent and not yet acknowledged, in sequence order,
// each knowing when it left, how often, and whether it is thought lost. The congestion window is
// compared with what this list believes is still travelling ("pipe", RFC 6675 §2), never with
// SND.NXT - SND.UNA alone, so selective acknowledgement marks ranges and nothing else changes. Loss
// is detected by time (RFC 8985 §6).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "models/base/time.h"
#include "models/tcp/delivery_rate.h"
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
  // When the newest of those that had not been reported before left; nothing if any of all was sent
  // twice (Karn: RFC 6298 §3).
  std::optional<Instant> sent_at;
  // The latest retransmission among them.
  std::optional<Instant> resent_at;
};

// When an acknowledgement came, and what tells apart which transmission it is for (RFC 8985 §6.2).
struct Arrival {
  Instant now{};
  Duration rtt_min{};
  // The end of the millisecond the peer echoes; kNever when it echoes nothing.
  Instant echoed_until = kNever;
};

// What a list knows beyond what it holds: kept while nothing is sent.
struct SentMemory {
  Instant newest_arrived{};
  Duration newest_rtt{};
  std::uint64_t lost_total : 63 = 0;
  std::uint64_t reordered : 1 = 0;
};

class SentList {
 public:
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] std::uint32_t size() const { return ranges_.size(); }
  [[nodiscard]] const SentRange& operator[](std::uint32_t index) const { return ranges_[index]; }
  // Octets believed to be travelling.
  [[nodiscard]] std::uint32_t pipe_bytes() const { return pipe_bytes_; }

  [[nodiscard]] bool has_lost() const { return lost_waiting_ > 0; }
  [[nodiscard]] bool has_retransmitted() const { return retransmitted_ > 0; }
  // Segments that arrived out of order and are not acknowledged yet.
  [[nodiscard]] std::uint32_t sacked_ranges() const { return sacked_; }
  // Octets known to have arrived since the start, modulo 2^32; the difference of two readings is
  // DeliveredData of RFC 6937 §3.
  [[nodiscard]] std::uint32_t delivered_bytes() const { return delivered_bytes_; }
  // How long what arrived last of all that was sent took: RACK.rtt (RFC 8985 §6.2).
  [[nodiscard]] Duration newest_rtt() const { return newest_rtt_; }
  // Something sent once was overtaken by something sent later (RFC 8985 §6.2, step 3).
  [[nodiscard]] bool is_reordered() const { return reordered_; }

  // Requires: `range` begins where the last one ends.
  void push(const SentRange& range);
  AckedRanges acknowledge(SeqNum una, const Arrival& arrival);
  void mark_lost(std::uint32_t index);
  void mark_all_lost();
  // How often something was thought lost, ever; clear() does not forget it.
  [[nodiscard]] std::uint64_t lost_total() const { return lost_total_; }
  // What the peer holds beyond the cumulative acknowledgement. True when that is news.
  bool sack(const SackBlocks& blocks, const Arrival& arrival);
  // RFC 8985 §6.2, step 5: what was sent before something that arrived, a round trip and
  // `reordering` ago, is lost. Returns when the next range would be; kNever when none is suspected.
  Instant detect_lost(Instant now, Duration reordering);
  // The same for retransmissions. Asked about the range that holds everything up; only if that is
  // lost again are the others looked at, so the work is once per round trip. Returns when that
  // range was last sent.
  std::optional<Instant> detect_lost_again(Instant now, Duration reordering);
  // The losses were none (RFC 4015 §3): what is not on its way again is travelling still.
  void forget_losses();
  // The peer may throw away what it reported (RFC 2018 §8). It did if it asks for octets it had
  // reported; nothing it said counts then.
  [[nodiscard]] bool has_reneged() const { return !empty() && ranges_.front().sacked; }
  void forget_sacks();
  // The first range lost and not resent.
  [[nodiscard]] std::optional<std::uint32_t> next_lost();
  void mark_resent(std::uint32_t index, Instant now);
  // The last range was sent again to probe for loss (RFC 8985 §7.3); it is not thought lost.
  void mark_probed(Instant now);
  // Cuts a range that has become too long for one segment behind its first `len` octets.
  // Requires: 0 < len < the range's length.
  struct Cut {
    std::uint32_t index;
    std::uint32_t len;
  };
  void split(Cut cut);
  void clear();
  // Requires: empty(). Another list goes on with it.
  [[nodiscard]] SentMemory memory() const {
    return {newest_arrived_, newest_rtt_, lost_total_ & (~std::uint64_t{0} >> 1),
            reordered_ ? 1U : 0U};
  }
  void remember(const SentMemory& memory);
  // Whether the rate of delivery is measured; nothing of it is known at first.
  void measure_rate(bool on);
  // Null unless it is.
  [[nodiscard]] DeliveryRate* rate() { return rate_.get(); }
  [[nodiscard]] const DeliveryRate* rate() const { return rate_.get(); }

  // What else the list knows about those it holds; their own marks come with push().
  template <typename Visit>
  void visit_marks(Visit&& visitor) {
    visitor(newest_arrived_), visitor(newest_rtt_), visitor(arrived_end_), visitor(reordered_);
    visitor(delivered_bytes_), visitor(judged_);
    judged_ = std::min(judged_, ranges_.size());
  }

 private:
  [[nodiscard]] std::uint32_t first_ending_after(SeqNum seq) const;
  [[nodiscard]] SeqRange unseen_part(SeqRange block) const;
  struct Report {
    SeqRange block;
    SeqRange part;  // of it, not looked at yet
  };
  bool mark_sacked(const Report& report, const Arrival& arrival);
  void note_arrival(std::uint32_t index, const Arrival& arrival);
  void note_transmission(std::uint32_t index, Instant now);
  [[nodiscard]] Instant lost_at(const SentRange& range, Duration reordering) const {
    return range.sent_at + newest_rtt_ + reordering;
  }

  RingDeque<SentRange> ranges_;
  Instant newest_arrived_{};  // when the latest of those known to have arrived was sent
  Duration newest_rtt_{};     // and how long it took: RACK.rtt
  SeqNum arrived_end_;        // the highest that arrived: RACK.fack
  SackBlocks
      last_blocks_;  // of the acknowledgement before: only what they did not say is looked at
  std::uint64_t lost_total_ = 0;
  std::uint32_t pipe_bytes_ = 0;
  std::uint32_t delivered_bytes_ = 0;
  std::uint32_t sacked_ = 0;
  std::uint32_t retransmitted_ = 0;
  std::uint32_t lost_waiting_ = 0;  // ranges lost and not resent
  std::uint32_t lost_from_ = 0;     // none of those before this index
  std::uint32_t sacked_end_ = 0;    // index behind the last range that arrived out of order
  std::uint32_t judged_ = 0;        // detect_lost() has decided about the ranges before this index
  bool reordered_ = false;
  std::unique_ptr<DeliveryRate> rate_;
};

}  // namespace twinpath::tcp
