// What an ICMP error of either version means to the transport whose packet it quotes. Read RFC 1122
// §4.1.3.3, §4.2.3.9, RFC 5927 and RFC 4443 §2.4.
#pragma once

#include "models/host/ip_output.h"
#include "models/tcp/stack.h"
#include "models/wire/icmpv4.h"

namespace twinpath {

class UdpStack;

struct Transports {
  TcpStack& tcp;
  UdpStack& udp;
};

// `error` says what happened; its endpoints and number are filled in here. A path's MTU falls only
// when the transport knows the packet quoted.
void tell_transport(Instant now, const QuotedPacket& quoted, TcpIcmpError error, Transports to,
                    IpOutput& output);

}  // namespace twinpath
