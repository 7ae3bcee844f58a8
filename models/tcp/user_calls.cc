// The user's calls. Read RFC 9293 §3.10.1 to §3.10.6.
#include <algorithm>
#include <utility>

#include "models/tcp/stack.h"
#include "models/tcp/steps.h"

namespace twinpath {
namespace tcp {

namespace {

// TCP_QUICKACK of tcp(7).
void set_quick_ack(Connection& connection, bool on) {
  constexpr std::uint8_t kSegments = 16;
  connection.quick_acks = on ? kSegments : 0;
  if (on && connection.active->unacked_bytes > 0) connection.due |= kDueAck;
}

}  // namespace

void apply_options(Connection& connection, const TcpOpenOptions& options) {
  if (options.nagle) connection.nagle = *options.nagle;
  if (options.cork) connection.cork = *options.cork;
  if (options.quick_ack) set_quick_ack(connection, *options.quick_ack);
  if (options.delayed_ack) connection.delayed_ack = *options.delayed_ack;
  if (options.send_buffer_bytes) {  // as asked for, from now on
    connection.send_buffer_bytes = *options.send_buffer_bytes;
    connection.send_buffer_max_bytes = 0;
  }
  if (options.keepalive) connection.keepalive = *options.keepalive;
  if (options.keepalive_idle) connection.uncommon().keepalive_idle = *options.keepalive_idle;
  if (options.keepalive_interval)
    connection.uncommon().keepalive_interval = *options.keepalive_interval;
  if (options.keepalive_probes) connection.uncommon().keepalive_probes = *options.keepalive_probes;
  if (options.user_timeout) connection.uncommon().user_timeout = *options.user_timeout;
  if (options.notsent_lowat_bytes) {
    connection.uncommon().notsent_lowat_bytes = *options.notsent_lowat_bytes;
  }
  if (options.syn_retries) connection.uncommon().syn_retries = *options.syn_retries;
  if (options.fin_wait_2) connection.uncommon().fin_wait_2 = *options.fin_wait_2;
  if (options.traffic_class) connection.uncommon().traffic_class = *options.traffic_class & 0xfc;
  if (options.congestion && *options.congestion != connection.congestion.kind()) {
    connection.congestion = CongestionControl(*options.congestion, connection.congestion.window());
  }
  if (options.pacing) connection.pacing = *options.pacing;
  if (options.congestion || options.pacing) prepare_pacing(connection);
}

// What later calls cannot change because the SYN has told the peer.
OpeningSizes opening_sizes(OpeningSizes sizes, const TcpOpenOptions& options) {
  if (options.receive_buffer_bytes) {
    sizes.receive_buffer_bytes = *options.receive_buffer_bytes;
    sizes.receive_buffer_max_bytes = 0;
  }
  if (options.mss_bytes)
    sizes.mss_limit_bytes = std::min(sizes.mss_limit_bytes, *options.mss_bytes);
  return sizes;
}

void apply_opening_options(Connection& connection, const TcpOpenOptions& options) {
  const OpeningSizes sizes =
      opening_sizes({connection.receive_buffer_bytes, connection.receive_buffer_max_bytes,
                     connection.mss_limit_bytes},
                    options);
  connection.receive_buffer_bytes = sizes.receive_buffer_bytes;
  connection.receive_buffer_max_bytes = sizes.receive_buffer_max_bytes;
  connection.mss_limit_bytes = sizes.mss_limit_bytes;
}

}  // namespace tcp

namespace {

using tcp::Connection;
using tcp::Core;
using tcp::FlowKey;

bool may_queue_data(const Connection& connection) {
  if (connection.fin_queued) return false;
  return connection.is_opening() || connection.state == TcpState::kEstablished ||
         connection.state == TcpState::kCloseWait;
}

bool at_end_of_stream(const Connection& connection) {
  return connection.fin_seen && connection.rcv_nxt == connection.fin_seq + 1;
}

// Octets between the reader and the peer's urgent mark.
std::uint32_t urgent_distance(const Connection& connection) {
  const SeqNum read_end = connection.rcv_nxt - (at_end_of_stream(connection) ? 1U : 0U);
  const std::int32_t ahead =
      connection.rare->rcv_up - (read_end - connection.active->receive_queue.bytes());
  return static_cast<std::uint32_t>(std::max(ahead, 0));
}

// RFC 6056 §3.3.3: from a place only the peer's address and our secret decide, the first port that
// `is_free` accepts.
template <typename IsFree>
std::optional<std::uint16_t> search_ports(Core& core, FlowKey key, IsFree is_free) {
  const std::uint32_t first = core.config.ephemeral_port_min;
  const std::uint32_t count = core.config.ephemeral_port_max - first + 1;
  key.local_port = 0;
  const std::uint32_t offset = core.secrets.port_offset(key) + core.ports_chosen;
  for (std::uint32_t tried = 0; tried < count; ++tried) {
    key.local_port = static_cast<std::uint16_t>(first + (offset + tried) % count);
    if (!is_free(key)) continue;
    core.ports_chosen += tried + 1;
    return key.local_port;
  }
  return std::nullopt;
}

// When every port is taken, those whose last connection has waited in TIME-WAIT for a while will
// do.
std::optional<std::uint16_t> choose_port(Core& core, const FlowKey& key, Instant now) {
  const auto is_ours = [&](const FlowKey& wanted) {
    const TcpPortRule* rule = core.port_rule;
    if (rule != nullptr && !rule->may_use(wanted.local_end(), wanted.remote_end())) return false;
    return core.flows.find(wanted) == nullptr && !core.listeners.is_taken(wanted.local_end());
  };
  const auto port = search_ports(core, key, [&](const FlowKey& wanted) {
    return is_ours(wanted) && core.time_waits.find(wanted) == nullptr;
  });
  if (port || core.time_waits.size() == 0) return port;
  return search_ports(core, key, [&](const FlowKey& wanted) {
    const tcp::TimeWait* old = core.time_waits.find(wanted);
    return is_ours(wanted) && (old == nullptr || may_reopen(*old, now));
  });
}

// Takes over from a connection in TIME-WAIT, which used numbers up to the one returned.
SeqNum replace(Core& core, tcp::TimeWait& old, Instant now) {
  const SeqNum used = old.snd_nxt;
  ++core.counters.time_waits_reused;
  end_time_wait(core, old, now);
  return used;
}

// RFC 9293 §3.10.4: FIN follows what is queued; the state changes at once.
void queue_fin(Core& core, Connection& connection, Instant now) {
  if (connection.fin_queued) return;
  connection.fin_queued = true;
  if (connection.state == TcpState::kEstablished) {
    set_state(core, connection, now, TcpState::kFinWait1);
  } else if (connection.state == TcpState::kCloseWait) {
    set_state(core, connection, now, TcpState::kLastAck);
  }
}

}  // namespace

TcpListenResult TcpStack::listen(const TcpEndpointAddress& local, std::uint32_t backlog,
                                 const TcpListenOptions& options) {
  if (local.port == 0) return {{}, Errno::kInvalid};
  if (core_->listeners.is_taken(local, options)) return {{}, Errno::kAddressInUse};
  if (core_->listeners.size() >= core_->config.listeners_max) return {{}, Errno::kNoBufferSpace};
  const std::uint32_t limit = std::clamp(backlog, 1U, core_->config.accept_backlog_max);
  tcp::Listener& listener = core_->listeners.add(local, limit);
  listener.options = options;
  return {listener.id, Errno::kNone};
}

TcpOpenResult TcpStack::connect(Instant now, const TcpEndpointAddress& local,
                                const TcpEndpointAddress& remote, const TcpOpenOptions& options) {
  FlowKey key{local.address, remote.address, local.port, remote.port};
  if (key.local_port == 0) {
    const auto port = choose_port(*core_, key, now);
    if (!port) return {{}, Errno::kAddressNotAvailable};
    key.local_port = *port;
  }
  tcp::TimeWait* old = core_->time_waits.find(key);
  if (core_->flows.find(key) != nullptr || (old != nullptr && !may_reopen(*old, now))) {
    return {{}, Errno::kAddressNotAvailable};
  }
  std::optional<SeqNum> used;
  if (old != nullptr) used = replace(*core_, *old, now);
  Connection* connection = create(*core_, key, now);
  if (connection == nullptr) return {{}, Errno::kNoBufferSpace};
  connection->has_handle = true;
  apply_options(*connection, options);
  apply_opening_options(*connection, options);
  if (options.fast_open) ask_for_fast_open(*core_, *connection, now);
  start_open(*core_, *connection, now, TcpState::kSynSent);
  if (used && !core_->config.initial_sequence) start_beyond(*connection, *used);
  settle(*core_, *connection);
  return {connection->id, Errno::kNone};
}

std::optional<TcpId> TcpStack::accept(TcpListenerId listener_id) {
  tcp::Listener* listener = core_->listeners.get(listener_id);
  if (listener == nullptr || listener->accept_queue.empty()) return std::nullopt;
  const TcpId id = listener->accept_queue.front();
  listener->accept_queue.pop_front();
  Connection& connection = *core_->connections.get(id);
  connection.in_accept_queue = false;
  connection.has_handle = true;
  connection.readiness = 0;
  return id;
}

std::uint32_t TcpStack::acceptable(TcpListenerId id) const {
  const tcp::Listener* listener = core_->listeners.get(id);
  return listener == nullptr ? 0 : listener->accept_queue.size();
}

std::optional<TcpEndpointAddress> TcpStack::listening_at(TcpListenerId id) const {
  const tcp::Listener* listener = core_->listeners.get(id);
  if (listener == nullptr) return std::nullopt;
  return listener->local;
}

void TcpStack::set_listen_options(TcpListenerId id, const TcpListenOptions& options) {
  if (tcp::Listener* listener = core_->listeners.get(id)) listener->options = options;
}

void TcpStack::set_backlog(TcpListenerId id, std::uint32_t backlog) {
  tcp::Listener* listener = core_->listeners.get(id);
  if (listener != nullptr)
    listener->backlog = std::clamp(backlog, 1U, core_->config.accept_backlog_max);
}

void TcpStack::close_listener(Instant now, TcpListenerId id) {
  tcp::Listener* listener = core_->listeners.get(id);
  if (listener == nullptr) return;
  for (std::uint32_t index = 0; index < core_->connections.slots(); ++index) {
    Connection* connection = core_->connections.at(index);
    if (connection == nullptr || connection->listener != id || connection->has_handle) continue;
    if (connection->state != TcpState::kSynReceived && !connection->in_accept_queue) continue;
    connection->in_accept_queue = false;
    connection->accept_ready = false;
    wake(*core_, *connection);
    // Who has not finished opening learns by his next segment, as from Linux.
    const bool is_opening = connection->state == TcpState::kSynReceived;
    const auto end = is_opening ? tcp::terminate : tcp::abort_with_reset;
    end(*core_, *connection, now, Errno::kConnectionAborted);
    settle(*core_, *connection);
  }
  core_->listeners.remove(*listener);
}

std::uint32_t TcpStack::send(Instant, TcpId id, Slice data) {
  Connection* connection = core_->connections.get(id);
  if (connection == nullptr || !may_queue_data(*connection)) return 0;
  const std::uint32_t room = connection->send_room_bytes();
  if (data.len > room) data = data.first(room);
  const std::uint32_t accepted = data.len;
  if (accepted > 0) {
    wake(*core_, *connection);
    note_app_limited(*connection);
    connection->active->send_queue.append(std::move(data));
    connection->snd_end += accepted;
  }
  if (connection->send_room_bytes() < connection->send_buffer_bytes / 3 ||
      !connection->is_below_lowat()) {
    connection->write_blocked = true;
  }
  if (accepted > 0) settle(*core_, *connection);
  return accepted;
}

std::uint32_t TcpStack::send_urgent(Instant now, TcpId id, Slice data) {
  Connection* connection = core_->connections.get(id);
  if (connection == nullptr || !may_queue_data(*connection) || data.len == 0) return 0;
  tcp::Rare& rare = connection->uncommon();
  const std::uint32_t room = std::min(data.len, connection->send_room_bytes());
  if (room == 0) return 0;
  rare.urgent_out = true;
  rare.snd_up = connection->snd_end + room;
  return send(now, id, std::move(data));
}

Slice TcpStack::receive(Instant now, TcpId id, std::uint32_t bytes_max) {
  Connection* connection = core_->connections.get(id);
  if (connection == nullptr) return {};
  Slice slice = connection->active->receive_queue.take_front(bytes_max);
  if (connection->rare != nullptr && connection->rare->urgent_in &&
      urgent_distance(*connection) == 0) {
    connection->rare->urgent_in = false;
  }
  if (slice.len > 0 && connection->tunes_receive()) tune_receive(*connection, now);
  if (slice.len == 0) return slice;
  if (should_update_window(*connection)) {
    connection->due |= tcp::kDueAck;
    settle(*core_, *connection);
  } else {
    rest_if_quiet(*core_, *connection);
  }
  return slice;
}

std::uint32_t TcpStack::peek(TcpId id, std::uint32_t offset, std::span<std::byte> into) const {
  const Connection* connection = core_->connections.get(id);
  if (connection == nullptr || offset >= connection->active->receive_queue.bytes()) return 0;
  const std::size_t there = connection->active->receive_queue.bytes() - offset;
  const auto part = into.first(std::min(into.size(), there));
  connection->active->receive_queue.copy(offset, part);
  return static_cast<std::uint32_t>(part.size());
}

void TcpStack::shutdown_send(Instant now, TcpId id) {
  Connection* connection = core_->connections.get(id);
  if (connection == nullptr || !may_queue_data(*connection)) return;
  wake(*core_, *connection);
  queue_fin(*core_, *connection, now);
  settle(*core_, *connection);
}

void TcpStack::shutdown_receive(TcpId id) {
  Connection* connection = core_->connections.get(id);
  if (connection != nullptr) connection->receive_shut = true;
}

void TcpStack::close(Instant now, TcpId id) {
  Connection* connection = core_->connections.get(id);
  if (connection == nullptr || !connection->has_handle) return;
  wake(*core_, *connection);
  connection->has_handle = false;
  connection->receive_shut = true;
  // RFC 9293 §3.6.1 and RFC 2525 §2.17: what nobody read was not received; say so by a reset.
  const bool unread =
      !connection->active->receive_queue.empty() || !connection->active->reassembly.empty();
  connection->active->receive_queue.clear();
  if (connection->state == TcpState::kSynSent) {
    terminate(*core_, *connection, now, Errno::kNone);
  } else if (unread && connection->state != TcpState::kTimeWait) {
    abort_with_reset(*core_, *connection, now, Errno::kNone);
  } else {
    queue_fin(*core_, *connection, now);
    if (connection->state == TcpState::kFinWait2) {
      connection->active->life_deadline = after(now, patience_in_fin_wait_2(*core_, *connection));
      arm_by(*core_, *connection, connection->active->life_deadline);
    }
  }
  settle(*core_, *connection);
}

void TcpStack::abort(Instant now, TcpId id) {
  Connection* connection = core_->connections.get(id);
  if (connection == nullptr || !connection->has_handle) return;
  wake(*core_, *connection);
  connection->has_handle = false;
  connection->receive_shut = true;
  // RFC 9293 §3.10.5: whose FIN was received and sent has no more to say.
  const bool is_closing =
      connection->state == TcpState::kClosing || connection->state == TcpState::kLastAck;
  if (is_closing && connection->unsent_bytes() == 0) {
    terminate(*core_, *connection, now, Errno::kNone);
  } else {
    abort_with_reset(*core_, *connection, now, Errno::kNone);
  }
  settle(*core_, *connection);
}

bool TcpStack::has_fast_open_cookie(const IpAddress& server, Instant now) const {
  const tcp::FastOpenPeer* peer = core_->fast_open_peers.find(server);
  return peer != nullptr && peer->cookie.len > 0 && !core_->fast_open_peers.is_blocked(server, now);
}

std::uint32_t TcpStack::syn_room_bytes(TcpId id, Instant now) const {
  const Connection* connection = core_->connections.get(id);
  return connection == nullptr ? 0 : tcp::syn_room_bytes(*core_, *connection, now);
}

TcpStatus TcpStack::status(TcpId id) const {
  TcpStatus status;
  const Connection* connection = core_->connections.get(id);
  if (connection == nullptr) return status;
  status.state = connection->state;
  status.error = connection->error;
  status.readable_bytes = connection->active->receive_queue.bytes();
  const bool takes_data = may_queue_data(*connection) && connection->is_below_lowat();
  status.writable_bytes = takes_data ? connection->send_room_bytes() : 0;
  status.unsent_bytes = connection->unsent_bytes();
  status.unacked_bytes = connection->active->send_queue.bytes();
  if (connection->rare != nullptr && connection->rare->urgent_in) {
    status.urgent = true;
    status.urgent_bytes = urgent_distance(*connection);
  }
  status.end_of_stream = at_end_of_stream(*connection);
  status.send_shut = connection->fin_queued;
  status.opening = connection->is_opening() && !connection->is_fast_open_child();
  return status;
}

TcpNames TcpStack::names(TcpId id) const {
  const Connection* connection = core_->connections.get(id);
  if (connection == nullptr) return {};
  const FlowKey key = connection->key();
  return {key.local_end(), key.remote_end()};
}

Errno TcpStack::take_error(TcpId id) {
  Connection* connection = core_->connections.get(id);
  if (connection == nullptr) return Errno::kNone;
  const Errno hard = std::exchange(connection->error, Errno::kNone);
  const Errno soft = std::exchange(connection->soft_error, Errno::kNone);
  return hard != Errno::kNone ? hard : soft;
}

void TcpStack::set_options(Instant now, TcpId id, const TcpOpenOptions& options) {
  Connection* connection = core_->connections.get(id);
  if (connection == nullptr) return;
  wake(*core_, *connection);
  apply_options(*connection, options);
  // tcp(7), TCP_NODELAY: pending output leaves, corked or not.
  if (options.nagle == false && connection->unsent_bytes() > 0) connection->send_small = true;
  if (connection->keepalive && connection->is_synchronized() &&
      connection->state != TcpState::kTimeWait) {
    restart_keepalive(*core_, *connection, now);
  } else if (!connection->keepalive) {
    connection->active->keepalive_deadline = kNever;
  }
  settle(*core_, *connection);
}

}  // namespace twinpath
