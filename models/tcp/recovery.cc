// Loss recovery: fast retransmit by duplicate acknowledgements and NewReno, or by what the peer
// selectively acknowledges and when (rack.cc). Read RFC 5681 §3.2, RFC 6582 §3.2, RFC 3042, RFC
// 6675 §5 and RFC 6937.
//
// Instead of inflating the congestion window, each duplicate acknowledgement counts one segment as
// having left the network: "pipe" shrinks where RFC 5681 lets the window grow. The two are the same
// inequality, and with SACK the marks on the sent list take the place of the count.
#include <algorithm>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

constexpr std::uint32_t kDupThreshold = 3;        // RFC 5681 §3.2
constexpr std::uint32_t kLimitedTransmitMax = 2;  // RFC 3042 §2

// RFC 5681 §2's FlightSize, as far as it can still be in the network: with SACK much of what is not
// yet acknowledged has arrived.
std::uint32_t flight_in_network(const Connection& connection) {
  // RFC 5681 §3.2 (2): what limited transmit added is not part of the flight.
  const std::uint32_t flight = connection.active->dup_acks > 0 ? connection.active->dup_flight_bytes
                                                               : connection.flight_bytes();
  return std::min(flight, connection.congestion.cwnd_bytes());
}

void reduce_window(Core& core, Connection& connection, Instant now) {
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  connection.congestion.on_congestion({now, flight_in_network(connection)});
  connection.uncommon().reduced_at = now;
  core.report.cwnd(connection, now, before);
}

// RFC 3168 §6.1.2: a reduction for whatever reason answers the marks of its window, and the first
// new data tells the peer.
void note_reduction(Connection& connection) {
  if (!connection.ecn_ok) return;
  connection.ecn_until = connection.snd_nxt - 1;
  connection.cwr_due = true;
}

void enter_fast_recovery(Core& core, Connection& connection, Instant now) {
  arm_undo(connection);
  note_reduction(connection);
  connection.active->prr_flight_bytes = connection.flight_bytes();
  connection.active->prr_delivered_bytes = connection.active->prr_out_bytes = 0;
  if (connection.active->loss_timer == LossTimer::kProbe) stop_loss_timer(connection);
  reduce_window(core, connection, now);
  connection.recovery = Recovery::kFastRecovery;
  connection.recover = connection.snd_nxt - 1;
  connection.active->partial_ack_seen = false;
  connection.active->force_retransmit = true;
  ++connection.uncommon().fast_retransmits;
  if (!connection.active->sent.has_lost()) connection.active->sent.mark_lost(0);
}

// RFC 6582 §3.2, step 3: a partial acknowledgement names the next hole.
void on_partial_ack(Connection& connection, std::uint32_t acked_bytes) {
  // All but the retransmitted one of the segments acknowledged had been counted as duplicates.
  const std::uint32_t segments = acked_bytes / connection.mss_bytes;
  const std::uint32_t counted = segments > 0 ? segments - 1 : 0;
  connection.active->dup_acks -= std::min(connection.active->dup_acks, counted);
  connection.active->partial_ack_seen = true;
  if (connection.sack_ok) return;  // time tells which are lost
  connection.active->force_retransmit = true;
  connection.active->sent.mark_lost(0);
}

void leave_recovery(Connection& connection) {
  if (connection.recovery == Recovery::kFastRecovery) {
    // RFC 6937 §3 has let out what arrived all along: no burst to fear.
    connection.congestion.on_recovered(connection.sack_ok ? CongestionWindow::kCwndMax
                                                          : connection.flight_bytes());
  }
  Rare* rare = connection.rare.get();
  if (rare != nullptr && rare->reordering_keep > 0 && --rare->reordering_keep == 0) {
    rare->reordering_steps = 1;  // RFC 8985 §6.2, step 4
  }
  connection.recovery = Recovery::kOpen;
  connection.active->dup_acks = 0;
}

AckSample sample_of(const Connection& connection, const Progress& progress) {
  AckSample sample;
  sample.now = progress.now;
  sample.acked_bytes = progress.acked_bytes;
  sample.srtt = connection.rtt.srtt();
  sample.rtt = progress.rtt;
  sample.acked_to = connection.snd_una;
  sample.sent_to = connection.snd_nxt;
  sample.marked = progress.marked;
  return sample;
}

