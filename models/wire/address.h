// Link and network addresses as values: compared, hashed, parsed and printed, never raw integers in
// an interface. Read RFC 4291 §2.2 and RFC 5952 for the IPv6 text forms.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "models/wire/byte_order.h"

namespace twinpath {

class MacAddress {
 public:
  static constexpr std::size_t kLen = 6;

  constexpr MacAddress() = default;
  constexpr explicit MacAddress(std::array<std::uint8_t, kLen> octets) : octets_(octets) {}
  // The low 48 bits, most significant first: 0x02000000000a is 02:00:00:00:00:0a.
  static constexpr MacAddress from_u64(std::uint64_t value) {
    std::array<std::uint8_t, kLen> octets{};
    for (std::size_t i = 0; i < kLen; ++i) {
      octets[i] = static_cast<std::uint8_t>(value >> (8 * (kLen - 1 - i)));
    }
    return MacAddress(octets);
  }
  static constexpr MacAddress broadcast() { return from_u64(0xffffffffffff); }
  static MacAddress load(const std::byte* at) {
    MacAddress mac;
    std::memcpy(mac.octets_.data(), at, kLen);
    return mac;
  }
  // "02:00:00:00:00:0a"; nothing when the text is anything else.
  static std::optional<MacAddress> parse(std::string_view text);

  void store(std::byte* at) const { std::memcpy(at, octets_.data(), kLen); }
  constexpr std::uint64_t to_u64() const {
    std::uint64_t value = 0;
    for (std::uint8_t octet : octets_) value = value << 8 | octet;
    return value;
  }
  constexpr const std::array<std::uint8_t, kLen>& octets() const { return octets_; }
  constexpr bool is_multicast() const { return (octets_[0] & 1) != 0; }  // includes broadcast
  constexpr bool is_broadcast() const { return to_u64() == 0xffffffffffff; }
  constexpr bool is_zero() const { return to_u64() == 0; }
  std::string to_string() const;

  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;

 private:
  std::array<std::uint8_t, kLen> octets_{};
};

class Ipv4Address {
 public:
  static constexpr std::size_t kLen = 4;

  constexpr Ipv4Address() = default;
  // Host order: 0xc6120001 is 198.18.0.1.
  constexpr explicit Ipv4Address(std::uint32_t value) : value_(value) {}
  static constexpr Ipv4Address broadcast() { return Ipv4Address(0xffffffff); }
  static constexpr Ipv4Address any() { return Ipv4Address(); }
  static Ipv4Address load(const std::byte* at) { return Ipv4Address(load_be32(at)); }
  // Dotted quad of decimal numbers without leading zeros.
  static std::optional<Ipv4Address> parse(std::string_view text);

  void store(std::byte* at) const { store_be32(at, value_); }
  constexpr std::uint32_t value() const { return value_; }
  constexpr bool is_any() const { return value_ == 0; }
  constexpr bool is_multicast() const { return (value_ >> 28) == 0xe; }
  constexpr bool is_broadcast() const { return value_ == 0xffffffff; }
  constexpr bool is_loopback() const { return (value_ >> 24) == 127; }
  constexpr bool is_unicast() const { return !is_any() && !is_multicast() && !is_broadcast(); }
  std::string to_string() const;

  friend constexpr auto operator<=>(Ipv4Address, Ipv4Address) = default;

 private:
  std::uint32_t value_ = 0;
};

class Ipv6Address {
 public:
  static constexpr std::size_t kLen = 16;

  constexpr Ipv6Address() = default;
  constexpr explicit Ipv6Address(std::array<std::uint8_t, kLen> octets) : octets_(octets) {}
  static Ipv6Address load(const std::byte* at) {
    Ipv6Address address;
    std::memcpy(address.octets_.data(), at, kLen);
    return address;
  }
  // RFC 4291 §2.2 forms 1 to 3; no zone index.
  static std::optional<Ipv6Address> parse(std::string_view text);

