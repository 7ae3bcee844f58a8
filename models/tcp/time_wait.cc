// TIME-WAIT as a record: how a connection becomes one, what it answers, how it ends. The steps are
// those of RFC 9293 §3.10.7.4 for TIME-WAIT; read RFC 1337 and RFC 6191 too.
#include "models/tcp/time_wait.h"

#include <utility>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

// RFC 6191 §4 and RFC 7323 §B.2: a second and more than a tick of the timestamp clock apart.
constexpr Duration kReuseAge = std::chrono::seconds(1);

TsVal timestamp_of(const TimeWait& old, Instant now) {
  return TsVal(timestamp_clock(now) + old.ts_offset);
}

void acknowledge(Core& core, TimeWait& old, Instant now) {
  Reply reply{old.key, old.snd_nxt, old.rcv_nxt, kAck};
  reply.window = old.window_field;
  if (old.ts_ok) reply.options.timestamps = {timestamp_of(old, now), old.ts_recent};
  ++old.tx_packets;
  queue_reply(core, reply);
}

// Answers are spaced, as those of living connections to segments without data.
void answer(Core& core, TimeWait& old, Instant now) {
  if (old.answered && now - old.answered_at < core.config.invalid_ack_interval) return;
  old.answered = true;
  old.answered_at = now;
  acknowledge(core, old, now);
}

void drop(Core& core, const TimeWait& old, const Segment& segment, DropReason reason) {
  ++core.counters.drops[static_cast<std::size_t>(reason)];
  core.report.drop(old.flow, segment.now, reason, segment.payload_bytes);
}

void restart(Core& core, TimeWait& old, Instant now) {
  core.time_waits.move(old.key, after(now, 2 * core.config.msl));
}

bool is_stale(const TimeWait& old, const Segment& segment) {
  if (!old.ts_ok || !segment.options->timestamps || segment.flags.rst()) return false;
  return segment.options->timestamps->value < old.ts_recent &&
         segment.now - old.ts_recent_at < kTsRecentLifetime;
}

bool is_in_window(const TimeWait& old, const Segment& segment) {
  const std::uint32_t offset = segment.seq.value() - old.rcv_nxt.value();
  if (segment.len() == 0 || segment.flags.rst()) {
    const bool edge = offset == old.window_bytes && !segment.flags.rst();
    return offset < old.window_bytes || offset == 0 || edge;
  }
  return segment.end() > old.rcv_nxt && segment.seq < old.rcv_nxt + old.window_bytes;
}

void on_reset(Core& core, TimeWait& old, const Segment& segment) {
  if (segment.seq != old.rcv_nxt) return answer(core, old, segment.now);
  // RFC 1337 §3, fix F1: a reset from the past must not shorten the stay.
  if (core.config.time_wait_ignores_resets) return;
  end_time_wait(core, old, segment.now);
}

}  // namespace

bool is_compactable(const Connection& connection) {
  return connection.state == TcpState::kTimeWait && !connection.has_handle &&
         !connection.in_accept_queue && connection.due == 0 && connection.dup_acks_due == 0;
}

void compact(Core& core, Connection& connection, Instant now) {
  TimeWait old;
  old.key = connection.key();
  old.snd_nxt = connection.snd_nxt;
  old.rcv_nxt = connection.rcv_nxt;
  old.ts_recent = connection.ts_recent;
  old.ts_recent_at = connection.ts_recent_at;
  old.ts_offset = connection.ts_offset;
  old.ts_ok = connection.ts_ok;
  old.window_bytes = connection.receive_window();
  old.window_field = advertise_window(connection, connection.rcv_scale);
  old.deadline = connection.active->life_deadline;
  old.answered = connection.rarely().invalid_ack_sent;
  old.answered_at = connection.rarely().invalid_ack_at;
  old.flow = connection.flow;
  old.first_tx = connection.first_tx;
  old.last_rx = connection.last_rx;
  old.tx_bytes = connection.bytes_sent;
  old.rx_bytes = connection.bytes_received;
  old.tx_packets = static_cast<std::uint32_t>(connection.segments_out);
  old.rx_packets = static_cast<std::uint32_t>(connection.segments_in);
  old.lost_packets = static_cast<std::uint32_t>(connection.lost_total());
  old.retransmitted = connection.rarely().retransmits;
  discard(core, connection);
  core.time_waits.add(old);
  if (core.time_waits.size() > core.config.time_wait_max) evict_time_wait(core, now);
  arm_time_wait_timer(core);
}

