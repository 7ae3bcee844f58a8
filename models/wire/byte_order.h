// Loads and stores of network-order integers at any alignment. Every parser and emitter goes
// through these, so no header struct is ever cast onto packet bytes (alignment and aliasing stay
// defined).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace twinpath {

constexpr std::uint16_t byte_swap(std::uint16_t value) { return __builtin_bswap16(value); }
constexpr std::uint32_t byte_swap(std::uint32_t value) { return __builtin_bswap32(value); }
constexpr std::uint64_t byte_swap(std::uint64_t value) { return __builtin_bswap64(value); }

// Host to network order and back: the same permutation.
template <typename Integer>
constexpr Integer network_order(Integer value) {
  if constexpr (std::endian::native == std::endian::little) return byte_swap(value);
  return value;
}

template <typename Integer>
inline Integer load_native(const std::byte* at) {
  Integer value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename Integer>
inline void store_native(std::byte* at, Integer value) {
  std::memcpy(at, &value, sizeof value);
}

inline std::uint8_t load_u8(const std::byte* at) { return static_cast<std::uint8_t>(*at); }
inline std::uint16_t load_be16(const std::byte* at) {
  return network_order(load_native<std::uint16_t>(at));
}
inline std::uint32_t load_be32(const std::byte* at) {
  return network_order(load_native<std::uint32_t>(at));
}
inline std::uint64_t load_be64(const std::byte* at) {
  return network_order(load_native<std::uint64_t>(at));
}

inline void store_u8(std::byte* at, std::uint8_t value) { *at = static_cast<std::byte>(value); }
inline void store_be16(std::byte* at, std::uint16_t value) {
  store_native(at, network_order(value));
}
inline void store_be32(std::byte* at, std::uint32_t value) {
  store_native(at, network_order(value));
}
inline void store_be64(std::byte* at, std::uint64_t value) {
  store_native(at, network_order(value));
}

}  // namespace twinpath
