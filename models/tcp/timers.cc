// Deadlines of a connection. They are plain instants in the connection; the one timer behind them
// is moved only to earlier instants. A deadline that has moved on is found when the timer fires
// early, which costs one call per time-out instead of one heap operation per segment.
#include <algorithm>
#include <array>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

Instant earliest(const Connection& connection) {
  const Instant paced =
      connection.active->pacer == nullptr ? kNever : connection.active->pacer->deadline();
  return std::min({paced, connection.active->rtx_deadline, connection.active->ack_deadline,
                   connection.active->life_deadline, connection.active->keepalive_deadline,
                   connection.active->retry_deadline, connection.active->loss_deadline});
}

// RFC 9293 §3.8.3: patience by what is unanswered. A SYN has less of it.
std::uint32_t patience(const Core& core, const Connection& connection) {
  switch (connection.state) {
    case TcpState::kSynSent: {
      const Rare* rare = connection.rare.get();
      const bool own = rare != nullptr && rare->syn_retries > 0;
      return own ? rare->syn_retries : core.config.syn_retries;
    }
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

// tcp(7), TCP_USER_TIMEOUT: how long the user lets something go unanswered.
bool user_gives_up(Connection& connection, Instant now, Instant waiting_since) {
  if (connection.rare == nullptr || connection.rare->user_timeout == Duration::zero()) return false;
  Instant& since = connection.rare->unanswered_since;
  since = std::min(since, waiting_since);
  return now - since >= connection.rare->user_timeout;
}

// The timer is back in time to give up.
void set_next_expiry(Core& core, Connection& connection, Instant now) {
  connection.active->rtx_deadline = after(now, connection.rtt.rto(core.config));
  const Rare* rare = connection.rare.get();
  if (rare == nullptr || rare->user_timeout == Duration::zero()) return;
  connection.active->rtx_deadline =
      std::min(connection.active->rtx_deadline, after(rare->unanswered_since, rare->user_timeout));
}

// RFC 4821 §7.7, RFC 8201 §4's black holes: routers that drop what is too long without a word. Full
// segments that time out again and again (R1 of RFC 9293 §3.8.3) go in smaller pieces.
void suspect_black_hole(Core& core, Connection& connection) {
  constexpr std::uint32_t kExpiries = 3;
  constexpr std::array<std::uint32_t, 2> kMssSteps = {1024, 536};
  if (!core.config.black_hole_detection || connection.active->expiries < kExpiries) return;
  if (connection.active->sent.empty()) return;
  for (const std::uint32_t step : kMssSteps) {
    if (connection.mss_bytes <= step || connection.active->sent[0].len() <= step) continue;
    connection.mss_limit_bytes = step;
    update_mss(connection);
    ++core.counters.black_holes;
    return;
  }
}

// RFC 1191 §6.4: what a router told another connection to the same host is true for this one too.
void ask_for_path(Core& core, Connection& connection, Instant now) {
  const std::uint32_t limit = mss_limit_towards(core, connection.key().remote, now);
  if (limit >= connection.mss_limit_bytes) return;
  connection.mss_limit_bytes = limit;
  update_mss(connection);
}

// tcp(7), TCP_DEFER_ACCEPT: the peer has the SYN,ACK; only the last one is sent again, to have it
// acknowledge once more.
bool defers_quietly(Core& core, const Connection& connection) {
  if (!connection.handshake_acked) return false;
  const Listener* listener = core.listeners.get(connection.listener);
  return listener != nullptr &&
         connection.active->expiries < listener->options.defer_accept_retries;
}

// A shut window is endured as long as the peer answers, but not by a connection that nobody holds
// any more: it must not cost us for ever (RFC 6429 §4).
bool is_forsaken(const Core& core, const Connection& connection) {
  const std::uint32_t patience =
      std::min<std::uint32_t>(core.config.retries2, RttEstimator::kBackoffMax);
  return !connection.has_handle && connection.rtt.backoffs() >= patience;
}

void on_retransmission_timer(Core& core, Connection& connection, Instant now) {
  ++connection.active->expiries;
  const Instant waiting_since = connection.active->sent.empty()
                                    ? connection.last_sent_at
                                    : connection.active->sent[0].sent_at;
  const bool has_begun = !connection.is_opening();
  if (connection.active->expiries > patience(core, connection) ||
      (has_begun && is_forsaken(core, connection)) ||
      user_gives_up(connection, now, waiting_since)) {
    terminate(core, connection, now, reason_for_giving_up(connection));
    return;
  }
  ++connection.uncommon().timeouts;
  connection.rtt.back_off();  // RFC 6298 §5.5
  set_next_expiry(core, connection, now);
  core.report.rto(connection, now, connection.rtt.rto(core.config));
  if (connection.is_opening()) {
    if (defers_quietly(core, connection)) return;
    connection.handshake_retransmitted = true;
    connection.due |= kDueSyn;
    core.report.retransmit(connection, now, {connection.iss, connection.iss + 1},
                           RetransmitCause::kHandshake);
    return;
  }
  suspect_black_hole(core, connection);
  ask_for_path(core, connection, now);
  on_loss_timeout(core, connection, now);
}

// RFC 9293 §3.8.6.1. With some window, silly-window avoidance held the data: its override.
void on_persist_timer(Core& core, Connection& connection, Instant now) {
  ++connection.active->expiries;
  if (is_forsaken(core, connection)) {
    abort_with_reset(core, connection, now, Errno::kTimedOut);
    return;
  }
  // What nobody answers is R2's (RFC 9293 §3.8.3), as for data.
  if (connection.active->expiries > core.config.retries2 || user_gives_up(connection, now, now)) {
    terminate(core, connection, now, reason_for_giving_up(connection));
    return;
  }
  connection.rtt.back_off();
  set_next_expiry(core, connection, now);
  if (connection.snd_wnd > 0) {
    connection.send_small = true;
  } else {
    connection.due |= kDueProbe;
  }
}

// tcp(7): a user time-out takes the place of the number of probes.
bool keepalive_failed(const Core& core, const Connection& connection) {
  const Rare& rare = connection.rarely();
  const std::uint32_t unanswered = rare.keepalive_unanswered;
  if (rare.user_timeout == Duration::zero()) {
    return unanswered >= keepalive_probes(core, connection);
  }
  if (unanswered == 0) return false;
  const Duration silence =
      keepalive_idle(core, connection) + unanswered * keepalive_interval(core, connection);
  return silence >= rare.user_timeout;
}

// RFC 9293 §3.8.4.
void on_keepalive_timer(Core& core, Connection& connection, Instant now) {
  const bool silent = connection.active->sent.empty() && connection.is_synchronized() &&
                      connection.state != TcpState::kTimeWait;
  if (!silent) {
    connection.active->keepalive_deadline = after(now, keepalive_idle(core, connection));
    return;
  }
  if (keepalive_failed(core, connection)) {
    abort_with_reset(core, connection, now, Errno::kTimedOut);
    return;
  }
  ++connection.uncommon().keepalive_unanswered;
  connection.active->keepalive_deadline = after(now, keepalive_interval(core, connection));
  connection.due |= kDueKeepalive;
}

}  // namespace

void on_timer(void* owner, Instant now) {
  const Activity& active = *static_cast<Activity*>(owner);
  Connection& connection = *active.connection;
  Core& core = *active.core;
  if (connection.active->ack_deadline <= now) {
    connection.active->ack_deadline = kNever;
    connection.due |= kDueAck;
  }
  if (connection.active->retry_deadline <= now) connection.active->retry_deadline = kNever;
  if (connection.active->pacer != nullptr && connection.active->pacer->deadline() <= now)
    connection.active->pacer->wake();
  if (connection.active->life_deadline <= now) {
    terminate(core, connection, now, Errno::kNone);
  } else if (connection.active->rtx_deadline <= now) {
    if (connection.active->rtx_purpose == RtxPurpose::kPersist) {
      on_persist_timer(core, connection, now);
    } else if (connection.active->rtx_purpose == RtxPurpose::kCork) {
      stop_retransmission_timer(connection);
      connection.send_small = true;
    } else {
      on_retransmission_timer(core, connection, now);
    }
  } else if (connection.active->loss_deadline <= now) {
    on_loss_timer(core, connection, now);
  } else if (connection.active->keepalive_deadline <= now) {
    on_keepalive_timer(core, connection, now);
  }
  arm_timer(core, connection);
  settle(core, connection);
}

void arm_timer(Core& core, Connection& connection) {
  arm_by(core, connection, earliest(connection));
}

void start_retransmission_timer(Core& core, Connection& connection, Instant now) {
  Duration wait = connection.rtt.rto(core.config);
  // While nothing is acknowledged in order the estimate stands still, and the queue that overflowed
  // stands too: a copy takes as much longer as what arrived last did. Who models the path has none.
  if (connection.recovery == Recovery::kFastRecovery && connection.sack_ok &&
      !connection.congestion.is_model_based()) {
    wait +=
        std::max(connection.active->sent.newest_rtt() - connection.rtt.srtt(), Duration::zero());
  }
  connection.active->rtx_purpose = RtxPurpose::kRetransmit;
  connection.active->rtx_deadline = after(now, wait);
  arm_by(core, connection, connection.active->rtx_deadline);
}

void start_persist_timer(Core& core, Connection& connection, Instant now) {
  connection.active->rtx_purpose = RtxPurpose::kPersist;
  connection.active->rtx_deadline = after(now, connection.rtt.rto(core.config));
  arm_by(core, connection, connection.active->rtx_deadline);
}

// tcp(7): "There is a 200 millisecond ceiling on the time for which output is corked".
void start_cork_timer(Core& core, Connection& connection, Instant now) {
  constexpr Duration kCorkMax = std::chrono::milliseconds(200);
  connection.active->rtx_purpose = RtxPurpose::kCork;
  connection.active->rtx_deadline = after(now, kCorkMax);
  arm_by(core, connection, connection.active->rtx_deadline);
}

void stop_retransmission_timer(Connection& connection) {
  connection.active->rtx_purpose = RtxPurpose::kNone;
  forget_waiting(connection);
  connection.active->rtx_deadline = kNever;
  stop_loss_timer(connection);
}

void restart_keepalive(Core& core, Connection& connection, Instant now) {
  if (connection.rare != nullptr) connection.rare->keepalive_unanswered = 0;
  connection.active->keepalive_deadline = after(now, keepalive_idle(core, connection));
  arm_by(core, connection, connection.active->keepalive_deadline);
}

}  // namespace twinpath::tcp
