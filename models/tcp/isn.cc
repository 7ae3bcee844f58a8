// Numbers an outsider cannot guess.
#include "models/tcp/isn.h"

#include <bit>

namespace twinpath::tcp {
namespace {

enum Purpose : std::uint64_t {
  kIsn = 1,
  kTimestamp = 2,
  kPort = 3,
  kCookieBase = 4,
  kCookie = 5,
  kFastOpen = 6
};

constexpr unsigned kMinuteShift = 8;  // above the purpose
constexpr std::uint64_t kMinuteMask = 0xffffff;
constexpr unsigned kIsnShift = 32;

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1, v1 = std::rotl(v1, 13), v1 ^= v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16), v3 ^= v2;
    v0 += v3, v3 = std::rotl(v3, 21), v3 ^= v0;
    v2 += v1, v1 = std::rotl(v1, 17), v1 ^= v2, v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  // Behind `words` of them.
  [[nodiscard]] std::uint64_t finish(std::size_t words) {
    absorb(static_cast<std::uint64_t>(words * 8) << 56);
    v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

SipState keyed_state(const std::array<std::uint64_t, 2>& key) {
  return {key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
          key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL};
}

// A flow in five words; the purpose is the sixth, so that several begin alike.
constexpr std::size_t kWords = 6;

SipState absorb_flow(SipState state, const FlowKey& flow) {
  state.absorb(flow.local.high());
  state.absorb(flow.local.low());
  state.absorb(flow.remote.high());
  state.absorb(flow.remote.low());
  state.absorb(flow.ports());
  return state;
}

std::uint64_t finish_for(SipState state, std::uint64_t purpose) {
  state.absorb(purpose);
  return state.finish(kWords);
}

SeqNum isn_of(std::uint64_t hash, Instant now) {
  const auto clock = static_cast<std::uint32_t>(to_ns(now) / 4000);
  return SeqNum(clock + static_cast<std::uint32_t>(hash));
}

}  // namespace

std::uint64_t siphash(const std::array<std::uint64_t, 2>& key,
                      std::span<const std::uint64_t> words) {
  SipState state = keyed_state(key);
  for (const std::uint64_t word : words) state.absorb(word);
  return state.finish(words.size());
}

SecretNumbers::SecretNumbers(Rng rng) : key_{rng.next(), 0} { key_[1] = rng.next(); }

SecretNumbers::Opening SecretNumbers::opening(const FlowKey& flow, Instant now) const {
  const SipState state = absorb_flow(keyed_state(key_), flow);
  return {isn_of(finish_for(state, kIsn), now),
          static_cast<std::uint32_t>(finish_for(state, kTimestamp))};
}

SeqNum SecretNumbers::isn(const FlowKey& flow, Instant now) const {
  return isn_of(keyed(flow, kIsn), now);
}

std::uint32_t SecretNumbers::timestamp_offset(const FlowKey& flow) const {
  return static_cast<std::uint32_t>(keyed(flow, kTimestamp));
}

std::uint32_t SecretNumbers::port_offset(const FlowKey& flow) const {
  return static_cast<std::uint32_t>(keyed(flow, kPort));
}

std::uint32_t SecretNumbers::cookie_base(const FlowKey& flow) const {
  return static_cast<std::uint32_t>(keyed(flow, kCookieBase));
}

std::uint32_t SecretNumbers::cookie(const FlowKey& flow, CookiePart part) const {
  const std::uint64_t minute = part.minute & kMinuteMask;
  const std::uint64_t isn = part.peer_isn;
  const std::uint64_t hashed = keyed(flow, kCookie | minute << kMinuteShift | isn << kIsnShift);
  return static_cast<std::uint32_t>(hashed);
}

std::uint64_t SecretNumbers::fast_open(const FlowKey& flow) const { return keyed(flow, kFastOpen); }

std::uint64_t SecretNumbers::keyed(const FlowKey& flow, std::uint64_t purpose) const {
  return finish_for(absorb_flow(keyed_state(key_), flow), purpose);
}

}  // namespace twinpath::tcp
