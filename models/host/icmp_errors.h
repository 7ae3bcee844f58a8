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

// What a message says. A fatal one is an error of a connected datagram socket, and
// but for a parameter problem ends an attempt to connect; others are news at most, as in Linux
// (icmp_err_convert, icmpv6_err_convert).
struct IcmpMeaning {
  TcpIcmpKind kind = TcpIcmpKind::kUnreachable;
  Errno error = Errno::kHostUnreachable;  // what a call would return
  bool fatal = false;
  std::uint32_t mtu_bytes = 0;  // kTooBig only
};

// A path's MTU falls only when the transport knows the packet quoted.
void tell_transport(Instant now, const QuotedPacket& quoted, const IcmpMeaning& meaning,
                    Transports to, IpOutput& output);

}  // namespace twinpath
