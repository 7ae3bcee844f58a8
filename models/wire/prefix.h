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

template <>
std::optional<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text);
template <>
std::optional<Ipv6Prefix> Ipv6Prefix::parse(std::string_view text);

}  // namespace twinpath
