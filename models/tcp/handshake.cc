// Opening a connection: what is offered, what is agreed, and the first values that follow from it.
// Read RFC 9293 §3.5 and §3.7, RFC 7323 §2 and §3, RFC 6928.
#include <algorithm>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

// A peer that offers less would make us send headers only; Linux's floor.
constexpr std::uint32_t kPeerMssMin = 48;
// RFC 9293 §3.7.1, MUST-15: who says nothing takes this much.
constexpr std::uint32_t kPeerMssV4 = 536;
constexpr std::uint32_t kPeerMssV6 = 1220;
constexpr std::uint32_t kUnscaledWindowMax = 65535;
constexpr std::uint32_t kTimestampsBytes = 12;  // padded, on every segment
constexpr std::uint32_t kBeyond = 65537;        // an unscaled window and the FIN; as Linux

// Round-trip time of the handshake: exact unless a SYN was sent twice, then only if the peer echoes
// the latest.
void sample_handshake(Core& core, Connection& connection, const Segment& segment) {
  if (connection.last_sent_at == kNever) {
    connection.last_sent_at = segment.now;  // a cookie came back
    return;
  }
  if (!connection.handshake_retransmitted ||
      echoes_since(connection, segment, connection.last_sent_at)) {
    connection.rtt.on_sample(core.config, segment.now - connection.last_sent_at);
  }
  if (connection.handshake_retransmitted) connection.rtt.on_handshake_retransmitted();
  connection.rtt.clear_backoff();
}

// Half open no more.
void announce(Core& core, Connection& connection) {
  --core.half_open;
  Listener* listener = core.listeners.get(connection.listener);
  if (listener == nullptr) return;
  --listener->half_open;
  if (!connection.is_fast_open_child()) return wait_for_accept(*listener, connection);
  --listener->fast_open_pending;
}

}  // namespace

void wait_for_accept(Listener& listener, Connection& connection) {
  listener.accept_queue.push_back(connection.id);
  connection.in_accept_queue = true;
  connection.accept_ready = true;
}

std::uint8_t window_scale_for(std::uint32_t buffer_bytes) {
  std::uint8_t scale = 0;
  while (scale < kWindowScaleMax && buffer_bytes > kUnscaledWindowMax << scale) ++scale;
  return scale;
}

std::uint8_t window_scale_of(const Connection& connection) {
  return window_scale_for(
      std::max(connection.receive_buffer_bytes, connection.receive_buffer_max_bytes));
}

// RFC 9293 §3.7.1, MUST-67.
std::uint32_t mss_limit_towards(const Core& core, const IpAddress& remote, Instant now) {
  const std::uint32_t mtu = core.paths == nullptr ? 0 : core.paths->mtu_bytes(now, remote);
  if (mtu == 0) return core.mss_limit_bytes;
  const std::uint32_t headers = headers_bytes(remote);
  return std::min(core.mss_limit_bytes, std::max(mtu, headers + kPeerMssMin) - headers);
}

// RFC 9293 §3.7.1: Eff.snd.MSS, options that every segment carries taken off.
void update_mss(Connection& connection) {
  const std::uint32_t mss = std::min(connection.peer_mss_bytes, connection.mss_limit_bytes);
  connection.mss_bytes = mss - (connection.ts_ok ? kTimestampsBytes : 0);
  connection.congestion.set_mss(connection.mss_bytes);
}

// RFC 6928 §2, for `initial_window_segments` of 10: min(10 MSS, max(2 MSS, 14600)).
std::uint32_t initial_window_bytes(const Core& core, const Connection& connection) {
  const std::uint32_t mss = connection.mss_bytes;
  // RFC 5681 §3.1: one segment if a SYN was lost.
  if (connection.handshake_retransmitted) return mss;
  const std::uint32_t segments = core.config.initial_window_segments;
  return std::min(segments * mss, std::max(2 * mss, segments * 1460));
}

