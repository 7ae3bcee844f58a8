// From quoted bytes to the socket that sent them.
#include "models/host/icmp_errors.h"

#include "models/host/udp.h"

namespace twinpath {

void tell_transport(Instant now, const QuotedPacket& quoted, const IcmpMeaning& meaning,
                    Transports to, IpOutput& output) {
  bool known = false;
  TcpIcmpError error;
  error.kind = meaning.kind;
  error.error = meaning.error;
  error.mtu_bytes = meaning.mtu_bytes;
  error.local = {quoted.src, quoted.src_port()};
  error.remote = {quoted.dst, quoted.dst_port()};
  if (quoted.protocol == IpProtocol::kTcp) {
    error.seq = SeqNum(quoted.tcp_seq());
    known = to.tcp.on_icmp_error(now, error);
  } else if (quoted.protocol == IpProtocol::kUdp) {
    // Linux tells a datagram socket of a path's MTU too: it asks to be told (IP_PMTUDISC_WANT).
    const bool heard = meaning.fatal || meaning.kind == TcpIcmpKind::kTooBig;
    known = to.udp.on_icmp_error(error.local, error.remote, heard ? error.error : Errno::kNone);
  }
  if (known && error.kind == TcpIcmpKind::kTooBig) {
    output.lower_path_mtu(now, quoted.dst, error.mtu_bytes);
  }
}

}  // namespace twinpath