void grow_window(Connection& connection, AckSample sample) {
  const std::uint32_t acked_bytes = sample.acked_bytes;
  // Slow start also goes on while half the window is in use: a sender about to be held back.
  const std::uint32_t used = connection.flight_bytes() + acked_bytes;
  sample.window_limited =
      connection.snd_una <= connection.limited_until ||
      (connection.congestion.in_slow_start() && used * 2 > connection.congestion.cwnd_bytes());
  if (connection.limited_until < connection.snd_una) {
    connection.limited_until = connection.snd_una - 1;
  }
  // Retransmissions go out in slow start, one segment per acknowledgement (RFC 3465 §2.3).
  if (connection.recovery == Recovery::kLoss) {
    sample.acked_bytes = std::min(acked_bytes, connection.mss_bytes);
  }
  connection.congestion.on_ack(sample);
}

}  // namespace

std::uint32_t pipe_bytes(const Connection& connection) {
  const std::uint32_t marked = connection.active->sent.pipe_bytes();
  if (connection.sack_ok) return marked;
  std::uint32_t arrived = 0;
  if (connection.recovery == Recovery::kFastRecovery) {
    arrived = connection.active->dup_acks;
  } else if (connection.recovery == Recovery::kOpen) {
    arrived = std::min(connection.active->dup_acks, kLimitedTransmitMax);
  }
  return marked - std::min(marked, arrived * connection.mss_bytes);
}

void on_duplicate_ack(Core& core, Connection& connection, Instant now) {
  if (connection.recovery == Recovery::kLoss) return;
  if (++connection.active->dup_acks == 1)
    connection.active->dup_flight_bytes = connection.flight_bytes();
  if (connection.recovery == Recovery::kFastRecovery) return;
  // Where the peer says what arrived, time decides (rack.cc); else the third duplicate does. With
  // SACK one that reports nothing is no duplicate (RFC 6675 §2).
  const bool counts = !connection.sack_ok;
  if (!connection.active->sent.has_lost() &&
      !(counts && connection.active->dup_acks >= kDupThreshold))
    return;
  // RFC 6582 §3.2, step 2: duplicates that a time-out's retransmissions caused start nothing.
  if (connection.snd_una > connection.recover) enter_fast_recovery(core, connection, now);
}

void note_sacks(Core& core, Connection& connection, const Segment& segment) {
  if (!connection.sack_ok) return;
  if (!segment.options->sack.empty()) {
    on_duplicate_report(core, connection, segment);
    connection.active->sent.sack(segment.options->sack, arrival_of(connection, segment));
  }
  if (connection.active->sent.sacked_ranges() > 0 || connection.active->sent.has_retransmitted()) {
    detect_losses(core, connection, segment.now);
  }
}

void recover_losses(Core& core, Connection& connection, Instant now) {
  if (connection.recovery != Recovery::kOpen || !connection.active->sent.has_lost()) return;
  if (connection.snd_una > connection.recover) enter_fast_recovery(core, connection, now);
}

// RFC 5681 §4.3: the loss of a retransmission is a second indication of congestion, once for each
// reduction of the window.
void repair_lost_retransmissions(Core& core, Connection& connection, Instant now,
                                 Duration reordering) {
  const auto sent_at = connection.active->sent.detect_lost_again(now, reordering);
  if (!sent_at || connection.recovery != Recovery::kFastRecovery) return;
  if (connection.congestion.is_model_based()) return;
  if (*sent_at <= connection.rarely().reduced_at) return;
  // In recovery the window is what RFC 6937 lets out; the one to reduce is where it leads.
  connection.congestion.set_cwnd(connection.congestion.ssthresh_bytes());
  reduce_window(core, connection, now);
}

