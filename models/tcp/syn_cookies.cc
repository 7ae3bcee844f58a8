// SYN cookies: when a listener's queue of half-open connections is full, a SYN is answered from
// nothing but itself and a secret, and the connection is made only when the answer comes back. Read
// RFC 4987 §3.6 and appendix A; the layout is Linux's: 8 bits of minutes above 24 bits of keyed
// hash with the peer's MSS, and what does not fit there in the low bits of the timestamp.
#include <algorithm>
#include <array>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

constexpr Duration kMinute = std::chrono::minutes(1);
constexpr std::uint32_t kMinutesValid = 2;
constexpr std::uint32_t kHashMask = 0xffffff;
// The sizes of the Internet: the least, through a tunnel, PPPoE and Ethernet (IPv4); the least, a
// tunnel, Ethernet and jumbo frames (IPv6). The largest not above the peer's is taken.
constexpr std::array<std::uint16_t, 4> kMssV4 = {536, 1300, 1440, 1460};
constexpr std::array<std::uint16_t, 4> kMssV6 = {1220, 1420, 1440, 8940};

// In the low bits of the timestamp.
constexpr std::uint32_t kScaleBits = 0xf;
constexpr std::uint32_t kNoScale = 0xf;
constexpr std::uint32_t kSackBit = 1U << 4;
constexpr std::uint32_t kEcnBit = 1U << 5;
constexpr std::uint32_t kOptionBits = 0x3f;

const std::array<std::uint16_t, 4>& mss_table(const FlowKey& key) {
  return key.remote.is_v4() ? kMssV4 : kMssV6;
}

std::uint32_t minute_of(Instant now) {
  return static_cast<std::uint32_t>(to_ns(now) / kMinute.count());
}

std::uint32_t index_for(const FlowKey& key, const Segment& syn) {
  const auto& table = mss_table(key);
  const std::uint16_t offered = syn.options->mss.value_or(table[0]);
  auto index = static_cast<std::uint32_t>(table.size() - 1);
  while (index > 0 && table[index] > offered) --index;
  return index;
}

SeqNum cookie_for(const Core& core, const FlowKey& key, const Segment& syn) {
  const std::uint32_t minute = minute_of(syn.now);
  const std::uint32_t hash =
      core.secrets.cookie(key, {minute, syn.seq.value()}) + index_for(key, syn);
  return syn.seq + core.secrets.cookie_base(key) + (minute << 24) + (hash & kHashMask);
}

// The MSS that the cookie stands for, if it is one of ours and no older than two minutes.
std::optional<std::uint16_t> mss_of(const Core& core, const FlowKey& key, const Segment& segment) {
  const std::uint32_t peer_isn = segment.seq.value() - 1;
  const std::uint32_t value = segment.ack.value() - 1 - peer_isn - core.secrets.cookie_base(key);
  const std::uint32_t minute = minute_of(segment.now);
  const std::uint32_t age = (minute - (value >> 24)) & 0xff;
  if (age >= kMinutesValid) return std::nullopt;
  const std::uint32_t hash = core.secrets.cookie(key, {minute - age, peer_isn});
  const std::uint32_t index = (value - hash) & kHashMask;
  const auto& table = mss_table(key);
  if (index >= table.size()) return std::nullopt;
  return table[index];
}

bool asks_for_ecn(const Core& core, const Segment& syn) {
  return core.config.ecn != EcnMode::kOff && syn.flags.ece() && syn.flags.cwr();
}

// A timestamp of the recent past whose low bits say what the peer offered.
TsVal timestamp_with(const Core& core, const FlowKey& key, const Segment& syn) {
  const TcpOptions& offered = *syn.options;
  std::uint32_t bits = kNoScale;
  if (core.config.window_scaling && offered.window_scale) {
    bits = std::min<std::uint32_t>(*offered.window_scale, kWindowScaleMax);
  }
  if (core.config.sack && offered.sack_permitted) bits |= kSackBit;
  if (asks_for_ecn(core, syn)) bits |= kEcnBit;
  const auto clock = timestamp_clock(syn.now);
  std::uint32_t value = (clock & ~kOptionBits) | bits;
  if (static_cast<std::int32_t>(value - clock) > 0) value -= kOptionBits + 1;
  return TsVal(value + core.secrets.timestamp_offset(key));
}

