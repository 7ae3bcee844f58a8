// Connections in TIME-WAIT that nobody holds: what is still asked of them (RFC 9293 §3.6.1 and
// §3.10.7.4) fits a record of 160 bytes, without any queue. Found by their
// addresses and ports, and in order of their deadlines.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/time.h"
#include "models/tcp/flow_key.h"
#include "models/tcp/observer.h"
#include "models/wire/seq.h"

namespace twinpath::tcp {

struct TimeWait {
  FlowKey key;
  SeqNum snd_nxt;
  SeqNum rcv_nxt;
  TsVal ts_recent;
  std::uint32_t ts_offset = 0;
  std::uint32_t window_bytes = 0;  // what was last offered
  std::uint16_t window_field = 0;  // the same as it stands in segments
  bool ts_ok = false;
  bool answered = false;  // once at least, at answered_at
  Instant answered_at{};
  Instant ts_recent_at{};
  Instant deadline{};
  // For observers.
  std::uint64_t flow = 0;
  Instant first_tx = kNever;
  Instant last_rx = kNever;
  std::uint64_t tx_bytes = 0;
  std::uint64_t rx_bytes = 0;
  std::uint32_t tx_packets = 0;
  std::uint32_t rx_packets = 0;
  std::uint32_t lost_packets = 0;
  std::uint32_t retransmitted = 0;
};

// Every value, for images.
template <typename Visit>
void visit_time_wait(TimeWait& t, Visit& v) {
  v(t.snd_nxt), v(t.rcv_nxt), v(t.ts_recent), v(t.ts_offset), v(t.window_bytes), v(t.window_field);
  v(t.ts_ok), v(t.answered), v(t.answered_at), v(t.ts_recent_at), v(t.deadline);
  v(t.flow), v(t.first_tx), v(t.last_rx), v(t.tx_bytes), v(t.rx_bytes);
  v(t.tx_packets), v(t.rx_packets), v(t.lost_packets), v(t.retransmitted);
}

// A hash table whose chains and whose list by deadline run through indices into one vector.
class TimeWaitTable {
 public:
  explicit TimeWaitTable(std::uint64_t seed) : seed_(seed), buckets_(kBucketsMin, kNone) {}

  [[nodiscard]] TimeWait* find(const FlowKey& key);
  [[nodiscard]] std::uint32_t size() const { return size_; }
  // Nothing when empty.
  [[nodiscard]] TimeWait* oldest() { return first_ == kNone ? nullptr : &entries_[first_].record; }
  // It stays at least until its deadline. Requires: find(record.key) is nothing.
  void add(const TimeWait& record);
  void remove(const FlowKey& key);
  // Another deadline, usually the latest. Requires: find(key).
  void move(const FlowKey& key, Instant deadline);
  // From the one that leaves first to the one that leaves last.
  template <typename Visit>
  void visit(Visit&& visitor) const {
    for (std::uint32_t at = first_; at != kNone; at = entries_[at].behind) {
      visitor(entries_[at].record);
    }
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::size_t kBucketsMin = 16;
  static constexpr std::uint32_t kStepsMax = 64;
  struct Entry {
    TimeWait record;
    std::uint32_t next = kNone;    // in the bucket, or in the free list
    std::uint32_t before = kNone;  // neighbours by deadline
    std::uint32_t behind = kNone;
  };
  [[nodiscard]] std::uint32_t& bucket(const FlowKey& key) {
    return buckets_[hash_flow(seed_, key) & (buckets_.size() - 1)];
  }
  [[nodiscard]] std::uint32_t index_of(const FlowKey& key);
  std::uint32_t take_entry();
  void link(std::uint32_t index);
  void unlink(std::uint32_t index);
  void grow();

  std::uint64_t seed_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> buckets_;
  std::uint32_t free_ = kNone;
  std::uint32_t first_ = kNone;
  std::uint32_t last_ = kNone;
  std::uint32_t size_ = 0;
};

}  // namespace twinpath::tcp
