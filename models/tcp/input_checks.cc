// The first four steps of RFC 9293 §3.10.7.4: is the segment in the window, and does it want to end
// the connection? Read RFC 5961 §3 and §4 and RFC 7323 §5 beside it.
#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

// A segment without text, table of RFC 9293 §3.10.7.4. Deviates from RFC 9293 §3.10.7.4: a bare
// acknowledgement exactly at the right edge passes, because a peer that has filled our window
// acknowledges from there, and refusing it would deafen us while a hole is open.
bool is_empty_acceptable(const Connection& connection, const Segment& segment) {
  const std::uint32_t offset = segment.seq.value() - connection.rcv_nxt.value();
  const std::uint32_t window = connection.receive_window();
  return offset < window || offset == 0 || (offset == window && !segment.flags.rst());
}

// Some octet of it lies in the window.
bool overlaps_window(const Connection& connection, const Segment& segment) {
  return segment.end() > connection.rcv_nxt && segment.seq < connection.rcv_adv;
}

// "If the RCV.WND is zero, [...] special allowance should be made to accept valid ACKs, URGs, and
// RSTs": the text is left behind and asked for again. Deviates from RFC 9293 §3.10.7.4: a FIN alone
// takes no room and passes, as on Linux, or its sender would repeat it until somebody reads.
Outcome accept_at_zero_window(Connection& connection, Segment& segment) {
  if (segment.seq != connection.rcv_nxt || segment.flags.syn()) return Outcome::kOutOfWindow;
  if (segment.payload_bytes > 0) segment.clear(kFin);
  segment.payload_bytes = 0;
  connection.due |= kDueAck;
  return Outcome::kContinue;
}

}  // namespace

// RFC 7323 §5.3, R1, and §3.2: what lacks the option is dropped without a word, if that is asked
// for. Deviates from RFC 7323 §3.2: else it is taken, as on Linux, because middleboxes strip it.
Outcome check_timestamps(const Core& core, const Connection& connection, const Segment& segment) {
  if (!connection.ts_ok || segment.flags.rst()) return Outcome::kContinue;
  if (!segment.options->timestamps) {
    return core.config.timestamps_required ? Outcome::kUnstamped : Outcome::kContinue;
  }
  if (segment.options->timestamps->value >= connection.ts_recent) return Outcome::kContinue;
  const bool is_recent = segment.now - connection.ts_recent_at < kTsRecentLifetime;
  return is_recent ? Outcome::kStale : Outcome::kContinue;
}

// First.
Outcome check_sequence_number(Connection& connection, Segment& segment) {
  const TcpFlags flags = segment.flags;
  if (connection.state == TcpState::kSynReceived && flags.syn() && !flags.rst() &&
      segment.seq == connection.irs) {
    if (connection.opened_passively) {
      return flags.ack() ? Outcome::kOutOfWindow : Outcome::kResendSynAck;
    }
    // RFC 9293 §3.5, figure 8: in a simultaneous open the peer's SYN comes again with the
    // acknowledgement that completes the connection. Old as it is, it is answered.
    if (!flags.ack() || segment.ack != connection.snd_nxt) return Outcome::kOutOfWindow;
    connection.due |= kDueAck;
    segment.clear(kSyn);
    segment.seq += 1;
  }
  if (flags.rst()) {
    return is_empty_acceptable(connection, segment) ? Outcome::kContinue : Outcome::kDrop;
  }
  if (segment.len() == 0) {
    return is_empty_acceptable(connection, segment) ? Outcome::kContinue : Outcome::kOutOfWindow;
  }
  if (connection.receive_window() == 0) return accept_at_zero_window(connection, segment);
  return overlaps_window(connection, segment) ? Outcome::kContinue : Outcome::kOutOfWindow;
}

// RFC 7323 §4.3 (2); behind the fifth step, so that blind data leaves no mark.
void update_ts_recent(Connection& connection, const Segment& segment) {
  if (!connection.ts_ok || !segment.options->timestamps) return;
  if (segment.seq > connection.last_ack_sent) return;
  if (segment.options->timestamps->value < connection.ts_recent &&
      segment.now - connection.ts_recent_at < kTsRecentLifetime) {
    return;
  }
  connection.ts_recent = segment.options->timestamps->value;
  connection.ts_recent_at = segment.now;
}

// Second. RFC 5961 §3.2: only the exact number resets; elsewhere in the window it is challenged.
Outcome check_rst(const Connection& connection, const Segment& segment) {
  if (!segment.flags.rst()) return Outcome::kContinue;
  if (segment.seq != connection.rcv_nxt) return Outcome::kChallenge;
  switch (connection.state) {
    case TcpState::kSynReceived:
      if (connection.is_fast_open_child()) return Outcome::kReset;
      return connection.opened_passively ? Outcome::kReturnToListen : Outcome::kRefused;
    case TcpState::kClosing:
    case TcpState::kLastAck:
    case TcpState::kTimeWait:
      return Outcome::kClose;
    default:
      return Outcome::kReset;
  }
}

// Fourth. RFC 5961 §4.2.
Outcome check_syn(const Connection& connection, const Segment& segment) {
  if (!segment.flags.syn()) return Outcome::kContinue;
  if (connection.state == TcpState::kSynReceived && connection.opened_passively &&
      !connection.is_fast_open_child()) {
    return Outcome::kReturnToListen;
  }
  return Outcome::kChallenge;
}

}  // namespace twinpath::tcp