// Deviates from RFC 6937 §3.1: its slow-start bound lets out a segment more than arrived only while
// recovery goes well, as RFC 9937, which takes its place, and Linux have it.
void reduce_in_proportion(Core& core, Connection& connection, const Arrived& arrived) {
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  const std::uint32_t ssthresh = connection.congestion.ssthresh_bytes();
  const std::uint32_t pipe = pipe_bytes(connection);
  connection.active->prr_delivered_bytes += arrived.bytes;
  const std::uint64_t delivered = connection.active->prr_delivered_bytes;
  const std::uint64_t out = connection.active->prr_out_bytes;
  std::uint64_t room = 0;
  if (pipe > ssthresh) {
    const std::uint64_t flight = std::max(connection.active->prr_flight_bytes, 1U);
    // CEIL in whole segments: less than one lets nothing out.
    const std::uint64_t mss = connection.mss_bytes;
    const std::uint64_t allowed = (delivered * ssthresh + flight * mss - 1) / (flight * mss) * mss;
    room = allowed > out ? allowed - out : 0;
  } else {
    const std::uint64_t owed = delivered > out ? delivered - out : 0;
    const std::uint64_t limit = std::max<std::uint64_t>(owed, arrived.bytes);
    const std::uint32_t more = arrived.is_safe ? connection.mss_bytes : 0;
    room = std::min<std::uint64_t>(ssthresh - pipe, limit + more);
  }
  if (out == 0 && room == 0) room = connection.mss_bytes;  // what recovery begins with
  connection.congestion.set_cwnd(pipe + static_cast<std::uint32_t>(room));
  core.report.cwnd(connection, arrived.now, before);
}

void on_probe_repaired_loss(Core& core, Connection& connection, Instant now) {
  if (connection.recovery != Recovery::kOpen) return;
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  connection.congestion.on_congestion({now, before});  // little is in flight behind a probe
  note_reduction(connection);
  core.report.cwnd(connection, now, before);
}

void on_acked(Core& core, Connection& connection, const Progress& progress) {
  const Instant now = progress.now;

  const std::uint32_t before = connection.congestion.cwnd_bytes();
  const bool is_past = connection.snd_una > connection.recover;
  const AckSample sample = sample_of(connection, progress);
  connection.congestion.observe(sample);
  if (connection.recovery != Recovery::kFastRecovery) {
    connection.active->dup_acks = 0;
    grow_window(connection, sample);
  } else if (!is_past) {
    on_partial_ack(connection, progress.acked_bytes);
  }
  if (is_past) {
    leave_recovery(connection);
    // What was lost since recovery began is an episode of its own.
    if (connection.active->sent.has_lost()) enter_fast_recovery(core, connection, now);
  }
  core.report.cwnd(connection, now, before);
}

// RFC 3168 §6.1.2: as for a lost segment, at most once per window.
void on_ecn_echo(Core& core, Connection& connection, Instant now) {
  if (connection.recovery != Recovery::kOpen) return;
  if (connection.snd_una <= connection.ecn_until) return;
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  connection.congestion.on_mark({now, flight_in_network(connection)});
  note_reduction(connection);
  core.report.cwnd(connection, now, before);
}

// RFC 6298 §5.4 to §5.6 and RFC 5681 §3.1: everything in flight is taken for lost and sent again as
// the window reopens.
void on_loss_timeout(Core& core, Connection& connection, Instant now) {
  arm_undo(connection);
  note_reduction(connection);
  stop_loss_timer(connection);
  connection.active->probing = false;
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  if (connection.recovery == Recovery::kFastRecovery && connection.sack_ok &&
      !connection.congestion.is_model_based()) {
    connection.congestion.set_cwnd(connection.congestion.ssthresh_bytes());
  }
  if (connection.active->expiries == 1) {
    // Most of what is unacknowledged after an earlier time-out is lost, not in flight; taking it
    // all for FlightSize would keep ssthresh above the path for ever.
    connection.congestion.on_timeout({now, flight_in_network(connection)});
  } else {
    connection.congestion.set_cwnd(connection.mss_bytes);
  }
  core.report.cwnd(connection, now, before);
  connection.recovery = Recovery::kLoss;
  connection.recover = connection.snd_nxt - 1;  // RFC 6582 §3.2, step 4
  connection.active->dup_acks = 0;
  connection.active->force_retransmit = true;
  if (connection.active->sent.has_reneged()) connection.active->sent.forget_sacks();
  connection.active->sent.mark_all_lost();
}

}  // namespace twinpath::tcp
