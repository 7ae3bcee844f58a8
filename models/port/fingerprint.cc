// The byte hash and the two summaries made of it.
#include "models/port/fingerprint.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "models/base/check.h"
#include "models/wire/byte_order.h"

namespace twinpath {
namespace {

constexpr std::size_t kLaneBytes = 16;
constexpr std::size_t kStripeBytes = 4 * kLaneBytes;

// The fractional bits of the square roots of 2, 3, 5 and 7: no bit is more likely than not.
constexpr std::uint64_t kSecret[4] = {0x6a09e667f3bcc909ULL, 0xbb67ae8584caa73bULL,
                                      0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL};

std::uint64_t load_le64(const std::byte* at) {
  const auto word = load_native<std::uint64_t>(at);
  return std::endian::native == std::endian::little ? word : byte_swap(word);
}

// Bytes equal to the secret would wipe out what the lane holds: one block in 2^64.
std::uint64_t take_16(std::uint64_t lane, const std::byte* at, std::uint64_t secret) {
  const Uint128 product = static_cast<Uint128>(load_le64(at) ^ secret) * (load_le64(at + 8) ^ lane);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

// The lanes are four variables, not an array: g++ would keep an array in memory.
std::uint64_t hash_bytes(std::span<const std::byte> bytes) {
  std::uint64_t lane0 = kSecret[3];
  std::uint64_t lane1 = kSecret[2];
  std::uint64_t lane2 = kSecret[1];
  std::uint64_t lane3 = kSecret[0];
  const auto take_stripe = [&](const std::byte* at) {
    lane0 = take_16(lane0, at, kSecret[0]);
    lane1 = take_16(lane1, at + 16, kSecret[1]);
    lane2 = take_16(lane2, at + 32, kSecret[2]);
    lane3 = take_16(lane3, at + 48, kSecret[3]);
  };
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kStripeBytes; left -= kStripeBytes, at += kStripeBytes) take_stripe(at);
  if (left > 0) {
    std::byte padded[kStripeBytes] = {};
    std::memcpy(padded, at, left);
    take_stripe(padded);
  }
  // Each sum is mixed before the next lane joins it, so lanes cannot change places.
  const std::uint64_t front = mix64(lane0 + kSecret[1]) + lane1;
  const std::uint64_t back = mix64(lane2 + kSecret[3]) + lane3;
  return mix64(mix64(front) + back + bytes.size());
}

std::uint64_t run_fingerprint(std::span<const PortFingerprint> ports) {
  std::vector<const PortFingerprint*> sorted;
  for (const PortFingerprint& port : ports) sorted.push_back(&port);
  const auto before = [](const PortFingerprint* a, const PortFingerprint* b) {
    return a->port != b->port ? a->port < b->port : a->direction < b->direction;
  };
  std::sort(sorted.begin(), sorted.end(), before);
  std::uint64_t state = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    CHECK(i == 0 || before(sorted[i - 1], sorted[i]));
    state = hash_pair(
        {hash_text(state, sorted[i]->port), static_cast<std::uint64_t>(sorted[i]->direction)});
    state = hash_pair({hash_pair({state, sorted[i]->frames}), sorted[i]->chain});
  }
  return state;
}

std::string fingerprint_text(std::uint64_t value) {
  std::string text(16, '0');
  for (char& digit : text) {
    digit = "0123456789abcdef"[value >> 60];
    value <<= 4;
  }
  return text;
}

void ContentHash::add(const ContentItem& item) {
  const std::uint64_t where = hash_pair({hash_text(item.flow, item.type), item.seq});
  sum_ += mix64(hash_pair({where, item.len}));
  ++items_;
}

void ContentHash::add(std::string_view place, const ContentHash& other) {
  sum_ += mix64(hash_pair({hash_text(0, place), other.value()}));
  items_ += other.items_;
}

std::uint64_t ContentHash::value() const { return hash_pair({sum_, items_}); }

}  // namespace twinpath
