// SEGMENT ARRIVES: from bytes to the state's function, and what its outcome means for the outside.
// Read RFC 9293 §3.10.7 beside input*.cc.
#include <utility>

#include "models/tcp/pseudo.h"
#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

// RFC 5961 §7: a budget per connection and window of time, so that no connection can be used to
// count another's answers.
bool may_challenge(Core& core, Connection& connection, Instant now) {
  if (connection.challenge_count == 0 ||
      now - connection.challenge_window_start >= core.config.challenge_ack_window) {
    connection.challenge_window_start = now;
    connection.challenge_count = 0;
  }
  if (connection.challenge_count >= core.config.challenge_acks_max) {
    ++core.counters.challenge_acks_suppressed;
    return false;
  }
  ++connection.challenge_count;
  ++core.counters.challenge_acks;
  return true;
}

// Two ends that disagree would answer each other's bare acknowledgements for ever; answers to
// segments without data are spaced, as Linux does.
bool may_answer_invalid(const Core& core, Connection& connection, const Segment& segment) {
  if (segment.payload_bytes > 0 || segment.flags.fin()) return true;
  const bool recently = connection.invalid_ack_sent &&
                        segment.now - connection.invalid_ack_at < core.config.invalid_ack_interval;
  if (recently) return false;
  connection.invalid_ack_sent = true;
  connection.invalid_ack_at = segment.now;
  return true;
}

void answer_invalid(Core& core, Connection& connection, const Segment& segment) {
  // RFC 9293 §3.10.7.4, eighth, TIME-WAIT: the peer's FIN again restarts the 2 MSL.
  if (connection.state == TcpState::kTimeWait && segment.flags.fin()) {
    enter_time_wait(core, connection, segment.now);
  }
  if (!may_answer_invalid(core, connection, segment)) return;
  connection.due |= kDueAck;
  if (segment.payload_bytes > 0 && segment.end() <= connection.rcv_nxt) {
    note_duplicate(connection, {segment.seq, segment.seq + segment.payload_bytes});
  }
}

void reset_sender(Core& core, const FlowKey& key, const Segment& segment) {
  queue_reply(core, {key, segment.ack, SeqNum(), kRst, std::nullopt});
}

// RFC 9293 §3.10.7.4: the steps of the synchronized states, in their order. The third, security,
// has no counterpart in use; the sixth, URG, needs none because urgent data stays in the stream
// (RFC 6093 §3.1).
Outcome segment_in_synchronized(Core& core, Connection& connection, Segment& segment) {
  Outcome outcome = check_timestamps(connection, segment);
  if (outcome == Outcome::kContinue) outcome = check_sequence_number(connection, segment);
  if (outcome != Outcome::kContinue) return outcome;
  outcome = check_rst(connection, segment);
  if (outcome == Outcome::kContinue) outcome = check_syn(connection, segment);
  if (outcome != Outcome::kContinue) return outcome;
  update_ts_recent(connection, segment);
  outcome = check_ack(core, connection, segment);
  if (outcome == Outcome::kContinue) outcome = process_text(core, connection, segment);
  if (outcome == Outcome::kContinue) outcome = check_fin(core, connection, segment.now);
  return outcome;
}

void apply(Core& core, Connection& connection, const Segment& segment, Outcome outcome) {
  const Instant now = segment.now;
  switch (outcome) {
    case Outcome::kContinue:
      break;
    case Outcome::kDrop:
      count_drop(core, connection, segment, DropReason::kOutOfWindow);
      break;
    case Outcome::kStale:
      count_drop(core, connection, segment, DropReason::kStale);
      answer_invalid(core, connection, segment);
      break;
    case Outcome::kOutOfWindow:
      count_drop(core, connection, segment, DropReason::kOutOfWindow);
      answer_invalid(core, connection, segment);
      break;
    case Outcome::kChallenge:
      if (may_challenge(core, connection, now)) connection.due |= kDueAck;
      break;
    case Outcome::kResetSender:
      reset_sender(core, connection.key, segment);
      break;
    case Outcome::kRefused:
      terminate(core, connection, now, Errno::kConnectionRefused);
      break;
    case Outcome::kReset:
      terminate(
          core, connection, now,
          connection.state == TcpState::kCloseWait ? Errno::kBrokenPipe : Errno::kConnectionReset);
      break;
    case Outcome::kAbort:
      // RFC 9293 §3.10.7.1's form of a reset: where the sender believes us to be.
      reset_sender(core, connection.key, segment);
      terminate(core, connection, now, Errno::kConnectionReset);
      break;
    case Outcome::kReturnToListen:
    case Outcome::kClose:
      terminate(core, connection, now, Errno::kNone);
      break;
    case Outcome::kResendSynAck:
      connection.due |= kDueSyn;
      break;
  }
}

