// The last steps of RFC 9293 §3.10.7.4: text and FIN, and when to acknowledge them (RFC 5681 §4.2,
// RFC 9293 §3.8.6.3).
#include <algorithm>
#include <utility>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

// Storage that out-of-order data may pin, in receive buffers: a full-sized segment fills most of
// its buffer, so four times what the window offers is generous, and a flood of tiny ones is not.
constexpr std::uint64_t kPinnedFactor = 4;
constexpr std::uint8_t kDupAcksDueMax = 255;

bool takes_text(const Connection& connection) {
  const TcpState state = connection.state;
  return connection.is_fast_open_child() || state == TcpState::kEstablished ||
         state == TcpState::kFinWait1 || state == TcpState::kFinWait2;
}

// Leaves what lies in the window and before a FIN already seen, and notes the FIN.
void trim(Connection& connection, Segment& segment) {
  if (segment.seq < connection.rcv_nxt) {
    const auto stale = std::min(static_cast<std::uint32_t>(connection.rcv_nxt - segment.seq),
                                segment.payload_bytes);
    note_duplicate(connection, {segment.seq, segment.seq + stale});
    segment.drop_front(stale);
  }
  const bool is_next_fin = segment.payload_bytes == 0 && segment.seq == connection.rcv_nxt;
  if (segment.end() > connection.rcv_adv && !is_next_fin) {
    segment.clear(kFin);
    const std::int32_t room = connection.rcv_adv - segment.seq;
    segment.payload_bytes =
        std::min(segment.payload_bytes, static_cast<std::uint32_t>(std::max(room, 0)));
  }
  const SeqNum text_end = segment.seq + segment.payload_bytes;
  if (segment.flags.fin() && !connection.fin_seen && text_end >= connection.rcv_nxt) {
    connection.fin_seen = true;
    connection.fin_seq = text_end;
  }
  if (connection.fin_seen && text_end > connection.fin_seq) {
    const std::int32_t room = connection.fin_seq - segment.seq;
    segment.payload_bytes = static_cast<std::uint32_t>(std::max(room, 0));
  }
}

// RFC 8257 §3.2: the echo is the mark of what is acknowledged, so that at a change what came before
// is acknowledged on its own.
void mirror_marks(Core& core, Connection& connection, const Segment& segment) {
  const bool is_marked = segment.ecn == Ecn::kCe;
  if (is_marked == connection.ecn_echo) return;
  acknowledge_first(core, connection, segment.now);
  connection.ecn_echo = is_marked;
}

// RFC 3168 §6.1.3.
void note_ecn(Core& core, Connection& connection, const Segment& segment) {
  if (!connection.ecn_ok) return;
  if (connection.congestion.kind() == CongestionKind::kDctcp)
    return mirror_marks(core, connection, segment);
  if (segment.flags.cwr()) connection.ecn_echo = false;
  if (segment.ecn == Ecn::kCe) connection.ecn_echo = true;
}

void deliver(Core& core, Connection& connection, Instant now, Slice slice) {
  const SeqRange range{connection.rcv_nxt, connection.rcv_nxt + slice.len};
  core.report.delivered(connection, now, range);
  connection.rcv_nxt = range.end;
  connection.bytes_received += slice.len;
  connection.active->unacked_bytes += slice.len;
  connection.active->receive_queue.append(std::move(slice));
  connection.readiness |= kTcpReadable;
}

// RFC 5681 §4.2: at least every second full-sized segment, within half a second, and at once when a
// hole was filled.
void schedule_ack(Core& core, Connection& connection, Instant now, bool filled_hole) {
  if (filled_hole || connection.active->unacked_bytes >= 2U * connection.rcv_mss_bytes ||
      connection.delayed_ack == Duration::zero() || connection.quick_acks > 0) {
    connection.due |= kDueAck;
  } else {
    connection.active->ack_deadline =
        std::min(connection.active->ack_deadline, after(now, connection.delayed_ack));
    arm_by(core, connection, connection.active->ack_deadline);
  }
}

// RFC 2883 §4: the first contiguous octets of what arrives that came before.
void note_held(Connection& connection, SeqRange arrived) {
  const SeqRange known = connection.active->reassembly.held_part(arrived);
  if (!known.is_empty()) note_duplicate(connection, known);
}

bool is_at_fin(const Connection& connection) {
  return connection.fin_seen && connection.rcv_nxt == connection.fin_seq;
}

// What was held before the FIN was known may go beyond it.
std::uint32_t room_before_fin(const Connection& connection) {
  return connection.fin_seq.value() - connection.rcv_nxt.value();
}

