// What to send next: one segment per call, until there is nothing the windows allow. The order is
// duplicate acknowledgements, retransmissions, new data, probes, then a bare acknowledgement if
// none of those carried it. Read RFC 9293 §3.7.4 and §3.8.6.2.1, RFC 5681 §3.1 and §4.1.
#include <algorithm>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

bool sends_data(const Connection& connection) {
  const TcpState state = connection.state;
  return connection.is_fast_open_child() || state == TcpState::kEstablished ||
         state == TcpState::kCloseWait || state == TcpState::kFinWait1 ||
         state == TcpState::kClosing || state == TcpState::kLastAck;
}

bool fin_is_unsent(const Connection& connection) {
  return connection.fin_queued && connection.snd_nxt == connection.snd_end;
}

TcpFlags data_flags(const Connection& connection, SeqRange text) {
  TcpFlags flags = kAck;
  // RFC 9293 §3.9.1, MUST-61: the last segment of what is buffered carries PSH.
  if (text.len() > 0 && text.end == connection.snd_end) flags |= kPsh;
  return flags;
}

Sent send_syn(Core& core, Connection& connection, Instant now, TcpDeparture& out) {
  const bool replies = connection.state == TcpState::kSynReceived;
  TcpFlags flags = replies ? kSyn | kAck : kSyn;
  // RFC 3168 §6.1.1; §6.1.1.1: a SYN sent again asks for nothing.
  if (replies && connection.ecn_ok) flags |= kEce;
  if (!replies && core.config.ecn == EcnMode::kRequest && !connection.handshake_retransmitted) {
    flags |= kEce | kCwr;
  }
  const std::uint32_t text_bytes =
      connection.rare == nullptr
          ? 0
          : std::min(connection.active->send_queue.bytes(), syn_room_bytes(core, connection, now));
  const Sent sent = emit(core, connection, now, {connection.iss, text_bytes, flags}, out);
  if (sent != Sent::kSegment) return sent;
  if (text_bytes > 0) {
    connection.rare->syn_data_bytes = text_bytes;
    const SeqNum first = connection.iss + 1;
    core.report.sent(connection, now, {first, first + text_bytes});
  }
  connection.due &= static_cast<std::uint8_t>(~(kDueSyn | kDueAck));
  connection.last_sent_at = now;
  if (connection.active->rtx_purpose == RtxPurpose::kNone) {
    start_retransmission_timer(core, connection, now);
  }
  return sent;
}

Sent send_ack(Core& core, Connection& connection, Instant now, TcpDeparture& out) {
  return emit(core, connection, now, {connection.snd_nxt, 0, kAck}, out);
}

// One octet before the window, no data: the form Linux sends. Deviates from RFC 9293 §3.8.6.1,
// which sends an octet of data; both make the peer answer, and this one needs no room in the sent
// list.
Sent send_probe(Core& core, Connection& connection, Instant now, TcpDeparture& out) {
  const Sent sent = emit(core, connection, now, {connection.snd_una - 1, 0, kAck}, out);
  if (sent == Sent::kSegment) {
    connection.due &= static_cast<std::uint8_t>(~(kDueProbe | kDueKeepalive));
  }
  return sent;
}

// The window was smaller, or the path narrower, when the range was sent.
void fit_to_mss(Connection& connection, std::uint32_t index) {
  const SentRange& range = connection.active->sent[index];
  const SeqNum text_end = earlier(range.end, connection.snd_end);
  if (text_end.value() - range.first.value() > connection.mss_bytes) {
    connection.active->sent.split({index, connection.mss_bytes});
  }
}

Sent emit_again(Core& core, Connection& connection, Instant now, const SentRange& range,
                TcpDeparture& out) {
  const SeqNum text_end = earlier(range.end, connection.snd_end);
  Outgoing what{range.first, text_end.value() - range.first.value(),
                data_flags(connection, {range.first, text_end})};
  if (range.end != text_end) what.flags |= kFin;
  const Sent sent = emit(core, connection, now, what, out);
  if (sent != Sent::kSegment) return sent;
  connection.last_sent_at = now;
  ++connection.uncommon().retransmits;
  ++core.counters.retransmits;
  return sent;
}

Sent retransmit(Core& core, Connection& connection, Instant now, TcpDeparture& out) {
  const auto index = connection.active->sent.next_lost();
  if (!index) return Sent::kNothing;
  fit_to_mss(connection, *index);
  const SentRange range = connection.active->sent[*index];
  const bool fits = pipe_bytes(connection) + range.len() <= connection.congestion.cwnd_bytes() &&
                    range.end <= connection.snd_una + connection.snd_wnd;
  if (!connection.active->force_retransmit) {
    if (!fits || is_held_by_pacing(core, connection, now)) return Sent::kNothing;
  }
  const Sent sent = emit_again(core, connection, now, range, out);
  if (sent != Sent::kSegment) return sent;
  connection.active->force_retransmit = false;
  connection.active->sent.mark_resent(*index, now);
  note_paced(connection, now, range.len());
  connection.active->prr_out_bytes += range.len();
  note_retransmission(connection, now);
  core.report.retransmit(
      connection, now, {range.first, range.end},
      connection.recovery == Recovery::kLoss ? RetransmitCause::kTimeout : RetransmitCause::kFast);
  // RFC 6298 §5.1. The timer has waited for what is repaired now: on a path whose round trip is the
  // time-out, it would fire just before the answer.
  const bool repairs = *index == 0 && connection.recovery == Recovery::kFastRecovery;
  if (connection.active->rtx_purpose != RtxPurpose::kRetransmit || repairs) {
    start_retransmission_timer(core, connection, now);
  }
  return sent;
}

