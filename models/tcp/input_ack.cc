// The fifth step of RFC 9293 §3.10.7.4: the acknowledgement field.
#include <algorithm>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

// tcp(7), TCP_DEFER_ACCEPT: a bare acknowledgement does not wake anybody, for a while.
bool is_deferred(const Listener& listener, Connection& connection, const Segment& segment) {
  if (connection.active->expiries >= listener.options.defer_accept_retries || segment.len() > 0) {
    return false;
  }
  connection.handshake_acked = true;
  return true;
}

// SYN-RECEIVED: either the handshake is complete or the acknowledgement is of something else.
Outcome ack_in_syn_received(Core& core, Connection& connection, const Segment& segment) {
  if (segment.ack <= connection.snd_una || segment.ack > connection.snd_nxt) {
    return Outcome::kResetSender;
  }
  const Listener* listener = core.listeners.get(connection.listener);
  if (listener != nullptr && is_deferred(*listener, connection, segment)) return Outcome::kIgnore;
  // Accept queue full: the acknowledgement is as good as lost; our SYN,ACK will ask for it again.
  if (listener != nullptr && listener->accept_queue_full()) {
    ++core.counters.accepts_delayed;
    return core.config.accept_overflow_resets ? Outcome::kAbort : Outcome::kQueueFull;
  }
  establish(core, connection, segment);
  return Outcome::kContinue;
}

std::uint32_t scaled_window(const Connection& connection, const Segment& segment) {
  return static_cast<std::uint32_t>(segment.window) << connection.snd_scale;
}

// RFC 5681 §2.
bool is_duplicate(const Connection& connection, const Segment& segment) {
  return segment.ack == connection.snd_una && segment.payload_bytes == 0 && !segment.flags.fin() &&
         !connection.active->sent.empty() &&
         scaled_window(connection, segment) == connection.snd_wnd;
}

// The round trip of what was acknowledged. A segment sent once tells it exactly. Of one sent again
// only the peer's echo tells which transmission arrived; an echo older than the last one tells
// nothing: the first may have arrived and its acknowledgement been lost, and then the time-out is
// part of the difference. Deviates from RFC 7323 §4.1, which takes that for a sample.
std::optional<Duration> measure_rtt(const Connection& connection, const Segment& segment,
                                    const AckedRanges& acked) {
  if (acked.sent_at) return segment.now - *acked.sent_at;
  if (!acked.resent_at || !echoes_since(connection, segment, *acked.resent_at)) {
    return std::nullopt;
  }
  const Duration sample = segment.now - *acked.resent_at;
  if (sample < connection.rtt.min()) return std::nullopt;  // RFC 8985 §6.2: the first one arrived
  return sample;
}

// One per round trip (RFC 6298 §3), except for what was sent again.
void sample_rtt(Core& core, Connection& connection, const Segment& segment, Duration sample) {
  connection.rtt.clear_backoff();
  if (segment.ack <= connection.round_end && connection.recovery == Recovery::kOpen) return;
  connection.round_end = connection.snd_nxt;
  connection.rtt.on_sample(core.config, sample);
  core.report.rtt(connection, segment.now, {sample, connection.rtt.rto(core.config)});
}

void note_progress(Rare& rare, SeqNum ack) {
  rare.unanswered_since = kNever;
  if (rare.urgent_out && rare.snd_up <= ack) rare.urgent_out = false;
}

// A window in flight and another to follow it without a pause, as Linux sizes it.
void grow_send_buffer(Connection& connection) {
  if (connection.send_buffer_bytes >= connection.send_buffer_max_bytes) return;
  const std::uint32_t wanted =
      std::min(2 * connection.congestion.cwnd_bytes(), connection.send_buffer_max_bytes);
  connection.send_buffer_bytes = std::max(connection.send_buffer_bytes, wanted);
}

void release_acked_data(Connection& connection, SeqNum ack) {
  const SeqNum data_end = earlier(ack, connection.snd_end);
  const std::uint32_t bytes = data_end.value() - connection.queue_first().value();
  connection.active->send_queue.drop_front(bytes);
  connection.bytes_acked += bytes;
  connection.snd_una = ack;
  if (connection.rare != nullptr) note_progress(*connection.rare, ack);
  grow_send_buffer(connection);
  const std::uint32_t third = connection.send_buffer_bytes / 3;
  if (connection.write_blocked && connection.send_room_bytes() >= third &&
      connection.is_below_lowat()) {
    connection.write_blocked = false;
    connection.readiness |= kTcpWritable;
  }
}

// SND.UNA < SEG.ACK =< SND.NXT. Returns the round trip, if it tells one.
std::optional<Duration> accept_new_ack(Core& core, Connection& connection, const Segment& segment) {
  const std::uint32_t acked_bytes = segment.ack.value() - connection.snd_una.value();
  const AckedRanges acked =
      connection.active->sent.acknowledge(segment.ack, arrival_of(connection, segment));
  note_sacks(core, connection, segment);
  const std::optional<Duration> rtt = measure_rtt(connection, segment, acked);
  if (rtt) sample_rtt(core, connection, segment, *rtt);
  release_acked_data(connection, segment.ack);
  connection.active->expiries = 0;
  undo_if_spurious(core, connection, segment);
  // Without SACK only the first partial acknowledgement restarts the timer, so that many holes are
  // left to a time-out (RFC 6582 §3.2, step 3, the impatient variant).
  const bool impatient = !connection.sack_ok && connection.active->partial_ack_seen &&
                         connection.recovery == Recovery::kFastRecovery;
  const bool marked = connection.ecn_ok && segment.flags.ece();
  on_acked(core, connection, {segment.now, acked_bytes, rtt, marked});
  if (connection.active->sent.empty()) {
    stop_retransmission_timer(connection);  // RFC 6298 §5.2
  } else if (!impatient || connection.recovery == Recovery::kOpen) {
    start_retransmission_timer(core, connection, segment.now);  // RFC 6298 §5.3, RFC 6582 §3.2
    schedule_loss_probe(core, connection, segment.now);
  }
  return rtt;
}

