// Loss detection by time, and probes for loss at the tail. Read RFC 8985 §6 and §7.
//
// The list of what was sent (sent_list.h) keeps the times; here stand the reordering window, the
// one timer that waits for late segments or for any answer, and what the answer to a probe means.
#include <algorithm>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

constexpr std::uint32_t kDupThreshold = 3;              // RFC 8985 §6.2, step 4
constexpr std::uint8_t kReorderingStepsMax = 64;        // the window is capped by the SRTT before
constexpr std::uint8_t kReorderingKeepRecoveries = 16;  // RFC 8985 §6.2, step 4
// Deviates from RFC 8985 §7.2: two milliseconds on top of 2 SRTT, as on Linux, so that a busy host
// does not probe paths of microseconds for every answer that is a little late.
constexpr Duration kProbeSlack = std::chrono::milliseconds(2);
// WCDelAckT: the peer may keep the acknowledgement of a lone segment that long.
constexpr Duration kPeerDelayedAckMax = std::chrono::milliseconds(200);
constexpr Duration kTimestampTick = std::chrono::milliseconds(1);

// RFC 8985 §6.2, step 4.
Duration reordering_window(const Connection& connection) {
  const SentList& sent = connection.active->sent;
  const bool shows_loss =
      connection.recovery != Recovery::kOpen || sent.sacked_ranges() >= kDupThreshold;
  if (shows_loss && !sent.is_reordered()) return Duration::zero();
  return std::min(connection.rtt.min() / 4 * connection.rarely().reordering_steps,
                  connection.rtt.srtt());
}

void set_loss_timer(Core& core, Connection& connection, LossTimer timer, Instant deadline) {
  connection.active->loss_timer = timer;
  connection.active->loss_deadline = deadline;
  arm_by(core, connection, deadline);
}

}  // namespace

Arrival arrival_of(const Connection& connection, const Segment& segment) {
  Arrival arrival;
  arrival.now = segment.now;
  if (!connection.active->sent.has_retransmitted()) return arrival;
  arrival.rtt_min = connection.rtt.min();
  if (!connection.ts_ok || !segment.options->timestamps) return arrival;
  const TsVal echo = segment.options->timestamps->echo;
  const std::int32_t ticks = timestamp(connection, segment.now) - echo;
  if (echo == TsVal() || ticks < 0) return arrival;
  const std::int64_t ms = to_ns(segment.now) / kTimestampTick.count() - ticks;
  arrival.echoed_until = at_ns((ms + 1) * kTimestampTick.count());
  return arrival;
}

void detect_losses(Core& core, Connection& connection, Instant now) {
  const Duration window = reordering_window(connection);
  const Instant next = connection.active->sent.detect_lost(now, window);
  repair_lost_retransmissions(core, connection, now, window);
  if (next != kNever) {
    set_loss_timer(core, connection, LossTimer::kReordering, next);
  } else if (connection.active->loss_timer == LossTimer::kReordering) {
    stop_loss_timer(connection);
  }
}

// RFC 8985 §6.2, step 4: reported duplicates mean that the window was too narrow; once per round
// trip, and for some recoveries.
void widen_reordering(Connection& connection, SeqNum ack) {
  Rare& rare = connection.uncommon();
  if (ack <= rare.reordering_round) return;
  rare.reordering_round = connection.snd_nxt;
  rare.reordering_keep = kReorderingKeepRecoveries;
  if (rare.reordering_steps < kReorderingStepsMax) ++rare.reordering_steps;
}

// RFC 8985 §7.2. A probe no earlier than the retransmission timer would be none.
void schedule_loss_probe(Core& core, Connection& connection, Instant now) {
  if (!connection.sack_ok || connection.active->probing || connection.recovery != Recovery::kOpen)
    return;
  if (connection.active->rtx_purpose != RtxPurpose::kRetransmit || !connection.rtt.has_sample())
    return;
  if (connection.active->sent.sacked_ranges() > 0) return;
  Duration wait = 2 * connection.rtt.srtt() + kProbeSlack;
  if (connection.active->sent.size() == 1) wait += kPeerDelayedAckMax;
  const Instant deadline = after(now, wait);
  if (deadline >= connection.active->rtx_deadline) return stop_loss_timer(connection);
  set_loss_timer(core, connection, LossTimer::kProbe, deadline);
}

void on_loss_timer(Core& core, Connection& connection, Instant now) {
  const LossTimer timer = connection.active->loss_timer;
  stop_loss_timer(connection);
  if (timer == LossTimer::kReordering) {
    detect_losses(core, connection, now);
    const bool was_open = connection.recovery == Recovery::kOpen;
    recover_losses(core, connection, now);
    const bool enters = was_open && connection.recovery == Recovery::kFastRecovery;
    if (enters && !connection.congestion.is_model_based()) {
      reduce_in_proportion(core, connection, {.now = now});
    }
  } else if (timer == LossTimer::kProbe && !connection.active->sent.empty()) {
    connection.due |= kDueLossProbe;
    start_retransmission_timer(core, connection, now);  // RFC 8985 §7.3
  }
}

// RFC 8985 §7.4.2: a probe that repaired a loss hid it from congestion control.
void note_probe_outcome(Core& core, Connection& connection, const Segment& segment) {
  if (!connection.active->probing || segment.ack < connection.active->probe_end) return;
  if (!connection.active->probe_is_copy) {
    connection.active->probing = false;
    return;
  }
  const auto report = duplicate_report(segment);
  const bool was_needless = report && report->end == connection.active->probe_end;
  const bool is_bare_duplicate = segment.ack == connection.active->probe_end &&
                                 segment.options->sack.empty() && segment.payload_bytes == 0 &&
                                 connection.active->probe_acked;
  if (was_needless || is_bare_duplicate) {
    connection.active->probing = false;
  } else if (segment.ack > connection.active->probe_end) {
    connection.active->probing = false;
    on_probe_repaired_loss(core, connection, segment.now);
  }
  connection.active->probe_acked = true;
}

}  // namespace twinpath::tcp