// RFC 5681 §4.1: after an RTO of silence the window says nothing about the path any more.
void restart_after_idle(Core& core, Connection& connection, Instant now) {
  if (!core.config.slow_start_after_idle || !connection.active->sent.empty()) return;
  if (connection.bytes_sent == 0) return;
  if (now - connection.last_sent_at <= connection.rtt.rto(core.config)) return;
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  connection.congestion.on_idle(now, initial_window_bytes(core, connection));
  core.report.cwnd(connection, now, before);
}

// Why new data may not leave now.
enum class Hold : std::uint8_t { kNone, kNoData, kWindow, kCongestion, kNagle };

struct Plan {
  Hold hold = Hold::kNoData;
  std::uint32_t payload_bytes = 0;
  bool fin = false;
};

std::uint32_t usable_window(const Connection& connection) {
  const std::int32_t room = connection.snd_una + connection.snd_wnd - connection.snd_nxt;
  return room > 0 ? static_cast<std::uint32_t>(room) : 0;
}

// RFC 9293 §3.8.6.2.1: a full segment, everything there is, or half the largest window seen; else
// wait for more window or the override.
bool is_silly(const Connection& connection, std::uint32_t usable) {
  if (connection.send_small) return usable == 0;
  return usable < connection.mss_bytes && (usable == 0 || usable < connection.snd_wnd_max / 2);
}

// RFC 9293 §3.7.4: a short segment waits while anything is unacknowledged; by Minshall's variant
// (draft-minshall-nagle-01) only while another short one is.
bool holds_short(const Core& core, const Connection& connection) {
  if (connection.send_small) return false;
  if (connection.cork) return true;
  if (!connection.nagle || connection.active->sent.empty()) return false;
  return !core.config.minshall || connection.short_end > connection.snd_una;
}

Plan plan_new_data(const Core& core, const Connection& connection) {
  Plan plan;
  const std::uint32_t unsent = connection.unsent_bytes();
  const bool fin = fin_is_unsent(connection) || (connection.fin_queued && unsent > 0);
  if (unsent == 0 && !fin) return plan;
  const std::uint32_t usable = usable_window(connection);
  plan.payload_bytes = std::min(unsent, connection.mss_bytes);
  plan.fin = fin && plan.payload_bytes == unsent;
  const std::uint32_t wanted = plan.payload_bytes + (plan.fin ? 1U : 0U);
  if (usable < wanted) {
    plan.hold = Hold::kWindow;
    plan.fin = false;
    plan.payload_bytes = std::min(plan.payload_bytes, usable);
    if (plan.payload_bytes < unsent && is_silly(connection, usable)) return plan;
    if (plan.payload_bytes == 0) return plan;
  }
  plan.hold = Hold::kCongestion;
  const std::uint32_t pipe = pipe_bytes(connection);
  if (pipe > 0 && pipe + plan.payload_bytes > connection.congestion.cwnd_bytes()) return plan;
  plan.hold = Hold::kNagle;
  const bool is_short = plan.payload_bytes < connection.mss_bytes && !connection.fin_queued &&
                        !connection.has_urgent_out();
  if (is_short && holds_short(core, connection)) return plan;
  plan.hold = Hold::kNone;
  return plan;
}

void restart_model(Connection& connection) {
  const DeliveryRate* rate = connection.active->sent.rate();
  if (rate != nullptr) connection.congestion.on_restart(rate->is_app_limited());
}

Sent send_planned(Core& core, Connection& connection, Instant now, const Plan& plan,
                  TcpDeparture& out) {
  const SeqNum first = connection.snd_nxt;
  const SeqNum text_end = first + plan.payload_bytes;
  Outgoing what{first, plan.payload_bytes, data_flags(connection, {first, text_end})};
  if (plan.fin) what.flags |= kFin;
  if (connection.cwr_due && plan.payload_bytes > 0) what.flags |= kCwr;
  const Sent sent = emit(core, connection, now, what, out);
  if (sent != Sent::kSegment) return sent;
  if (plan.payload_bytes > 0) connection.cwr_due = false;
  connection.send_small = false;
  connection.snd_nxt = text_end + (plan.fin ? 1U : 0U);
  if (plan.payload_bytes < connection.mss_bytes) connection.short_end = text_end;
  if (connection.active->sent.empty()) restart_model(connection);
  connection.active->sent.push({first, connection.snd_nxt, now});
  note_paced(connection, now, plan.payload_bytes);
  connection.active->prr_out_bytes += plan.payload_bytes;
  connection.last_sent_at = now;
  core.report.sent(connection, now, {first, text_end});
  if (connection.active->rtx_purpose != RtxPurpose::kRetransmit) {
    start_retransmission_timer(core, connection, now);  // RFC 6298 §5.1
  }
  if (connection.active->loss_timer == LossTimer::kNone) schedule_loss_probe(core, connection, now);
  return sent;
}

