// Deadlines of a connection. They are plain instants in the connection; the one timer behind them
// is moved only to earlier instants. A deadline that has moved on is found when the timer fires
// early, which costs one call per time-out instead of one heap operation per segment.
#include <algorithm>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

Instant earliest(const Connection& connection) {
  return std::min({connection.rtx_deadline, connection.ack_deadline, connection.life_deadline,
                   connection.keepalive_deadline, connection.retry_deadline,
                   connection.loss_deadline});
}

// RFC 9293 §3.8.3: patience by what is unanswered. A SYN has less of it.
std::uint32_t patience(const Core& core, const Connection& connection) {
  switch (connection.state) {
    case TcpState::kSynSent:
      return core.config.syn_retries;
    case TcpState::kSynReceived:
      return core.config.syn_ack_retries;
    default:
      return core.config.retries2;
  }
}

// The timer's error is the network's, if it sent one (RFC 9293 §3.9.2.2).
Errno reason_for_giving_up(const Connection& connection) {
  return connection.soft_error != Errno::kNone ? connection.soft_error : Errno::kTimedOut;
}

void on_retransmission_timer(Core& core, Connection& connection, Instant now) {
  ++connection.expiries;
  if (connection.expiries > patience(core, connection)) {
    terminate(core, connection, now, reason_for_giving_up(connection));
    return;
  }
  ++connection.timeouts;
  connection.rtt.back_off();  // RFC 6298 §5.5
  connection.rtx_deadline = after(now, connection.rtt.rto(core.config));
  core.report.rto(connection, now, connection.rtt.rto(core.config));
  if (connection.is_opening()) {
    connection.handshake_retransmitted = true;
    connection.due |= kDueSyn;
    core.report.retransmit(connection, now, {connection.iss, connection.iss + 1},
                           RetransmitCause::kHandshake);
    return;
  }
  on_loss_timeout(core, connection, now);
}

// RFC 9293 §3.8.6.1. With some window, silly-window avoidance held the data: its override.
void on_persist_timer(Core& core, Connection& connection, Instant now) {
  ++connection.expiries;
  const bool is_orphan = !connection.has_handle;
  if (is_orphan && connection.expiries > core.config.retries2) {
    abort_with_reset(core, connection, now, Errno::kTimedOut);  // RFC 6429 §4
    return;
  }
  connection.rtt.back_off();
  connection.rtx_deadline = after(now, connection.rtt.rto(core.config));
  if (connection.snd_wnd > 0) {
    connection.send_small = true;
  } else {
    connection.due |= kDueProbe;
  }
}

// RFC 9293 §3.8.4.
void on_keepalive_timer(Core& core, Connection& connection, Instant now) {
  const bool silent = connection.sent.empty() && connection.is_synchronized() &&
                      connection.state != TcpState::kTimeWait;
  if (!silent) {
    connection.keepalive_deadline = after(now, connection.keepalive_idle);
    return;
  }
  if (connection.keepalive_unanswered >= connection.keepalive_probes) {
    abort_with_reset(core, connection, now, Errno::kTimedOut);
    return;
  }
  ++connection.keepalive_unanswered;
  connection.keepalive_deadline = after(now, connection.keepalive_interval);
  connection.due |= kDueKeepalive;
}

}  // namespace

void on_timer(void* owner, Instant now) {
  Connection& connection = *static_cast<Connection*>(owner);
  Core& core = *connection.core;
  if (connection.ack_deadline <= now) {
    connection.ack_deadline = kNever;
    connection.due |= kDueAck;
  }
  if (connection.retry_deadline <= now) connection.retry_deadline = kNever;
  if (connection.life_deadline <= now) {
    terminate(core, connection, now, Errno::kNone);
  } else if (connection.rtx_deadline <= now) {
    if (connection.rtx_purpose == RtxPurpose::kPersist) {
      on_persist_timer(core, connection, now);
    } else {
      on_retransmission_timer(core, connection, now);
    }
  } else if (connection.loss_deadline <= now) {
    on_loss_timer(core, connection, now);
  } else if (connection.keepalive_deadline <= now) {
    on_keepalive_timer(core, connection, now);
  }
  arm_timer(core, connection);
  settle(core, connection);
}

void arm_timer(Core& core, Connection& connection) {
  arm_by(core, connection, earliest(connection));
}

void start_retransmission_timer(Core& core, Connection& connection, Instant now) {
  connection.rtx_purpose = RtxPurpose::kRetransmit;
  connection.rtx_deadline = after(now, connection.rtt.rto(core.config));
  arm_by(core, connection, connection.rtx_deadline);
}

void start_persist_timer(Core& core, Connection& connection, Instant now) {
  connection.rtx_purpose = RtxPurpose::kPersist;
  connection.rtx_deadline = after(now, connection.rtt.rto(core.config));
  arm_by(core, connection, connection.rtx_deadline);
}

void stop_retransmission_timer(Connection& connection) {
  connection.rtx_purpose = RtxPurpose::kNone;
  connection.rtx_deadline = kNever;
  stop_loss_timer(connection);
}

void restart_keepalive(Core& core, Connection& connection, Instant now) {
  connection.keepalive_unanswered = 0;
  connection.keepalive_deadline = after(now, connection.keepalive_idle);
  arm_by(core, connection, connection.keepalive_deadline);
}

}  // namespace twinpath::tcp
