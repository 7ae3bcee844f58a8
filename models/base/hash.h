// Small deterministic hashes. Not for security: an attacker who knows the seed can collide them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace twinpath {

__extension__ using Uint128 = unsigned __int128;

// The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection on 64 bits.
constexpr std::uint64_t mix64(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

// Order-dependent: hash_pair({a, b}) and hash_pair({b, a}) differ.
constexpr std::uint64_t hash_pair(std::array<std::uint64_t, 2> pair) {
  return mix64(mix64(pair[0] + 0x9e3779b97f4a7c15ULL) ^ pair[1]);
}

// FNV-1a over the characters, then mixed with the seed; used for names, not for frames.
constexpr std::uint64_t hash_text(std::uint64_t seed, std::string_view text) {
  std::uint64_t state = 0xcbf29ce484222325ULL;
  for (const char letter : text) {
    state = (state ^ static_cast<unsigned char>(letter)) * 0x100000001b3ULL;
  }
  return hash_pair({seed, state});
}

}  // namespace twinpath