  void store(std::byte* at) const { std::memcpy(at, octets_.data(), kLen); }
  constexpr const std::array<std::uint8_t, kLen>& octets() const { return octets_; }
  constexpr bool is_any() const { return *this == Ipv6Address(); }
  constexpr bool is_multicast() const { return octets_[0] == 0xff; }
  constexpr bool is_link_local() const { return octets_[0] == 0xfe && (octets_[1] & 0xc0) == 0x80; }
  constexpr bool is_unicast() const { return !is_any() && !is_multicast(); }
  // RFC 5952 §4: lower case, no leading zeros, the longest run of zero groups as "::".
  std::string to_string() const;

  friend constexpr auto operator<=>(const Ipv6Address&, const Ipv6Address&) = default;

 private:
  std::array<std::uint8_t, kLen> octets_{};
};

// Either version in 16 bytes: IPv4 is ::ffff:a.b.c.d (RFC 4291 §2.5.5.2), so one comparison and one
// hash serve both. Two words, because that is how tables compare it.
class IpAddress {
 public:
  constexpr IpAddress() = default;  // "::", any address of either version
  constexpr IpAddress(Ipv4Address v4) : high_(0), low_(kMappedPrefix | v4.value()) {}
  explicit IpAddress(const Ipv6Address& v6)
      : high_(load_be64(std::as_bytes(std::span(v6.octets())).data())),
        low_(load_be64(std::as_bytes(std::span(v6.octets())).data() + 8)) {}

  // What high() and low() gave.
  static constexpr IpAddress from_words(std::array<std::uint64_t, 2> words) {
    IpAddress address;
    address.high_ = words[0];
    address.low_ = words[1];
    return address;
  }

  constexpr bool is_v4() const { return high_ == 0 && (low_ >> 32) == (kMappedPrefix >> 32); }
  // Requires: is_v4().
  constexpr Ipv4Address v4() const { return Ipv4Address(static_cast<std::uint32_t>(low_)); }
  Ipv6Address v6() const {
    std::array<std::uint8_t, Ipv6Address::kLen> octets{};
    store_be64(std::as_writable_bytes(std::span(octets)).data(), high_);
    store_be64(std::as_writable_bytes(std::span(octets)).data() + 8, low_);
    return Ipv6Address(octets);
  }
  // "192.0.2.1" or "2001:db8::1".
  static std::optional<IpAddress> parse(std::string_view text);

  // 0.0.0.0 as well as "::".
  constexpr bool is_any() const { return high_ == 0 && (low_ == 0 || low_ == kMappedPrefix); }
  constexpr bool is_multicast() const {
    return is_v4() ? v4().is_multicast() : (high_ >> 56) == 0xff;
  }
  constexpr bool is_loopback() const {
    return is_v4() ? v4().is_loopback() : high_ == 0 && low_ == 1;
  }
  // fe80::/10 (RFC 4291 §2.4).
  constexpr bool is_link_local() const { return (high_ >> 54) == 0x3fa; }
  constexpr bool is_unicast() const {
    return is_v4() ? v4().is_unicast() : !is_any() && !is_multicast();
  }
  constexpr std::uint64_t high() const { return high_; }
  constexpr std::uint64_t low() const { return low_; }
  // IPv4 as a dotted quad, not in its mapped form.
  std::string to_string() const { return is_v4() ? v4().to_string() : v6().to_string(); }

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  static constexpr std::uint64_t kMappedPrefix = 0xffff00000000;
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};
static_assert(sizeof(IpAddress) == 16);

}  // namespace twinpath

template <>
struct std::hash<twinpath::MacAddress> {
  std::size_t operator()(const twinpath::MacAddress& mac) const noexcept {
    return std::hash<std::uint64_t>{}(mac.to_u64());
  }
};
template <>
struct std::hash<twinpath::Ipv4Address> {
  std::size_t operator()(twinpath::Ipv4Address address) const noexcept {
    return std::hash<std::uint32_t>{}(address.value());
  }
};
