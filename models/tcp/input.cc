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
  Rare& rare = connection.uncommon();
  if (rare.challenge_count == 0 ||
      now - rare.challenge_window_start >= core.config.challenge_ack_window) {
    rare.challenge_window_start = now;
    rare.challenge_count = 0;
  }
  if (rare.challenge_count >= core.config.challenge_acks_max) {
    ++core.counters.challenge_acks_suppressed;
    return false;
  }
  ++rare.challenge_count;
  ++core.counters.challenge_acks;
  return true;
}

// Two ends that disagree would answer each other's bare acknowledgements for ever; answers to
// segments without data are spaced, as Linux does.
bool may_answer_invalid(const Core& core, Connection& connection, const Segment& segment) {
  if (segment.payload_bytes > 0 || segment.flags.fin()) return true;
  Rare& rare = connection.uncommon();
  const bool recently =
      rare.invalid_ack_sent && segment.now - rare.invalid_ack_at < core.config.invalid_ack_interval;
  if (recently) return false;
  rare.invalid_ack_sent = true;
  rare.invalid_ack_at = segment.now;
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
  queue_reply(core, {key, segment.ack, SeqNum(), kRst});
}

// RFC 9293 §3.10.7.4: the steps of the synchronized states, in their order. The third, security,
// has no counterpart in use.
Outcome segment_in_synchronized(Core& core, Connection& connection, Segment& segment) {
  Outcome outcome = check_timestamps(core, connection, segment);
  if (outcome == Outcome::kContinue) outcome = check_sequence_number(connection, segment);
  if (outcome != Outcome::kContinue) return outcome;
  outcome = check_rst(connection, segment);
  if (outcome == Outcome::kContinue) outcome = check_syn(connection, segment);
  if (outcome != Outcome::kContinue) return outcome;
  outcome = check_ack(core, connection, segment);
  if (outcome != Outcome::kContinue) return outcome;
  update_ts_recent(connection, segment);
  check_urg(connection, segment);
  outcome = process_text(core, connection, segment);
  if (outcome == Outcome::kContinue) outcome = check_fin(core, connection, segment.now);
  return outcome;
}

