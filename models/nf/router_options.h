// What a router does about the options of an IPv4 header. Read RFC 1812 §5.2.4 and §5.3.13, RFC 791
// §3.1.
#pragma once

#include "models/nf/ipv4_frame.h"

namespace twinpath {

// Fills in record route and time stamp where they have room, and keeps the checksum right. False
// when the options are malformed or route by source, which is refused (RFC 7126 §4.3, §4.4). Counts
// Router::kPcvOptions.
[[nodiscard]] bool process_options(const Ipv4Frame& frame, Ipv4Address own, Instant now,
                                   Probe& probe);

}  // namespace twinpath