// RFC 6191 §2 and RFC 9293 §3.10.7.4, fourth: a SYN that cannot belong to the old incarnation may
// take over its addresses and ports.
bool may_reuse(const Connection& old, const Segment& segment) {
  if (old.state != TcpState::kTimeWait || !segment.flags.syn()) return false;
  if (segment.flags.ack() || segment.flags.rst()) return false;
  if (old.ts_ok && segment.options->timestamps &&
      segment.options->timestamps->value != old.ts_recent) {
    return segment.options->timestamps->value > old.ts_recent;
  }
  return segment.seq > old.rcv_nxt;
}

void on_connection_segment(Core& core, Connection& connection, Segment& segment) {
  ++connection.segments_in;
  connection.last_rx = segment.now;
  if (connection.keepalive) restart_keepalive(core, connection, segment.now);
  const Outcome outcome = connection.state == TcpState::kSynSent
                              ? segment_in_syn_sent(core, connection, segment)
                              : segment_in_synchronized(core, connection, segment);
  apply(core, connection, segment, outcome);
  settle(core, connection);
}

void demultiplex(Core& core, const FlowKey& key, Segment& segment) {
  Connection* connection = core.flows.find(key);
  if (connection != nullptr && may_reuse(*connection, segment) &&
      core.listeners.find(key.local_end()) != nullptr) {
    ++core.counters.time_waits_reused;
    terminate(core, *connection, segment.now, Errno::kNone);
    settle(core, *connection);
    connection = nullptr;
  }
  if (connection != nullptr) return on_connection_segment(core, *connection, segment);
  Listener* listener = core.listeners.find(key.local_end());
  if (listener != nullptr) return segment_in_listen(core, *listener, key, segment);
  segment_in_closed(core, key, segment);
}

}  // namespace

void on_segment(Core& core, Instant now, const TcpArrival& arrival, BufPtr buf) {
  ++core.counters.segments_in;
  std::optional<InetSum> pseudo;
  if ((buf->flags & kChecksumVerified) == 0) {
    pseudo = pseudo_header_sum(arrival.source, arrival.target, buf->len);
  }
  const auto view = TcpView::parse(buf->bytes(), pseudo);
  if (!view) {
    ++core.counters.drops[static_cast<std::size_t>(view.reason())];
    core.report.drop(0, now, view.reason(), buf->len);
    return;
  }
  Segment segment;
  segment.now = now;
  segment.seq = view->seq();
  segment.ack = view->ack();
  segment.flags = view->flags();
  segment.window = view->window();
  segment.ecn = static_cast<Ecn>(arrival.traffic_class & 3);
  segment.payload_offset = static_cast<std::uint32_t>(view->header_len());
  segment.payload_bytes = static_cast<std::uint32_t>(view->payload().size());
  segment.options = &view->options();
  segment.buf = std::move(buf);
  demultiplex(core, {arrival.target, arrival.source, view->dst_port(), view->src_port()}, segment);
}

void count_drop(Core& core, Connection& connection, const Segment& segment, DropReason reason) {
  ++core.counters.drops[static_cast<std::size_t>(reason)];
  core.report.drop(connection.flow, segment.now, reason, segment.payload_bytes);
}

// RFC 9293 §3.10.7.1.
void segment_in_closed(Core& core, const FlowKey& key, const Segment& segment) {
  ++core.counters.drops[static_cast<std::size_t>(DropReason::kNoSocket)];
  core.report.drop(0, segment.now, DropReason::kNoSocket, segment.payload_bytes);
  if (segment.flags.rst()) return;
  if (segment.flags.ack()) return reset_sender(core, key, segment);
  queue_reply(core, {key, SeqNum(0), segment.end(), kRst | kAck, std::nullopt});
}

// RFC 9293 §3.10.7.2.
void segment_in_listen(Core& core, Listener& listener, const FlowKey& key, const Segment& segment) {
  if (segment.flags.rst()) return;
  if (segment.flags.ack()) return reset_sender(core, key, segment);
  // Deviates from RFC 9293 §3.10.7.2: a SYN with FIN, which nobody sends in earnest, is dropped, as
  // Linux does.
  if (!segment.flags.syn() || segment.flags.fin()) return;
  const bool full =
      listener.half_open >= core.config.syn_backlog_max || listener.accept_queue_full();
  Connection* connection = full ? nullptr : create(core, key);
  if (connection == nullptr) {
    ++core.counters.syns_dropped;
    return;
  }
  connection->opened_passively = true;
  connection->segments_in = 1;
  connection->last_rx = segment.now;
  connection->listener = listener.id;
  ++listener.half_open;
  start_open(core, *connection, segment.now, TcpState::kSynReceived);
  // Text on a SYN is not kept: the peer sends it again once the connection is established.
  negotiate(core, *connection, segment);
  settle(core, *connection);
}

}  // namespace twinpath::tcp