void apply(Core& core, Connection& connection, const Segment& segment, Outcome outcome) {
  const Instant now = segment.now;
  switch (outcome) {
    case Outcome::kContinue:
      break;
    case Outcome::kIgnore:
      break;
    case Outcome::kDrop:
      count_drop(core, connection, segment, DropReason::kOutOfWindow);
      break;
    case Outcome::kQueueFull:
      count_drop(core, connection, segment, DropReason::kQueueFull);
      break;
    case Outcome::kUnstamped:
      count_drop(core, connection, segment, DropReason::kStale);
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
      reset_sender(core, connection.key(), segment);
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
      reset_sender(core, connection.key(), segment);
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

void on_connection_segment(Core& core, Connection& connection, Segment& segment) {
  wake(core, connection);
  ++connection.segments_in;
  if (core.config.quick_acks > 0 && connection.last_rx != kNever &&
      segment.now - connection.last_rx > connection.rtt.rto(core.config)) {
    connection.quick_acks = static_cast<std::uint8_t>(core.config.quick_acks);
  }
  connection.last_rx = segment.now;
  if (connection.keepalive) restart_keepalive(core, connection, segment.now);
  const Outcome outcome = connection.state == TcpState::kSynSent
                              ? segment_in_syn_sent(core, connection, segment)
                              : segment_in_synchronized(core, connection, segment);
  apply(core, connection, segment, outcome);
  settle(core, connection);
}

// A SYN would become a connection, if memory lasts. A cookie's numbers could not go beyond those of
// an incarnation before.
bool has_room(const Core& core, const Listener& listener) {
  return !listener.accept_queue_full() && listener.half_open < core.config.syn_backlog_max &&
         core.half_open < core.config.half_open_max &&
         listener.connections < core.config.connections_per_listener_max;
}

// The SYN comes again.
void refuse(Core& core) { ++core.counters.syns_dropped; }

// One that its user still holds.
bool may_take_over(const Connection& old, const Segment& segment) {
  if (old.state != TcpState::kTimeWait) return false;
  TimeWait record;
  record.rcv_nxt = old.rcv_nxt;
  record.ts_ok = old.ts_ok;
  record.ts_recent = old.ts_recent;
  return may_reuse(record, segment);
}

// An acknowledgement that belongs to no connection may carry a cookie.
void ack_in_listen(Core& core, Listener& listener, const FlowKey& key, Segment& segment) {
  if (listener.accept_queue_full() && segment.now < core.cookies_until) {
    ++core.counters.accepts_delayed;
    return;
  }
  Connection* connection = open_from_cookie(core, listener, key, segment);
  if (connection == nullptr) return reset_sender(core, key, segment);
  on_connection_segment(core, *connection, segment);
}

void demultiplex(Core& core, const FlowKey& key, Segment& segment) {
  Connection* connection = core.flows.find(key);
  if (connection != nullptr && !may_take_over(*connection, segment)) {
    return on_connection_segment(core, *connection, segment);
  }
  Listener* listener = core.listeners.find(key);
  if (connection != nullptr) {
    if (listener == nullptr) return on_connection_segment(core, *connection, segment);
    if (!has_room(core, *listener)) return refuse(core);
    ++core.counters.time_waits_reused;
    segment.beyond = connection->snd_nxt;
    terminate(core, *connection, segment.now, Errno::kNone);
    settle(core, *connection);
    listener = core.listeners.find(key);  // its user may have closed it
  } else if (TimeWait* old = core.time_waits.find(key); old != nullptr) {
    if (listener == nullptr || !may_reuse(*old, segment)) {
      return segment_in_time_wait(core, *old, segment);
    }
    if (!has_room(core, *listener)) return refuse(core);
    ++core.counters.time_waits_reused;
    segment.beyond = old->snd_nxt;
    end_time_wait(core, *old, segment.now);
  }
  if (listener == nullptr) return segment_in_closed(core, key, segment);
  const TcpFlags flags = segment.flags;
  if (flags.ack() && !flags.rst()) return ack_in_listen(core, *listener, key, segment);
  segment_in_listen(core, *listener, key, segment);
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
  segment.urgent_pointer = view->urgent_pointer();
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
  queue_reply(core, {key, SeqNum(0), segment.end(), kRst | kAck});
}

Connection* open_passively(Core& core, Listener& listener, const FlowKey& key,
                           const Segment& segment) {
  if (listener.connections >= core.config.connections_per_listener_max) return nullptr;
  Connection* connection = create(core, key, segment.now);
  if (connection == nullptr) return nullptr;
  connection->opened_passively = true;
  connection->listener = listener.id;
  apply_options(*connection, listener.options.inherited);
  apply_opening_options(*connection, listener.options.inherited);
  ++listener.connections;
  ++listener.half_open;
  ++core.half_open;
  return connection;
}

// RFC 9293 §3.10.7.2; what carries an acknowledgement has been answered before.
void segment_in_listen(Core& core, Listener& listener, const FlowKey& key, Segment& segment) {
  // Deviates from RFC 9293 §3.10.7.2: a SYN with FIN, which nobody sends in earnest, is dropped, as
  // Linux does.
  if (segment.flags.rst() || !segment.flags.syn() || segment.flags.fin()) return;
  const bool queue_full = listener.half_open >= core.config.syn_backlog_max ||
                          core.half_open >= core.config.half_open_max;
  const SynCookies cookies = core.config.syn_cookies;
  if (listener.accept_queue_full() || (queue_full && cookies == SynCookies::kOff)) {
    ++core.counters.syns_dropped;
    return;
  }
  const bool asks_cookie = queue_full || (cookies == SynCookies::kAlways && !segment.beyond);
  if (asks_cookie) return answer_with_cookie(core, listener, key, segment);
  Connection* connection = open_passively(core, listener, key, segment);
  if (connection == nullptr) {
    ++core.counters.syns_dropped;
    return;
  }
  connection->segments_in = 1;
  connection->last_rx = segment.now;
  start_open(core, *connection, segment.now, TcpState::kSynReceived);
  if (segment.beyond && !core.config.initial_sequence) start_beyond(*connection, *segment.beyond);
  negotiate(core, *connection, segment);
  // Without a valid cookie text on a SYN is not kept: the peer sends it again once the connection
  // is established.
  const FastOpenVerdict verdict = judge_fast_open(core, listener, key, segment);
  if (verdict == FastOpenVerdict::kAccept) open_fast(core, listener, *connection, segment);
  if (verdict == FastOpenVerdict::kGrant) {
    connection->uncommon().fast_open_grant = true;
    connection->uncommon().fast_open_experimental = segment.options->fast_open->experimental;
  }
  settle(core, *connection);
}

}  // namespace twinpath::tcp
