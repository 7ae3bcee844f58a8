// The pseudo-header's sum for either version of IP (RFC 9293 §3.1, RFC 8200 §8.1).
#pragma once

#include <cstdint>

#include "models/wire/ip.h"

namespace twinpath::tcp {

inline InetSum pseudo_header_sum(const IpAddress& source, const IpAddress& target,
                                 std::uint32_t segment_bytes) {
  const PseudoHeader header{IpProtocol::kTcp, segment_bytes};
  if (target.is_v4()) return pseudo_sum(source.v4(), target.v4(), header);
  return pseudo_sum(source.v6(), target.v6(), header);
}

}  // namespace twinpath::tcp
