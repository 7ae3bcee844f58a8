// Neighbour solicitations and advertisements. Read RFC 4861 §4.3, §4.4 and §4.6.1. What their IP
// header must look like (§7.1) is the host's to check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "models/wire/address.h"
#include "models/wire/checksum.h"
#include "models/wire/parsed.h"

namespace twinpath {

inline constexpr std::uint8_t kNdHopLimit = 255;  // RFC 4861 §3.1: proves that nobody forwarded it

struct NdMessage {
  enum class Kind : std::uint8_t { kSolicitation, kAdvertisement };
  Kind kind = Kind::kSolicitation;
  IpAddress target;  // whose link address is asked for, or told
  bool router = false;
  bool solicited = false;
  bool overrides = false;
  std::optional<MacAddress> link_address{};  // the sender's in a solicitation, else the target's

  // `message` begins at the ICMPv6 header, its checksum is right and its type one of the two.
  // RFC 4861 §7.1: code 0, long enough, no option of length 0, no group as target.
  static Parsed<NdMessage> parse(std::span<const std::byte> message);
  [[nodiscard]] std::size_t len() const;
  // Requires: out.size() >= len().
  void emit(std::span<std::byte> out, const IpAddress& source, const IpAddress& to) const;

  friend bool operator==(const NdMessage&, const NdMessage&) = default;
};

}  // namespace twinpath
