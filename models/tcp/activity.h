// What a connection has while something is under way: queues, deadlines, recovery. One in which
// nothing is owns none of it: what matters beyond is in the Tcb. Handed out by a pool with the
// memory its queues have grown, so that neither a new connection nor one that wakes up asks an
// allocator in the steady state.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/time.h"
#include "models/base/timer.h"
#include "models/tcp/pacing.h"
#include "models/tcp/reassembly.h"
#include "models/tcp/sent_list.h"
#include "models/tcp/slice_queue.h"
#include "models/wire/seq.h"

namespace twinpath::tcp {

struct Connection;
struct Core;

// What the timer of RFC 8985 waits for: late segments to arrive, or any answer at all.
enum class LossTimer : std::uint8_t { kNone, kReordering, kProbe };
// kCork: a partial segment is held back, 200 ms at most.
enum class RtxPurpose : std::uint8_t { kNone, kRetransmit, kPersist, kCork };

struct ActivityValues {
  RtxPurpose rtx_purpose = RtxPurpose::kNone;
  LossTimer loss_timer = LossTimer::kNone;
  bool force_retransmit = false;  // the next retransmission ignores the congestion window
  bool partial_ack_seen = false;
  bool probing = false;        // a loss probe is out, up to probe_end
  bool probe_is_copy = false;  // of data sent before
  bool probe_acked = false;    // once; the answer to the copy is still to come
  SeqNum probe_end;
  std::uint32_t unacked_bytes = 0;  // received since we last acknowledged
  std::uint32_t dup_acks = 0;
  std::uint32_t dup_flight_bytes = 0;  // in flight when the first duplicate came
  std::uint32_t expiries = 0;          // of the retransmission or persist timer, in a row
  SeqRange duplicate;                  // arrived twice, to be reported (RFC 2883)
  Instant rtx_deadline = kNever;
  Instant ack_deadline = kNever;
  Instant loss_deadline = kNever;
  Instant life_deadline = kNever;  // TIME-WAIT, FIN-WAIT-2
  Instant keepalive_deadline = kNever;
  Instant retry_deadline = kNever;  // no buffer was left
  // In recovery: RFC 6937 §3.
  std::uint32_t prr_flight_bytes = 0;
  std::uint32_t prr_delivered_bytes = 0;
  std::uint32_t prr_out_bytes = 0;
};

struct Activity : ActivityValues {
  Activity(Core* owner, Timer::Fire fire) : timer(this, fire), core(owner) {}

  SliceQueue send_queue;
  SliceQueue receive_queue;
  SentList sent;
  Reassembly reassembly;
  std::unique_ptr<Pacer> pacer;  // null: segments leave as the windows allow
  Timer timer;                   // the earliest of the deadlines, or earlier (timers.cc)
  Core* core;
  Connection* connection = nullptr;
};

class ActivityPool {
 public:
  ActivityPool(Core* owner, Timer::Fire fire)
      : core_(owner), fire_(fire), none_(std::make_unique<Activity>(owner, fire)) {}

  // What every connection without one of its own points to. Never written.
  [[nodiscard]] Activity* none() const { return none_.get(); }
  [[nodiscard]] std::uint32_t in_use() const { return in_use_; }
  [[nodiscard]] Activity* take(Connection& connection);
  // Requires: its timer is not armed.
  void give_back(Activity* activity);

 private:
  // Kept beyond as many as are in use.
  static constexpr std::size_t kSpareMax = 64;

  Core* core_;
  Timer::Fire fire_;
  std::unique_ptr<Activity> none_;
  std::vector<std::unique_ptr<Activity>> free_;
  std::uint32_t in_use_ = 0;
};

}  // namespace twinpath::tcp
