// Loss recovery: duplicate acknowledgements, fast retransmit and NewReno. Read RFC 5681 §3.2,
// RFC 6582 §3.2 and RFC 3042.
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

void enter_fast_recovery(Core& core, Connection& connection, Instant now) {
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  // RFC 5681 §3.2 (2): what limited transmit added is not part of the flight.
  connection.congestion.on_congestion({now, connection.dup_flight_bytes});
  core.report.cwnd(connection, now, before);
  connection.recovery = Recovery::kFastRecovery;
  connection.recover = connection.snd_nxt - 1;
  connection.partial_ack_seen = false;
  connection.force_retransmit = true;
  ++connection.fast_retransmits;
  connection.sent.mark_lost(0);
}

// RFC 6582 §3.2, step 3: a partial acknowledgement names the next hole.
void on_partial_ack(Connection& connection, std::uint32_t acked_bytes) {
  // All but the retransmitted one of the segments acknowledged had been counted as duplicates.
  const std::uint32_t segments = acked_bytes / connection.mss_bytes;
  const std::uint32_t counted = segments > 0 ? segments - 1 : 0;
  connection.dup_acks -= std::min(connection.dup_acks, counted);
  connection.partial_ack_seen = true;
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
  if (connection.recovery == Recovery::kFastRecovery || connection.dup_acks < kDupThreshold) return;
  // RFC 6582 §3.2, step 2: duplicates that a time-out's retransmissions caused start nothing.
  if (connection.snd_una > connection.recover) enter_fast_recovery(core, connection, now);
}

void on_acked(Core& core, Connection& connection, Instant now, std::uint32_t acked_bytes) {
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  if (connection.recovery == Recovery::kFastRecovery) {
    if (connection.snd_una > connection.recover) {
      leave_recovery(connection);
    } else {
      on_partial_ack(connection, acked_bytes);
    }
  } else {
    connection.dup_acks = 0;
    grow_window(connection, now, acked_bytes);
    if (connection.snd_una > connection.recover) leave_recovery(connection);
  }
  core.report.cwnd(connection, now, before);
}

// RFC 3168 §6.1.2: as for a lost segment, at most once per window.
void on_ecn_echo(Core& core, Connection& connection, Instant now) {
  if (connection.recovery != Recovery::kOpen) return;
  if (connection.snd_una <= connection.ecn_until) return;
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  connection.congestion.on_congestion({now, connection.flight_bytes()});
  connection.ecn_until = connection.snd_nxt - 1;
  connection.cwr_due = true;
  core.report.cwnd(connection, now, before);
}

// RFC 6298 §5.4 to §5.6 and RFC 5681 §3.1: everything in flight is taken for lost and sent again as
// the window reopens.
void on_loss_timeout(Core& core, Connection& connection, Instant now) {
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  if (connection.expiries == 1) {
    // After an earlier time-out most of what is unacknowledged is lost, not in flight; the window
    // tells what was. Taking it all for FlightSize keeps ssthresh above the path for ever.
    const std::uint32_t flight = std::min(connection.flight_bytes(), before);
    connection.congestion.on_timeout({now, flight});
  } else {
    connection.congestion.set_cwnd(connection.mss_bytes);
  }
  core.report.cwnd(connection, now, before);
  connection.recovery = Recovery::kLoss;
  connection.recover = connection.snd_nxt - 1;  // RFC 6582 §3.2, step 4
  connection.dup_acks = 0;
  connection.force_retransmit = true;
  connection.sent.mark_all_lost();
}

}  // namespace twinpath::tcp