void accept_in_order(Core& core, Connection& connection, Segment& segment, Slice slice) {
  const bool filled_hole = !connection.active->reassembly.empty();
  if (filled_hole) note_held(connection, {segment.seq, segment.seq + slice.len});
  deliver(core, connection, segment.now, std::move(slice));
  if (filled_hole) {
    core.out_of_order_bytes -= connection.active->reassembly.pinned_bytes();
    while (!is_at_fin(connection)) {
      auto next = connection.active->reassembly.take(connection.rcv_nxt);
      if (!next) break;
      if (connection.fin_seen)
        *next = next->first(std::min(next->len, room_before_fin(connection)));
      deliver(core, connection, segment.now, std::move(*next));
    }
    core.out_of_order_bytes += connection.active->reassembly.pinned_bytes();
  }
  schedule_ack(core, connection, segment.now, filled_hole);
}

// RFC 5681 §4.2: an out-of-order segment is answered at once, each with its own duplicate.
void hold_out_of_order(Core& core, Connection& connection, const Segment& segment, Slice slice) {
  if (connection.dup_acks_due < kDupAcksDueMax) ++connection.dup_acks_due;
  Reassembly& held = connection.active->reassembly;
  const std::uint64_t pinned = std::uint64_t{held.pinned_bytes()} + slice.buf->capacity;
  if (held.pieces() >= core.config.out_of_order_slices_max ||
      pinned > kPinnedFactor * connection.receive_buffer_bytes ||
      core.out_of_order_bytes + slice.buf->capacity > core.config.out_of_order_bytes_max) {
    count_drop(core, connection, segment, DropReason::kQueueFull);
    return;
  }
  note_held(connection, {segment.seq, segment.seq + slice.len});
  core.out_of_order_bytes -= held.pinned_bytes();
  held.insert(segment.seq, std::move(slice));
  core.out_of_order_bytes += held.pinned_bytes();
}

}  // namespace

// Sixth. RFC 6093 §3.1: the octets stay in the stream; only the mark is told.
void check_urg(Connection& connection, const Segment& segment) {
  if (!segment.flags.urg() || segment.urgent_pointer == 0 || !takes_text(connection)) return;
  const SeqNum mark = segment.seq + segment.urgent_pointer;
  if (mark <= connection.rcv_nxt) return;
  Rare& rare = connection.uncommon();
  if (rare.urgent_in && mark <= rare.rcv_up) return;
  rare.urgent_in = true;
  rare.rcv_up = mark;
  connection.readiness |= kTcpUrgent;
}

// Seventh.
Outcome process_text(Core& core, Connection& connection, Segment& segment) {
  if (!takes_text(connection)) return Outcome::kContinue;
  if (segment.payload_bytes == 0 && !segment.flags.fin()) return Outcome::kContinue;
  note_ecn(core, connection, segment);
  const std::uint32_t arrived_bytes = segment.payload_bytes;
  trim(connection, segment);
  if (arrived_bytes > segment.payload_bytes) connection.due |= kDueAck;
  if (segment.payload_bytes == 0) {
    if (connection.fin_seen && connection.rcv_nxt < connection.fin_seq) connection.due |= kDueAck;
    return Outcome::kContinue;
  }
  // RFC 9293 §3.6.1: text for nobody is answered by a reset.
  if (connection.receive_shut) return Outcome::kAbort;
  connection.rcv_mss_bytes =
      std::max(connection.rcv_mss_bytes, static_cast<std::uint16_t>(segment.payload_bytes));
  Slice slice{BufRef(std::move(segment.buf)), segment.payload_offset, segment.payload_bytes};
  if (segment.seq == connection.rcv_nxt) {
    accept_in_order(core, connection, segment, std::move(slice));
  } else {
    hold_out_of_order(core, connection, segment, std::move(slice));
  }
  return Outcome::kContinue;
}

// Eighth.
Outcome check_fin(Core& core, Connection& connection, Instant now) {
  if (!is_at_fin(connection) || !takes_text(connection)) return Outcome::kContinue;
  ++connection.rcv_nxt;
  connection.rcv_adv = later(connection.rcv_adv, connection.rcv_nxt);  // the window may be shut
  core.out_of_order_bytes -= connection.active->reassembly.pinned_bytes();
  connection.active->reassembly.clear();  // there is nothing behind the end, and nothing to report
  connection.active->duplicate = SeqRange();
  connection.due |= kDueAck;
  connection.readiness |= kTcpReadable;
  if (connection.state == TcpState::kEstablished) {
    set_state(core, connection, now, TcpState::kCloseWait);
  } else if (connection.state == TcpState::kFinWait1 && !connection.fin_acked()) {
    set_state(core, connection, now, TcpState::kClosing);
  } else {
    enter_time_wait(core, connection, now);
  }
  return Outcome::kContinue;
}

}  // namespace twinpath::tcp
