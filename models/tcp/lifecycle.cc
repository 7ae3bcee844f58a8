// How connections come and go, and what the outside learns once an input is dealt with.
#include <memory>
#include <utility>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

void unlink_time_wait(Core& core, Connection& connection) {
  const std::uint32_t before = connection.time_wait_before;
  const std::uint32_t behind = connection.time_wait_behind;
  if (before != 0) {
    core.connections.at(before - 1)->time_wait_behind = behind;
  } else {
    core.time_wait_first = behind;
  }
  if (behind != 0) {
    core.connections.at(behind - 1)->time_wait_before = before;
  } else {
    core.time_wait_last = before;
  }
}

void drop_send_side(Connection& connection) {
  connection.send_queue.clear();
  connection.sent.clear();
  connection.reassembly.clear();
  connection.due = 0;
  connection.dup_acks_due = 0;
  stop_retransmission_timer(connection);
  connection.ack_deadline = connection.keepalive_deadline = connection.retry_deadline = kNever;
}

void release(Core& core, Connection& connection) {
  core.timers.cancel(connection.timer);
  core.connections.remove(connection);
}

// The table is full: whoever has waited longest in TIME-WAIT, and is held by nobody, makes room.
bool evict_time_wait(Core& core) {
  for (std::uint32_t at = core.time_wait_first; at != 0;) {
    Connection& oldest = *core.connections.at(at - 1);
    if (!oldest.has_handle && !oldest.in_accept_queue) {
      terminate(core, oldest, kStart, Errno::kNone);
      release(core, oldest);
      return true;
    }
    at = oldest.time_wait_behind;
  }
  return false;
}

}  // namespace

// Those in TIME-WAIT stand in a list through their indices, who leaves first in front. Whoever
// enters is the last; only one that comes from another stack looks for its place.
void link_time_wait(Core& core, Connection& connection) {
  const std::uint32_t self = connection.id.index + 1;
  std::uint32_t before = core.time_wait_last;
  std::uint32_t behind = 0;
  while (before != 0 && core.connections.at(before - 1)->life_deadline > connection.life_deadline) {
    behind = before;
    before = core.connections.at(before - 1)->time_wait_before;
  }
  connection.time_wait_before = before;
  connection.time_wait_behind = behind;
  (before != 0 ? core.connections.at(before - 1)->time_wait_behind : core.time_wait_first) = self;
  (behind != 0 ? core.connections.at(behind - 1)->time_wait_before : core.time_wait_last) = self;
}

void forget(Core& core, Connection& connection) {
  if (connection.state == TcpState::kTimeWait) unlink_time_wait(core, connection);
  if (connection.in_table) core.flows.erase(connection);
  if (connection.state != TcpState::kClosed) tell_end(core, connection, TcpEnd::kMoved);
  release(core, connection);
}

Connection* create(Core& core, const FlowKey& key) {
  if (core.connections.size() >= core.config.connections_max && !evict_time_wait(core)) {
    return nullptr;
  }
  Connection& connection = core.connections.add(std::make_unique<Connection>(core, key, &on_timer));
  const TcpConfig& config = core.config;
  connection.flow = flow_id(key);
  connection.send_buffer_bytes = config.send_buffer_bytes;
  connection.receive_buffer_bytes = config.receive_buffer_bytes;
  connection.mss_limit_bytes = core.mss_limit_bytes;
  connection.delayed_ack = config.delayed_ack;
  connection.nagle = config.nagle;
  connection.keepalive = config.keepalive;
  connection.keepalive_idle = config.keepalive_idle;
  connection.keepalive_interval = config.keepalive_interval;
  connection.keepalive_probes = config.keepalive_probes;
  connection.rtt = RttEstimator(config);
  connection.congestion = make_congestion(config, CongestionWindow());
  core.flows.insert(connection);
  connection.in_table = true;
  if (core.observer != nullptr) core.observer->on_tcp_open(connection.flow);
  return &connection;
}

void set_state(Core& core, Connection& connection, Instant now, TcpState state) {
  const TcpState before = std::exchange(connection.state, state);
  if (before != state) core.report.state(connection, now, before);
}

void enter_time_wait(Core& core, Connection& connection, Instant now) {
  const bool again = connection.state == TcpState::kTimeWait;
  if (again) unlink_time_wait(core, connection);
  connection.life_deadline = after(now, 2 * core.config.msl);
  link_time_wait(core, connection);
  arm_by(core, connection, connection.life_deadline);
  if (again) return;
  const std::uint8_t due = connection.due;
  drop_send_side(connection);
  connection.due = due & kDueAck;
  set_state(core, connection, now, TcpState::kTimeWait);
}

void terminate(Core& core, Connection& connection, Instant now, Errno error) {
  if (connection.state == TcpState::kClosed) return;
  const TcpEnd end = end_of(connection, error);
  if (connection.state == TcpState::kTimeWait) unlink_time_wait(core, connection);
  if (connection.state == TcpState::kSynReceived && connection.opened_passively) {
    Listener* listener = core.listeners.get(connection.listener);
    if (listener != nullptr) --listener->half_open;
  }
  drop_send_side(connection);
  connection.life_deadline = kNever;
  if (connection.in_table) core.flows.erase(connection);
  connection.in_table = false;
  connection.error = error;
  connection.readiness |= kTcpHangup | kTcpReadable | kTcpWritable;
  if (error != Errno::kNone) connection.readiness |= kTcpError;
  set_state(core, connection, now, TcpState::kClosed);
  tell_end(core, connection, end);
}

void abort_with_reset(Core& core, Connection& connection, Instant now, Errno error) {
  // RFC 9293 §3.10.5: states without a synchronized peer vanish silently.
  if (connection.state >= TcpState::kSynReceived && connection.state != TcpState::kTimeWait) {
    Reply reply{connection.key, connection.snd_nxt, connection.rcv_nxt, kRst | kAck, std::nullopt};
    if (connection.ts_ok) reply.timestamps = {timestamp(connection, now), connection.ts_recent};
    queue_reply(core, reply);
  }
  terminate(core, connection, now, error);
}

void queue_reply(Core& core, const Reply& reply) {
  if (core.replies.size() >= core.config.replies_max) {
    ++core.counters.replies_dropped;
    return;
  }
  core.replies.push_back(reply);
}

void settle(Core& core, Connection& connection) {
  if (connection.state == TcpState::kClosed) {
    if (!connection.has_handle && !connection.in_accept_queue) return release(core, connection);
  } else if (!connection.in_ready_list && may_send(connection)) {
    connection.in_ready_list = true;
    core.ready.push_back(connection.id.index);
  }
  if (connection.accept_ready) {
    connection.accept_ready = false;
    core.user.on_tcp_accept(connection.listener);
  } else if (connection.has_handle && connection.readiness != 0) {
    core.user.on_tcp_ready(connection.id, std::exchange(connection.readiness, 0));
  }
}

}  // namespace twinpath::tcp
