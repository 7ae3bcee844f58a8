// How connections come and go, and what the outside learns once an input is dealt with.
#include <memory>
#include <utility>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

void drop_send_side(Core& core, Connection& connection) {
  connection.active->send_queue.clear();
  connection.active->sent.clear();
  core.out_of_order_bytes -= connection.active->reassembly.pinned_bytes();
  connection.active->reassembly.clear();
  connection.due = 0;
  connection.dup_acks_due = 0;
  stop_retransmission_timer(connection);
  if (connection.active->pacer != nullptr) connection.active->pacer->wake();
  connection.active->ack_deadline = connection.active->keepalive_deadline =
      connection.active->retry_deadline = kNever;
}

void release(Core& core, Connection& connection) {
  if (connection.active->connection != nullptr) {
    core.timers.cancel(connection.active->timer);
    core.activities.give_back(std::exchange(connection.active, core.activities.none()));
  }
  core.connections.remove(connection);
}

// Those of a listener are counted there.
void leave_listener(Core& core, const Connection& connection) {
  if (!connection.opened_passively) return;
  const bool half_open = connection.state == TcpState::kSynReceived;
  if (half_open) --core.half_open;
  Listener* listener = core.listeners.get(connection.listener);
  if (listener == nullptr) return;
  --listener->connections;
  if (half_open) --listener->half_open;
  if (connection.is_fast_open_child()) --listener->fast_open_pending;
}

std::uint32_t table_size(const Core& core) {
  return core.connections.size() + core.time_waits.size();
}

}  // namespace

bool is_used(Core& core, const FlowKey& key) {
  return core.flows.find(key) != nullptr || core.time_waits.find(key) != nullptr;
}

void discard(Core& core, Connection& connection) {
  if (connection.in_table) core.flows.erase(connection);
  if (connection.state != TcpState::kClosed) {
    leave_listener(core, connection);
    core.out_of_order_bytes -= connection.active->reassembly.pinned_bytes();
  }
  release(core, connection);
}

void forget(Core& core, Connection& connection, TcpEnd end) {
  if (connection.state != TcpState::kClosed) tell_end(core, connection, end);
  discard(core, connection);
}

// When the table is full, whoever has waited longest in TIME-WAIT makes room.
Connection* create(Core& core, const FlowKey& key, Instant now) {
  if (table_size(core) >= core.config.connections_max && !evict_time_wait(core, now)) {
    return nullptr;
  }
  Connection& connection = core.connections.add(key, core.activities.none());
  const TcpConfig& config = core.config;
  wake(core, connection);
  connection.flow = flow_id(key);
  connection.send_buffer_bytes = config.send_buffer_bytes;
  connection.receive_buffer_bytes = config.receive_buffer_bytes;
  connection.send_buffer_max_bytes = config.send_buffer_max_bytes;
  connection.receive_buffer_max_bytes = config.receive_buffer_max_bytes;
  connection.mss_limit_bytes = mss_limit_towards(core, key.remote, now);
  connection.delayed_ack = config.delayed_ack;
  connection.nagle = config.nagle;
  connection.keepalive = config.keepalive;
  connection.rtt = RttEstimator(config);
  connection.congestion = make_congestion(config, CongestionWindow());
  if (config.user_timeout > Duration::zero()) {
    connection.uncommon().user_timeout = config.user_timeout;
  }
  connection.pacing = config.pacing;
  prepare_pacing(connection);
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
  connection.active->life_deadline = after(now, 2 * core.config.msl);
  arm_by(core, connection, connection.active->life_deadline);
  if (connection.state == TcpState::kTimeWait) return;
  const std::uint8_t due = connection.due;
  drop_send_side(core, connection);
  connection.due = due & kDueAck;
  set_state(core, connection, now, TcpState::kTimeWait);
}

void terminate(Core& core, Connection& connection, Instant now, Errno error) {
  if (connection.state == TcpState::kClosed) return;
  const TcpEnd end = end_of(connection, error);
  leave_listener(core, connection);
  drop_send_side(core, connection);
  connection.active->life_deadline = kNever;
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
    Reply reply{connection.key(), connection.snd_nxt, connection.rcv_nxt, kRst | kAck};
    if (connection.ts_ok) {
      reply.options.timestamps = {timestamp(connection, now), connection.ts_recent};
    }
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
  } else if (!connection.in_ready_list && (may_send(connection) || is_compactable(connection))) {
    wake(core, connection);
    connection.in_ready_list = true;
    core.ready.push_back(connection.id.index);
  }
  rest_if_quiet(core, connection);
  if (connection.accept_ready) {
    connection.accept_ready = false;
    core.user.on_tcp_accept(connection.listener);
  } else if (connection.has_handle && connection.readiness != 0) {
    core.user.on_tcp_ready(connection.id, std::exchange(connection.readiness, 0));
  }
}

}  // namespace twinpath::tcp