// The peer's SYN as far as the cookie tells.
TcpOptions restore(const Core& core, const FlowKey& key, const Segment& segment) {
  TcpOptions options;
  if (!core.config.timestamps || !segment.options->timestamps) return options;
  options.timestamps = segment.options->timestamps;
  const std::uint32_t bits =
      segment.options->timestamps->echo.value() - core.secrets.timestamp_offset(key);
  if ((bits & kScaleBits) != kNoScale) {
    options.window_scale = static_cast<std::uint8_t>(bits & kScaleBits);
  }
  options.sack_permitted = (bits & kSackBit) != 0;
  return options;
}

bool restored_ecn(const Core& core, const FlowKey& key, const Segment& segment) {
  if (!segment.options->timestamps || !core.config.timestamps) return false;
  const std::uint32_t bits =
      segment.options->timestamps->echo.value() - core.secrets.timestamp_offset(key);
  return (bits & kEcnBit) != 0;
}

}  // namespace

void answer_with_cookie(Core& core, const Listener& listener, const FlowKey& key,
                        const Segment& syn) {
  // As open_from_cookie() will have them.
  const OpeningSizes sizes =
      opening_sizes({core.config.receive_buffer_bytes, core.config.receive_buffer_max_bytes,
                     mss_limit_towards(core, key.remote, syn.now)},
                    listener.options.inherited);
  Reply reply{key, cookie_for(core, key, syn), syn.seq + 1, kSyn | kAck};
  reply.window =
      static_cast<std::uint16_t>(std::min<std::uint32_t>(sizes.receive_buffer_bytes, 65535));
  reply.options.mss = static_cast<std::uint16_t>(sizes.mss_limit_bytes);
  // Without timestamps there is nowhere to remember the rest.
  if (core.config.timestamps && syn.options->timestamps) {
    reply.options.timestamps = {timestamp_with(core, key, syn), syn.options->timestamps->value};
    reply.options.sack_permitted = core.config.sack && syn.options->sack_permitted;
    if (core.config.window_scaling && syn.options->window_scale) {
      reply.options.window_scale =
          window_scale_for(std::max(sizes.receive_buffer_bytes, sizes.receive_buffer_max_bytes));
    }
    if (asks_for_ecn(core, syn)) reply.flags |= kEce;
  }
  ++core.counters.syn_cookies_sent;
  core.cookies_until = after(syn.now, kMinutesValid * kMinute);
  queue_reply(core, reply);
}

Connection* open_from_cookie(Core& core, Listener& listener, const FlowKey& key,
                             const Segment& segment) {
  if (segment.now >= core.cookies_until || segment.flags.syn()) return nullptr;
  const auto mss = mss_of(core, key, segment);
  if (!mss) {
    ++core.counters.syn_cookies_failed;
    return nullptr;
  }
  Connection* connection = open_passively(core, listener, key, segment);
  if (connection == nullptr) return nullptr;
  ++core.counters.syn_cookies_received;
  TcpOptions offered = restore(core, key, segment);
  offered.mss = mss;
  Segment syn;
  syn.now = segment.now;
  syn.seq = segment.seq - 1;
  syn.window = segment.window;
  syn.flags = restored_ecn(core, key, segment) ? kSyn | kEce | kCwr : kSyn;
  syn.options = &offered;
  connection->iss = segment.ack - 1;
  connection->ts_offset = core.secrets.timestamp_offset(key);
  connection->snd_una = connection->iss;
  connection->snd_nxt = connection->snd_end = connection->iss + 1;
  connection->last_sent_at = kNever;  // nobody knows
  set_state(core, *connection, segment.now, TcpState::kSynReceived);
  negotiate(core, *connection, syn);
  return connection;
}

}  // namespace twinpath::tcp