void arm_time_wait_timer(Core& core) {
  const TimeWait* oldest = core.time_waits.oldest();
  if (oldest == nullptr || oldest->deadline >= core.time_wait_timer.deadline()) return;
  core.timers.arm(core.time_wait_timer, oldest->deadline);
}

void on_time_wait_timer(void* owner, Instant now) {
  Core& core = *static_cast<Core*>(owner);
  // Bounded by the table: nothing enters meanwhile.
  for (TimeWait* old = core.time_waits.oldest(); old != nullptr && old->deadline <= now;
       old = core.time_waits.oldest()) {
    end_time_wait(core, *old, now);
  }
  arm_time_wait_timer(core);
}

void end_time_wait(Core& core, TimeWait& old, Instant now) {
  const TcpFlow numbers = flow_of(old, TcpEnd::kClosed);
  core.time_waits.remove(FlowKey(old.key));
  core.report.state(numbers.flow, now, {TcpState::kTimeWait, TcpState::kClosed});
  if (core.observer != nullptr) core.observer->on_tcp_end(numbers);
}

bool evict_time_wait(Core& core, Instant now) {
  TimeWait* oldest = core.time_waits.oldest();
  if (oldest == nullptr) return false;
  end_time_wait(core, *oldest, now);
  return true;
}

// RFC 6191 §2 and RFC 9293 §3.10.7.4, fourth: a SYN that cannot belong to the old incarnation may
// take over its addresses and ports.
bool may_reuse(const TimeWait& old, const Segment& segment) {
  if (!segment.flags.syn() || segment.flags.ack() || segment.flags.rst()) return false;
  if (old.ts_ok && segment.options->timestamps &&
      segment.options->timestamps->value != old.ts_recent) {
    return segment.options->timestamps->value > old.ts_recent;
  }
  return segment.seq > old.rcv_nxt;
}

// RFC 6191 §4: our own timestamps have moved on; our sequence numbers begin beyond the old ones.
bool may_reopen(const TimeWait& old, Instant now) {
  return old.ts_ok && now - old.ts_recent_at > kReuseAge;
}

void segment_in_time_wait(Core& core, TimeWait& old, const Segment& segment) {
  ++old.rx_packets;
  old.last_rx = segment.now;
  const bool lacks_stamps = old.ts_ok && !segment.options->timestamps && !segment.flags.rst();
  if (lacks_stamps && core.config.timestamps_required) {
    return drop(core, old, segment, DropReason::kStale);
  }
  const bool stale = is_stale(old, segment);
  if (stale || !is_in_window(old, segment)) {
    drop(core, old, segment, stale ? DropReason::kStale : DropReason::kOutOfWindow);
    if (segment.flags.rst()) return;
    if (!segment.flags.fin()) {
      if (segment.payload_bytes > 0) return acknowledge(core, old, segment.now);
      return answer(core, old, segment.now);
    }
    // Eighth: the peer's FIN again restarts the 2 MSL.
    restart(core, old, segment.now);
    return acknowledge(core, old, segment.now);
  }
  if (segment.flags.rst()) return on_reset(core, old, segment);
  if (segment.flags.syn()) return answer(core, old, segment.now);
  if (old.ts_ok && segment.options->timestamps && segment.seq <= old.rcv_nxt) {
    old.ts_recent = segment.options->timestamps->value;
    old.ts_recent_at = segment.now;
  }
  if (!segment.flags.ack()) return drop(core, old, segment, DropReason::kOutOfWindow);
  if (segment.ack > old.snd_nxt) answer(core, old, segment.now);
}

}  // namespace twinpath::tcp
