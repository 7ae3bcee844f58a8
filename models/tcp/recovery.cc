// Loss recovery: fast retransmit by duplicate acknowledgements and NewReno, or by what the peer
// selectively acknowledges. Read RFC 5681 §3.2, RFC 6582 §3.2, RFC 3042 and RFC 6675 §5.
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
  const std::uint32_t flight =
      connection.dup_acks > 0 ? connection.dup_flight_bytes : connection.flight_bytes();
  return std::min(flight, connection.congestion.cwnd_bytes());
}

void reduce_window(Core& core, Connection& connection, Instant now) {
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  connection.congestion.on_congestion({now, flight_in_network(connection)});
  connection.reduced_at = now;
  core.report.cwnd(connection, now, before);
}

void enter_fast_recovery(Core& core, Connection& connection, Instant now) {
  reduce_window(core, connection, now);
  connection.recovery = Recovery::kFastRecovery;
  connection.recover = connection.snd_nxt - 1;
  connection.partial_ack_seen = false;
  connection.force_retransmit = true;
  ++connection.fast_retransmits;
  if (!connection.sent.has_lost()) connection.sent.mark_lost(0);
}

// RFC 5681 §4.3: the loss of a retransmission is a second indication of congestion, once for each
// reduction of the window.
void repair_lost_retransmissions(Core& core, Connection& connection, Instant now) {
  const auto sent_at = connection.sent.detect_lost_again(connection.rtt.srtt() / 4);
  if (!sent_at || connection.recovery != Recovery::kFastRecovery) return;
  if (*sent_at > connection.reduced_at) reduce_window(core, connection, now);
}

// RFC 6675 §4, NextSeg() (3): with nothing lost for sure and no new data to send, a hole near the
// end of the flight would wait for the retransmission timer, as too little follows it to prove it
// lost. One per acknowledgement.
void suspect_hole(Connection& connection) {
  if (!connection.sack_ok || connection.sent.has_lost() || connection.unsent_bytes() > 0) return;
  connection.sent.suspect_next_hole();
}

// RFC 6582 §3.2, step 3: a partial acknowledgement names the next hole.
void on_partial_ack(Connection& connection, std::uint32_t acked_bytes) {
  // All but the retransmitted one of the segments acknowledged had been counted as duplicates.
  const std::uint32_t segments = acked_bytes / connection.mss_bytes;
  const std::uint32_t counted = segments > 0 ? segments - 1 : 0;
  connection.dup_acks -= std::min(connection.dup_acks, counted);
  connection.partial_ack_seen = true;
  if (connection.sack_ok) return suspect_hole(connection);  // RFC 6675 §5 (C)
  connection.force_retransmit = true;
  connection.sent.mark_lost(0);
}

void leave_recovery(Connection& connection) {
  if (connection.recovery == Recovery::kFastRecovery) {
    connection.congestion.on_recovered(connection.flight_bytes());
  }
  connection.recovery = Recovery::kOpen;
  connection.dup_acks = 0;
}

void grow_window(Connection& connection, Instant now, std::uint32_t acked_bytes) {
  AckSample sample;
  sample.now = now;
  sample.srtt = connection.rtt.srtt();
  sample.acked_bytes = acked_bytes;
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
  const std::uint32_t marked = connection.sent.pipe_bytes();
  if (connection.sack_ok) return marked;
  std::uint32_t arrived = 0;
  if (connection.recovery == Recovery::kFastRecovery) {
    arrived = connection.dup_acks;
  } else if (connection.recovery == Recovery::kOpen) {
    arrived = std::min(connection.dup_acks, kLimitedTransmitMax);
  }
  return marked - std::min(marked, arrived * connection.mss_bytes);
}

void on_duplicate_ack(Core& core, Connection& connection, Instant now) {
  if (connection.recovery == Recovery::kLoss) return;
  if (++connection.dup_acks == 1) connection.dup_flight_bytes = connection.flight_bytes();
  if (connection.recovery == Recovery::kFastRecovery) return suspect_hole(connection);
  // RFC 6675 §5 (1) and (2); without SACK nothing is ever marked before recovery.
  if (connection.dup_acks < kDupThreshold && !connection.sent.has_lost()) return;
  // RFC 6582 §3.2, step 2: duplicates that a time-out's retransmissions caused start nothing.
  if (connection.snd_una > connection.recover) enter_fast_recovery(core, connection, now);
}

void note_sacks(Core& core, Connection& connection, const Segment& segment) {
  if (!connection.sack_ok || segment.options->sack.empty()) return;
  if (!connection.sent.sack(segment.options->sack)) return;
  connection.sent.detect_lost();
  repair_lost_retransmissions(core, connection, segment.now);
}

void on_acked(Core& core, Connection& connection, Instant now, std::uint32_t acked_bytes) {
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  const bool is_past = connection.snd_una > connection.recover;
  if (connection.recovery != Recovery::kFastRecovery) {
    connection.dup_acks = 0;
    grow_window(connection, now, acked_bytes);
  } else if (!is_past) {
    on_partial_ack(connection, acked_bytes);
  }
  if (is_past) {
    leave_recovery(connection);
    // What was lost since recovery began is an episode of its own.
    if (connection.sent.has_lost()) enter_fast_recovery(core, connection, now);
  }
  core.report.cwnd(connection, now, before);
}

// RFC 3168 §6.1.2: as for a lost segment, at most once per window.
void on_ecn_echo(Core& core, Connection& connection, Instant now) {
  if (connection.recovery != Recovery::kOpen) return;
  if (connection.snd_una <= connection.ecn_until) return;
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  connection.congestion.on_congestion({now, flight_in_network(connection)});
  connection.ecn_until = connection.snd_nxt - 1;
  connection.cwr_due = true;
  core.report.cwnd(connection, now, before);
}

// RFC 6298 §5.4 to §5.6 and RFC 5681 §3.1: everything in flight is taken for lost and sent again as
// the window reopens.
void on_loss_timeout(Core& core, Connection& connection, Instant now) {
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  if (connection.expiries == 1) {
    // Most of what is unacknowledged after an earlier time-out is lost, not in flight; taking it
    // all for FlightSize would keep ssthresh above the path for ever.
    connection.congestion.on_timeout({now, flight_in_network(connection)});
  } else {
    connection.congestion.set_cwnd(connection.mss_bytes);
  }
  core.report.cwnd(connection, now, before);
  connection.recovery = Recovery::kLoss;
  connection.recover = connection.snd_nxt - 1;  // RFC 6582 §3.2, step 4
  connection.dup_acks = 0;
  connection.force_retransmit = true;
  if (connection.sent.has_reneged()) connection.sent.forget_sacks();
  connection.sent.mark_all_lost();
}

}  // namespace twinpath::tcp
