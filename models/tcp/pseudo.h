// The pseudo-header's sum for either version of IP (RFC 9293 §3.1, RFC 8200 §8.1).
#pragma once

#include <cstdint>

#include "models/wire/ip.h"

namespace twinpath::tcp {

inline InetSum pseudo_header_sum(const IpAddress& source, const IpAddress& target,
                                 std::uint32_t segment_bytes) {
  return pseudo_sum(source, target, {IpProtocol::kTcp, segment_bytes});
}

}  // namespace twinpath::tcp
