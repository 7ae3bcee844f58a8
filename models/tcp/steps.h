// The functions of the stack, grouped by the file they stand in. Each works on the core, mostly on
// one connection, and leaves talking to the outside to settle().
#pragma once

#include <cstdint>

#include "models/tcp/core.h"
#include "models/tcp/recovery_steps.h"
#include "models/tcp/steps_open.h"

namespace twinpath::tcp {

// input.cc: RFC 9293 §3.10.7, SEGMENT ARRIVES.
void on_segment(Core& core, Instant now, const TcpArrival& arrival, BufPtr buf);
void segment_in_closed(Core& core, const FlowKey& key, const Segment& segment);
void segment_in_listen(Core& core, Listener& listener, const FlowKey& key, Segment& segment);
void count_drop(Core& core, Connection& connection, const Segment& segment, DropReason reason);

// input_syn_sent.cc: §3.10.7.3.
Outcome segment_in_syn_sent(Core& core, Connection& connection, Segment& segment);

// input_checks.cc: §3.10.7.4, first to fourth.
Outcome check_timestamps(const Core& core, const Connection& connection, const Segment& segment);
Outcome check_sequence_number(Connection& connection, Segment& segment);
void update_ts_recent(Connection& connection, const Segment& segment);
Outcome check_rst(const Connection& connection, const Segment& segment);
Outcome check_syn(const Connection& connection, const Segment& segment);

// input_ack.cc: §3.10.7.4, fifth.
Outcome check_ack(Core& core, Connection& connection, const Segment& segment);

// input_text.cc: §3.10.7.4, sixth to eighth.
void check_urg(Connection& connection, const Segment& segment);
Outcome process_text(Core& core, Connection& connection, Segment& segment);
Outcome check_fin(Core& core, Connection& connection, Instant now);

// activity.cc.
void wake_up(Core& core, Connection& connection);
// Before anything is written that an Activity holds.
inline void wake(Core& core, Connection& connection) {
  if (connection.active->connection == nullptr) wake_up(core, connection);
}
// Gives up its Activity if nothing is under way.
void rest_if_quiet(Core& core, Connection& connection);

// timers.cc.
void on_timer(void* activity, Instant now);
// Nobody waits for an answer any more.
inline void forget_waiting(Connection& connection) {
  if (connection.rare != nullptr) connection.rare->unanswered_since = kNever;
}
// The connection's timer fires no later than any of its deadlines. Whoever sets a deadline says so
// here; the timer itself moves only to an earlier instant.
inline void arm_by(Core& core, Connection& connection, Instant deadline) {
  if (deadline < connection.active->timer.deadline())
    core.timers.arm(connection.active->timer, deadline);
}
// By the earliest of them, after the timer has fired.
void arm_timer(Core& core, Connection& connection);
void start_retransmission_timer(Core& core, Connection& connection, Instant now);
void start_persist_timer(Core& core, Connection& connection, Instant now);
void start_cork_timer(Core& core, Connection& connection, Instant now);
void stop_retransmission_timer(Connection& connection);
// tcp(7), TCP_LINGER2: how long nobody waits for the peer's FIN.
inline Duration patience_in_fin_wait_2(const Core& core, const Connection& connection) {
  const Rare* rare = connection.rare.get();
  const bool own = rare != nullptr && rare->fin_wait_2 > Duration::zero();
  return own ? rare->fin_wait_2 : core.config.fin_wait_2;
}
void restart_keepalive(Core& core, Connection& connection, Instant now);
inline Duration keepalive_idle(const Core& core, const Connection& connection) {
  return connection.rarely().keepalive_idle.value_or(core.config.keepalive_idle);
}
inline Duration keepalive_interval(const Core& core, const Connection& connection) {
  return connection.rarely().keepalive_interval.value_or(core.config.keepalive_interval);
}
inline std::uint32_t keepalive_probes(const Core& core, const Connection& connection) {
  return connection.rarely().keepalive_probes.value_or(core.config.keepalive_probes);
}

// output.cc: what to send next.
enum class Sent : std::uint8_t { kNothing, kSegment, kNoBuffer };
Sent send_next(Core& core, Connection& connection, Instant now, TcpDeparture& out);
bool may_send(const Connection& connection);

// emit.cc: bytes of segments.
struct Outgoing {
  SeqNum seq;
  std::uint32_t payload_bytes = 0;
  TcpFlags flags = kAck;
};
Sent emit(Core& core, Connection& connection, Instant now, const Outgoing& what, TcpDeparture& out);
// Acknowledges what has arrived up to now, with the marks of that (RFC 8257 §3.2), if it is owed.
void acknowledge_first(Core& core, Connection& connection, Instant now);
Sent emit_reply(Core& core, const Reply& reply, TcpDeparture& out);
TsVal timestamp(const Connection& connection, Instant now);
// RFC 7323 §5.4: a clock of 1 ms, the same for every connection.
inline std::uint32_t timestamp_clock(Instant now) {
  return static_cast<std::uint32_t>(to_ns(now) / 1'000'000);
}
// RFC 7323 §5.5: after 24 days the peer's timestamp clock may have wrapped.
inline constexpr Duration kTsRecentLifetime = std::chrono::hours(24 * 24);
// Whether the peer echoes the timestamp of something sent at `sent_at` or later. Not when there is
// no echo, when it is zero (ns-3 sends that until it has seen a timestamp), or ahead of our clock.
bool echoes_since(const Connection& connection, const Segment& segment, Instant sent_at);

// window.cc: RFC 9293 §3.8.6.2.2.
// The window field to send now; moves RCV.ADV.
std::uint16_t advertise_window(Connection& connection, std::uint8_t scale);
// Requires: tunes_receive(). The user has read.
void tune_receive(Connection& connection, Instant now);
// Whether what the user read is worth a segment of its own.
bool should_update_window(const Connection& connection);

// user_calls.cc.
void apply_options(Connection& connection, const TcpOpenOptions& options);
// What a SYN tells of sizes.
struct OpeningSizes {
  std::uint32_t receive_buffer_bytes = 0;
  std::uint32_t receive_buffer_max_bytes = 0;
  std::uint32_t mss_limit_bytes = 0;
};
OpeningSizes opening_sizes(OpeningSizes sizes, const TcpOpenOptions& options);
// What later calls cannot change because the SYN tells the peer.
void apply_opening_options(Connection& connection, const TcpOpenOptions& options);

// lifecycle.cc.
// Nothing when connections_max is reached and none is in TIME-WAIT.
Connection* create(Core& core, const FlowKey& key, Instant now);
void set_state(Core& core, Connection& connection, Instant now, TcpState state);
void enter_time_wait(Core& core, Connection& connection, Instant now);
// Whether a connection has it, living or in TIME-WAIT.
bool is_used(Core& core, const FlowKey& key);
// Out of every table without a word to anybody.
void discard(Core& core, Connection& connection);
// The same, and observers hear of it.
void forget(Core& core, Connection& connection, TcpEnd end = TcpEnd::kMoved);
// To CLOSED, with what the user will read as the reason.
void terminate(Core& core, Connection& connection, Instant now, Errno error);

// observe.cc. What `error` means for a connection in the state it is in.
TcpEnd end_of(const Connection& connection, Errno error);
TcpFlow flow_of(const Connection& connection, TcpEnd end);
TcpFlow flow_of(const TimeWait& old, TcpEnd end);
void tell_end(const Core& core, const Connection& connection, TcpEnd end);
// RFC 9293 §3.10.5: <SEQ=SND.NXT><CTL=RST>, then terminate().
void abort_with_reset(Core& core, Connection& connection, Instant now, Errno error);
void queue_reply(Core& core, const Reply& reply);
// After every input: queues output, arms the timer, releases what is over, tells the user. Last of
// all, because the user may call back; `connection` may be gone afterwards.
void settle(Core& core, Connection& connection);

}  // namespace twinpath::tcp