// What the peer's SYN offers of what we offer, or would have.
void negotiate(Core& core, Connection& connection, const Segment& syn) {
  const TcpConfig& config = core.config;
  const TcpOptions& offered = *syn.options;
  connection.irs = syn.seq;
  connection.rcv_nxt = syn.seq + 1;
  connection.last_ack_sent = connection.rcv_nxt;
  connection.rcv_adv =
      connection.rcv_nxt + std::min(connection.receive_buffer_bytes, kUnscaledWindowMax);
  connection.snd_wnd = connection.snd_wnd_max = syn.window;  // never scaled: RFC 7323 §2.2
  connection.snd_wl1 = syn.seq;
  connection.snd_wl2 = connection.iss;
  const std::uint32_t unsaid = connection.names.remote().is_v4() ? kPeerMssV4 : kPeerMssV6;
  connection.peer_mss_bytes =
      offered.mss.value_or(0) > 0 ? std::max<std::uint32_t>(*offered.mss, kPeerMssMin) : unsaid;
  connection.ts_ok = config.timestamps && offered.timestamps;
  if (connection.ts_ok) {
    connection.ts_recent = offered.timestamps->value;
    connection.ts_recent_at = syn.now;
  }
  connection.scale_ok = config.window_scaling && offered.window_scale;
  if (connection.scale_ok) {
    connection.snd_scale = std::min(*offered.window_scale, kWindowScaleMax);  // RFC 7323 §2.3
    connection.rcv_scale = window_scale_of(connection);
  }
  connection.sack_ok = config.sack && offered.sack_permitted;
  // RFC 3168 §6.1.1: a SYN asks with both bits, a SYN,ACK agrees with ECE alone.
  const bool asks =
      syn.flags.ack() ? syn.flags.ece() && !syn.flags.cwr() : syn.flags.ece() && syn.flags.cwr();
  const bool wanted =
      syn.flags.ack() ? config.ecn == EcnMode::kRequest : config.ecn != EcnMode::kOff;
  connection.ecn_ok = asks && wanted;
  update_mss(connection);
}

void establish(Core& core, Connection& connection, const Segment& segment) {
  sample_handshake(core, connection, segment);
  connection.snd_una = connection.iss + 1;
  connection.recover = connection.ecn_until = connection.iss;
  connection.round_end = connection.limited_until = connection.iss;
  if (connection.rare != nullptr) connection.rare->reordering_round = connection.iss;
  connection.short_end = connection.iss;
  connection.quick_acks = static_cast<std::uint8_t>(core.config.quick_acks);
  connection.snd_wl1 = segment.seq;
  connection.snd_wl2 = segment.ack;
  if (!segment.flags.syn()) {
    connection.snd_wnd = static_cast<std::uint32_t>(segment.window) << connection.snd_scale;
    connection.snd_wnd_max = std::max(connection.snd_wnd_max, connection.snd_wnd);
  }
  connection.active->expiries = 0;
  stop_retransmission_timer(connection);
  connection.congestion.set_cwnd(initial_window_bytes(core, connection));
  if (connection.opened_passively) {
    announce(core, connection);
  } else {
    connection.readiness |= kTcpEstablished | kTcpWritable;
  }
  set_state(core, connection, segment.now,
            connection.fin_queued ? TcpState::kFinWait1 : TcpState::kEstablished);
  if (connection.keepalive) restart_keepalive(core, connection, segment.now);
  if (!connection.active->sent.empty()) start_retransmission_timer(core, connection, segment.now);
}

void start_open(Core& core, Connection& connection, Instant now, TcpState state) {
  const auto& fixed = core.config.initial_sequence;
  const SecretNumbers::Opening first = core.secrets.opening(connection.key(), now);
  connection.iss = fixed ? SeqNum(*fixed) : first.isn;
  const auto& stamp = core.config.initial_timestamp;
  connection.ts_offset = stamp ? *stamp : first.timestamp_offset;
  connection.snd_una = connection.iss;
  connection.snd_nxt = connection.snd_end = connection.iss + 1;
  connection.due |= kDueSyn;
  set_state(core, connection, now, state);
}

void start_beyond(Connection& connection, SeqNum used) {
  if (connection.iss > used) return;
  connection.iss = used + kBeyond;
  connection.snd_una = connection.iss;
  connection.snd_nxt = connection.snd_end = connection.iss + 1;
}

// SYN offers everything configured; SYN,ACK only what the peer offered (RFC 7323 §2.2, §3.2).
TcpOptions syn_options(const Core& core, const Connection& connection, Instant now) {
  const bool offers = connection.state == TcpState::kSynSent;
  TcpOptions options;
  options.mss = static_cast<std::uint16_t>(connection.mss_limit_bytes);
  if (offers ? core.config.timestamps : connection.ts_ok) {
    options.timestamps = {timestamp(connection, now), offers ? TsVal() : connection.ts_recent};
  }
  if (offers ? core.config.window_scaling : connection.scale_ok) {
    options.window_scale = window_scale_of(connection);
  }
  options.sack_permitted = offers ? core.config.sack : connection.sack_ok;
  offer_fast_open(core, connection, options);
  return options;
}

}  // namespace twinpath::tcp
