// From quoted bytes to the socket that sent them.
#include "models/host/icmp_errors.h"

#include "models/host/udp.h"

namespace twinpath {

void tell_transport(Instant now, const QuotedPacket& quoted, TcpIcmpError error, Transports to,
                    IpOutput& output) {
  bool known = false;
  error.local = {quoted.src, quoted.src_port()};
  error.remote = {quoted.dst, quoted.dst_port()};
  if (quoted.protocol == IpProtocol::kTcp) {
    error.seq = SeqNum(quoted.tcp_seq());
    known = to.tcp.on_icmp_error(now, error);
  } else if (quoted.protocol == IpProtocol::kUdp) {
    known = to.udp.on_icmp_error(error.local, error.remote, error.error);
  }
  if (known && error.kind == TcpIcmpKind::kTooBig) {
    output.lower_path_mtu(now, quoted.dst, error.mtu_bytes);
  }
}

}  // namespace twinpath