// "If SND.UNA =< SEG.ACK =< SND.NXT, the send window should be updated."
void update_send_window(Connection& connection, const Segment& segment) {
  const bool newer = connection.snd_wl1 < segment.seq ||
                     (connection.snd_wl1 == segment.seq && connection.snd_wl2 <= segment.ack);
  if (!newer) return;
  connection.snd_wl1 = segment.seq;
  connection.snd_wl2 = segment.ack;
  connection.snd_wnd = scaled_window(connection, segment);
  connection.snd_wnd_max = std::max(connection.snd_wnd_max, connection.snd_wnd);
  // The peer answers: RFC 9293 §3.8.6.1 forbids giving up while its window is shut.
  if (connection.snd_wnd == 0) connection.active->expiries = 0;
  if (connection.active->rtx_purpose == RtxPurpose::kPersist && connection.snd_wnd > 0) {
    connection.active->expiries = 0;
    stop_retransmission_timer(connection);
    connection.rtt.clear_backoff();
  }
}

// How far behind SND.UNA an acknowledgement may be: RFC 5961 §5.2's MAX.SND.WND, but never before
// the first octet, which nobody can have acknowledged.
std::uint32_t remembered_bytes(const Connection& connection) {
  const std::uint64_t sent = connection.bytes_acked + (connection.fin_acked() ? 1 : 0);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(connection.snd_wnd_max, sent));
}

Outcome ack_in_synchronized(Core& core, Connection& connection, const Segment& segment) {
  // RFC 5961 §5.2: what acknowledges the future, or a past older than any window, is blind data.
  if (segment.ack > connection.snd_nxt) return Outcome::kChallenge;
  if (segment.ack < connection.snd_una - remembered_bytes(connection)) return Outcome::kChallenge;
  // RFC 3168 §6.1.2: an echo is about data in flight; the end of a handshake has none.
  if (connection.ecn_ok && segment.flags.ece() && !connection.active->sent.empty()) {
    on_ecn_echo(core, connection, segment.now);
  }
  const std::uint32_t delivered_before = connection.active->sent.delivered_bytes();
  const bool advances = segment.ack > connection.snd_una;
  const Delivered before = delivered_so_far(connection);
  std::optional<Duration> rtt;
  if (segment.ack > connection.snd_una) {
    rtt = accept_new_ack(core, connection, segment);
  } else if (segment.ack == connection.snd_una) {
    note_sacks(core, connection, segment);
    const bool shows_loss = connection.sack_ok && connection.active->sent.has_lost();
    if (shows_loss || is_duplicate(connection, segment)) {
      on_duplicate_ack(core, connection, segment.now);
    }
  }
  if (connection.active->probing) note_probe_outcome(core, connection, segment);
  if (connection.recovery == Recovery::kFastRecovery && connection.sack_ok &&
      !connection.congestion.is_model_based()) {
    const bool is_safe = advances && connection.active->sent.lost_total() == before.lost;
    reduce_in_proportion(
        core, connection,
        {segment.now, connection.active->sent.delivered_bytes() - delivered_before, is_safe});
  }
  if (segment.ack >= connection.snd_una) {
    if (connection.congestion.is_model_based()) {
      steer_by_model(core, connection, {segment.now, rtt, before});
    }
    update_send_window(connection, segment);
  }
  return Outcome::kContinue;
}

// What the acknowledgement of our FIN means, state by state.
Outcome advance_close(Core& core, Connection& connection, Instant now) {
  if (!connection.fin_acked()) return Outcome::kContinue;
  switch (connection.state) {
    case TcpState::kFinWait1:
      set_state(core, connection, now, TcpState::kFinWait2);
      if (!connection.has_handle) {
        connection.active->life_deadline = after(now, patience_in_fin_wait_2(core, connection));
      }
      arm_by(core, connection, connection.active->life_deadline);
      return Outcome::kContinue;
    case TcpState::kClosing:
      enter_time_wait(core, connection, now);
      return Outcome::kContinue;
    case TcpState::kLastAck:
      return Outcome::kClose;
    default:
      return Outcome::kContinue;
  }
}

}  // namespace

// Fifth.
Outcome check_ack(Core& core, Connection& connection, const Segment& segment) {
  if (!segment.flags.ack()) return Outcome::kDrop;
  if (connection.state == TcpState::kSynReceived) {
    const Outcome outcome = ack_in_syn_received(core, connection, segment);
    if (outcome != Outcome::kContinue) return outcome;
  }
  const Outcome outcome = ack_in_synchronized(core, connection, segment);
  if (outcome != Outcome::kContinue) return outcome;
  return advance_close(core, connection, segment.now);
}

}  // namespace twinpath::tcp