Sent send_new_data(Core& core, Connection& connection, Instant now, TcpDeparture& out) {
  if (!sends_data(connection)) return Sent::kNothing;
  restart_after_idle(core, connection, now);
  const Plan plan = plan_new_data(core, connection);
  if (plan.hold == Hold::kCongestion) connection.limited_until = connection.snd_nxt;
  if (plan.hold == Hold::kNoData || plan.hold == Hold::kNagle) note_app_limited(connection);
  if (connection.active->sent.empty() && connection.active->rtx_purpose == RtxPurpose::kNone) {
    if (plan.hold == Hold::kWindow) start_persist_timer(core, connection, now);
    if (plan.hold == Hold::kNagle) start_cork_timer(core, connection, now);
  }
  if (plan.hold != Hold::kNone) return Sent::kNothing;
  if (is_held_by_pacing(core, connection, now)) return Sent::kNothing;
  return send_planned(core, connection, now, plan, out);
}

// RFC 8985 §7.3: new data if there is some, whatever the congestion window says, else the last
// segment again.
Sent send_loss_probe(Core& core, Connection& connection, Instant now, TcpDeparture& out) {
  connection.due &= static_cast<std::uint8_t>(~kDueLossProbe);
  if (connection.recovery != Recovery::kOpen || connection.active->probing) return Sent::kNothing;
  if (connection.active->sent.empty() || !sends_data(connection)) return Sent::kNothing;
  const Plan plan = plan_new_data(core, connection);
  const bool is_new = plan.hold == Hold::kNone || plan.hold == Hold::kCongestion;
  Sent sent = Sent::kNothing;
  if (is_new) {
    sent = send_planned(core, connection, now, plan, out);
  } else {
    fit_to_mss(connection, connection.active->sent.size() - 1);
    const SentRange range = connection.active->sent[connection.active->sent.size() - 1];
    sent = emit_again(core, connection, now, range, out);
    if (sent == Sent::kSegment) {
      connection.active->sent.mark_probed(now);
      core.report.retransmit(connection, now, {range.first, range.end}, RetransmitCause::kProbe);
    }
  }
  if (sent != Sent::kSegment) return sent;
  ++connection.uncommon().loss_probes;
  connection.active->probing = true;
  connection.active->probe_acked = false;
  connection.active->probe_is_copy = !is_new;
  connection.active->probe_end = connection.snd_nxt;
  stop_loss_timer(connection);
  return sent;
}

Sent send_while_opening(Core& core, Connection& connection, Instant now, TcpDeparture& out) {
  if ((connection.due & kDueSyn) != 0) return send_syn(core, connection, now, out);
  const bool may_ack = connection.state == TcpState::kSynReceived;
  if (may_ack && (connection.due & kDueAck) != 0) return send_ack(core, connection, now, out);
  return Sent::kNothing;
}

}  // namespace

Sent send_next(Core& core, Connection& connection, Instant now, TcpDeparture& out) {
  if (connection.state == TcpState::kClosed) return Sent::kNothing;
  if (connection.is_opening()) {
    const Sent sent = send_while_opening(core, connection, now, out);
    if (sent != Sent::kNothing || !connection.is_fast_open_child()) return sent;
  }
  if (connection.dup_acks_due > 0) {
    const std::uint8_t due = connection.dup_acks_due;
    const Sent sent = send_ack(core, connection, now, out);
    connection.dup_acks_due = static_cast<std::uint8_t>(sent == Sent::kSegment ? due - 1 : due);
    return sent;
  }
  Sent sent = Sent::kNothing;
  if ((connection.due & kDueLossProbe) != 0) sent = send_loss_probe(core, connection, now, out);
  if (sent == Sent::kNothing) sent = retransmit(core, connection, now, out);
  if (sent == Sent::kNothing) sent = send_new_data(core, connection, now, out);
  if (sent != Sent::kNothing) return sent;
  if ((connection.due & (kDueProbe | kDueKeepalive)) != 0) {
    return send_probe(core, connection, now, out);
  }
  return (connection.due & kDueAck) != 0 ? send_ack(core, connection, now, out) : Sent::kNothing;
}

bool may_send(const Connection& connection) {
  if (connection.due != 0 || connection.dup_acks_due > 0) return true;
  if (!sends_data(connection)) return false;
  return connection.snd_nxt != connection.snd_end + (connection.fin_queued ? 1U : 0U) ||
         connection.active->sent.has_lost();
}

}  // namespace twinpath::tcp
