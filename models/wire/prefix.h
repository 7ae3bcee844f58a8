// A network: an address and how many of its leading bits name the net. Read RFC 4632 §3.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "models/wire/address.h"

namespace twinpath {

constexpr Ipv4Address netmask(unsigned len) {
  return Ipv4Address(len == 0 ? 0 : ~std::uint32_t{0} << (32 - len));
}

// The address with everything but its first `prefix_len` bits cleared.
constexpr Ipv4Address masked(Ipv4Address address, unsigned prefix_len) {
  return Ipv4Address(address.value() & netmask(prefix_len).value());
}
constexpr Ipv6Address masked(const Ipv6Address& address, unsigned prefix_len) {
  auto octets = address.octets();
  for (unsigned i = 0; i < octets.size(); ++i) {
    const unsigned kept = prefix_len > 8 * i ? prefix_len - 8 * i : 0;
    if (kept < 8) octets[i] = static_cast<std::uint8_t>(octets[i] & (0xff00u >> kept));
  }
  return Ipv6Address(octets);
}

// Keeps the full address, so one value describes an interface ("198.18.0.1/24") as well as a net.
template <typename Address>
class Prefix {
 public:
  static constexpr unsigned kLenMax = 8 * Address::kLen;

  constexpr Prefix() = default;
  // Requires: len <= kLenMax; a longer one is taken as kLenMax.
  constexpr Prefix(Address address, unsigned len)
      : address_(address), len_(static_cast<std::uint8_t>(len < kLenMax ? len : kLenMax)) {}
  // "ADDRESS/LEN"; an address alone is a prefix of full length.
  static std::optional<Prefix> parse(std::string_view text);

  constexpr Address address() const { return address_; }
  constexpr unsigned len() const { return len_; }
  constexpr Address network() const { return masked(address_, len_); }
  constexpr bool contains(Address address) const { return masked(address, len_) == network(); }
  std::string to_string() const { return address_.to_string() + "/" + std::to_string(len_); }

  friend constexpr auto operator<=>(const Prefix&, const Prefix&) = default;

 private:
  Address address_{};
  std::uint8_t len_ = 0;
};

using Ipv4Prefix = Prefix<Ipv4Address>;
using Ipv6Prefix = Prefix<Ipv6Address>;

// The directed broadcast address; for /31 and /32 there is none (RFC 3021 §2.2.1) and the limited
// broadcast is returned.
constexpr Ipv4Address directed_broadcast(Ipv4Prefix prefix) {
  if (prefix.len() >= 31) return Ipv4Address::broadcast();
  return Ipv4Address(prefix.network().value() | ~netmask(prefix.len()).value());
}

// A network of either version. An IPv4 one stands 96 bits deeper, in the mapped form of IpAddress,
// so one comparison serves both and neither contains an address of the other.
class IpPrefix {
 public:
  static constexpr unsigned kBitsMax = 128;
  static constexpr unsigned kMappedBits = 96;

  constexpr IpPrefix() = default;  // ::/0
  constexpr IpPrefix(Ipv4Prefix v4)
      : address_(v4.address()), bits_(static_cast<std::uint8_t>(kMappedBits + v4.len())) {}
  IpPrefix(const Ipv6Prefix& v6)
      : address_(v6.address()), bits_(static_cast<std::uint8_t>(v6.len())) {}
  // "198.18.0.1/24" or "2001:db8::1/64"; an address alone is a prefix of full length.
  static std::optional<IpPrefix> parse(std::string_view text);

  constexpr const IpAddress& address() const { return address_; }
  constexpr bool is_v4() const { return bits_ >= kMappedBits && address_.is_v4(); }
  // As written behind the slash.
  constexpr unsigned len() const { return is_v4() ? bits_ - kMappedBits : bits_; }
  // Of 128; longer is more specific among prefixes of one version.
  constexpr unsigned bits() const { return bits_; }
  // Requires: is_v4().
  constexpr Ipv4Prefix v4() const { return {address_.v4(), bits_ - kMappedBits}; }
  constexpr bool contains(const IpAddress& address) const {
    if (address.is_v4() != is_v4()) return false;
    return ((address.high() ^ address_.high()) & mask(bits_)) == 0 &&
           ((address.low() ^ address_.low()) & mask(bits_ > 64 ? bits_ - 64U : 0U)) == 0;
  }
  // The address with everything behind the prefix cleared.
  constexpr IpPrefix net() const {
    IpPrefix made = *this;
    made.address_ = IpAddress::from_words(
        {address_.high() & mask(bits_), address_.low() & mask(bits_ > 64 ? bits_ - 64U : 0U)});
    return made;
  }
  std::string to_string() const { return address_.to_string() + "/" + std::to_string(len()); }

  friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) = default;

 private:
  // The first `bits` of 64; all of them beyond that.
  static constexpr std::uint64_t mask(unsigned bits) {
    if (bits == 0) return 0;
    return bits >= 64 ? ~std::uint64_t{0} : ~std::uint64_t{0} << (64 - bits);
  }

  IpAddress address_;
  std::uint8_t bits_ = 0;
};

template <>
std::optional<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text);
template <>
std::optional<Ipv6Prefix> Ipv6Prefix::parse(std::string_view text);

}  // namespace twinpath
