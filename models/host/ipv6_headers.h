// What a host must say about the extension headers of a packet before its payload counts. Read
// RFC 8200 §4, RFC 5095 (routing type 0) and RFC 7112 §5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "models/wire/icmpv6.h"
#include "models/wire/parsed.h"

namespace twinpath {

struct Ipv6Problem {
  DropReason reason = DropReason::kNone;  // kNone: all is well
  std::optional<ParameterCode> answer{};  // nothing: dropped without a word
  std::uint32_t pointer = 0;              // offset of what is wrong
  bool even_to_group = false;             // RFC 8200 §4.2: an option may demand that
};

// Walks the headers in order, as far as the packet has them; at the first one that is wrong it
// stops. Requires: packet.size() >= kIpv6HeaderLen.
Ipv6Problem check_ipv6_headers(std::span<const std::byte> packet);

}  // namespace twinpath
