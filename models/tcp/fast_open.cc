// Fast Open, both sides. Read RFC 7413 §4.1 (cookies), §4.2 (the handshake) and §5 (what may go
// wrong).
#include "models/tcp/fast_open.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

constexpr std::uint8_t kCookieBytes = 8;  // RFC 7413 §4.1.1: 4 to 16
constexpr std::uint8_t kLossesTolerated = 1;
constexpr std::uint8_t kLossesMax = 10;  // about 17 hours
constexpr Duration kBlockUnit = std::chrono::seconds(60);

bool acts(const TcpConfig& config, FastOpenMode role) {
  return config.fast_open == FastOpenMode::kBoth || config.fast_open == role;
}

// RFC 7413 §4.1.2: of the client's address, by a secret of ours.
FastOpenCookie cookie_for(const Core& core, const FlowKey& key) {
  const std::uint64_t bits = core.secrets.fast_open({key.local, key.remote, 0, 0});
  FastOpenCookie cookie;
  cookie.len = kCookieBytes;
  std::memcpy(cookie.bytes.data(), &bits, kCookieBytes);
  return cookie;
}

bool is_well_formed(const FastOpenCookie& cookie) { return cookie.len >= 4 && cookie.len % 2 == 0; }

}  // namespace

const FastOpenPeer* FastOpenCache::find(const IpAddress& server) const {
  const auto found = peers_.find(key_of(server));
  return found == peers_.end() ? nullptr : &found->second;
}

bool FastOpenCache::is_blocked(const IpAddress& server, Instant now) const {
  const FastOpenPeer* peer = find(server);
  if (peer == nullptr || peer->losses <= kLossesTolerated) return false;
  return now < after(peer->lost_at, kBlockUnit * (1 << peer->losses));
}

FastOpenPeer& FastOpenCache::entry(const IpAddress& server, std::uint32_t entries_max) {
  const Key key = key_of(server);
  const auto found = peers_.find(key);
  if (found != peers_.end()) return found->second;
  if (peers_.size() >= entries_max) {
    peers_.erase(order_.front());
    order_.pop_front();
  }
  order_.push_back(key);
  return peers_[key];
}

void FastOpenCache::note_loss(const IpAddress& server, Instant now, std::uint32_t entries_max) {
  FastOpenPeer& peer = entry(server, entries_max);
  peer.losses = std::min<std::uint8_t>(peer.losses + 1, kLossesMax);
  peer.lost_at = now;
}

// The client: its first SYN asks for a cookie or shows one; later ones do neither (RFC 7413
// §4.1.3.1).
void offer_fast_open(const Core& core, const Connection& connection, TcpOptions& options) {
  const Rare* rare = connection.rare.get();
  if (rare == nullptr) return;
  if (connection.state == TcpState::kSynReceived) {
    if (rare->fast_open_grant) options.fast_open = cookie_for(core, connection.key());
    if (options.fast_open) options.fast_open->experimental = rare->fast_open_experimental;
    return;
  }
  if (!rare->fast_open_client || connection.handshake_retransmitted) return;
  const FastOpenPeer* peer = core.fast_open_peers.find(connection.names.remote());
  options.fast_open = peer == nullptr ? FastOpenCookie() : peer->cookie;
}

// RFC 7413 §4.2.1: as much as a segment to this server takes beside the options.
std::uint32_t syn_room_bytes(const Core& core, const Connection& connection, Instant now) {
  if (connection.state != TcpState::kSynSent) return 0;
  const TcpOptions options = syn_options(core, connection, now);
  if (!options.fast_open || options.fast_open->len == 0) return 0;
  const FastOpenPeer* peer = core.fast_open_peers.find(connection.names.remote());
  const std::uint32_t mss = std::min<std::uint32_t>(connection.mss_limit_bytes, peer->mss_bytes);
  const auto options_bytes = static_cast<std::uint32_t>(options.wire_len());
  return mss - std::min(mss, options_bytes);
}

void ask_for_fast_open(Core& core, Connection& connection, Instant now) {
  if (!acts(core.config, FastOpenMode::kClient)) return;
  if (core.fast_open_peers.is_blocked(connection.names.remote(), now)) return;
  connection.uncommon().fast_open_client = true;
}

// What the SYN,ACK acknowledged of the data, and what it tells for the next time.
void finish_fast_open(Core& core, Connection& connection, const Segment& syn_ack) {
  Rare* rare = connection.rare.get();
  if (rare == nullptr || !rare->fast_open_client) return;
  const std::uint32_t entries_max = core.config.fast_open_cache_max;
  const IpAddress server = connection.names.remote();
  const std::uint32_t acked = syn_ack.ack.value() - (connection.iss + 1).value();
  if (acked > 0) {
    connection.active->send_queue.drop_front(acked);
    connection.snd_una = connection.snd_nxt = syn_ack.ack;
    connection.bytes_acked += acked;
    rare->syn_data_acked = true;
    ++core.counters.fast_opens_sent;
  }
  const auto& granted = syn_ack.options->fast_open;
  if (granted && is_well_formed(*granted)) {
    FastOpenPeer& peer = core.fast_open_peers.entry(server, entries_max);
    peer.cookie = *granted;
    peer.losses = 0;
  } else if (connection.handshake_retransmitted && rare->syn_data_bytes > 0 && acked == 0) {
    // Perhaps only the SYN without data came through.
    core.fast_open_peers.note_loss(server, syn_ack.now, entries_max);
  }
  if (core.fast_open_peers.find(server) != nullptr) {
    core.fast_open_peers.entry(server, entries_max).mss_bytes =
        static_cast<std::uint16_t>(std::min<std::uint32_t>(connection.peer_mss_bytes, 65535));
  }
  if (rare->syn_data_bytes > acked) ++core.counters.fast_opens_repeated;
}

// RFC 7413 §4.2.2.
FastOpenVerdict judge_fast_open(const Core& core, const Listener& listener, const FlowKey& key,
                                const Segment& syn) {
  const auto& offered = syn.options->fast_open;
  if (!offered || !acts(core.config, FastOpenMode::kServer)) return FastOpenVerdict::kNone;
  if (listener.fast_open_pending >= listener.options.fast_open_backlog) {
    return FastOpenVerdict::kNone;
  }
  FastOpenCookie ours = cookie_for(core, key);
  ours.experimental = offered->experimental;
  return *offered == ours ? FastOpenVerdict::kAccept : FastOpenVerdict::kGrant;
}

// The connection is the user's before the handshake is complete, with the data of the SYN.
void open_fast(Core& core, Listener& listener, Connection& connection, Segment& syn) {
  connection.uncommon().fast_open_child = true;
  connection.snd_wl2 = connection.iss;
  connection.congestion.set_cwnd(initial_window_bytes(core, connection));
  ++listener.fast_open_pending;
  ++core.counters.fast_opens_received;
  syn.clear(kSyn);
  syn.seq += 1;
  process_text(core, connection, syn);
  wait_for_accept(listener, connection);
}

}  // namespace twinpath::tcp
