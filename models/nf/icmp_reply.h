// Turns a packet into the ICMP error about it, in its own buffer: the headers go into the headroom,
// the packet's first bytes become the quote. Read RFC 792 and RFC 1812 §4.3.2.
//
// Deviates from RFC 1812 §4.3.2.3: quotes the IP header and 8 bytes, as RFC 792 asks for, not all
// that fits into 576: so the cost of an error does not depend on the packet's length.
#pragma once

#include "models/nf/ipv4_frame.h"
#include "models/nf/state/pcv.h"
#include "models/wire/icmpv4.h"

namespace twinpath {

struct IcmpReply {
  Icmpv4Type type = Icmpv4Type::kTimeExceeded;  // code 0
  MacAddress own_mac;
  Ipv4Address own_address;
};

// The checksum over the IP header is right.
[[nodiscard]] bool header_sum_is_valid(const Ipv4Frame& frame);
// RFC 1812 §4.3.2.7: no error about an error, a later fragment, or what came to a group.
[[nodiscard]] bool may_be_answered(const Ipv4Frame& frame);
// Bytes of the frame that turn_into_reply() makes.
[[nodiscard]] std::size_t reply_len(const Ipv4Frame& frame);
// False, and nothing changed, when the buffer has no headroom. Counts bytes quoted.
[[nodiscard]] bool turn_into_reply(PacketBuf& packet, const Ipv4Frame& frame,
                                   const IcmpReply& reply, Pcvs pcvs);

}  // namespace twinpath
