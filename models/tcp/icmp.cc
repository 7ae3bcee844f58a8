// ICMP errors about our segments: believed only when they quote a number in flight (RFC 5927 §4.1),
// and never enough to end an established connection (RFC 9293 §3.9.2.2, MUST-56).
#include <algorithm>

#include "models/tcp/stack.h"
#include "models/tcp/steps.h"

namespace twinpath {
namespace {

bool quotes_flight(const tcp::Connection& connection, SeqNum seq) {
  return seq >= connection.snd_una && seq < connection.snd_nxt;
}

// RFC 1191 §6.4, RFC 9293 §3.7.5: smaller segments, and what was too long goes again.
void shrink_path(tcp::Core& core, tcp::Connection& connection, Instant now, std::uint32_t mtu) {
  const std::uint32_t headers = tcp::headers_bytes(connection.names.remote());
  const std::uint32_t least = connection.names.remote().is_v4() ? kIpv4PathMtuMin : kIpv6MtuMin;
  const std::uint32_t mss = std::max(mtu, least) - headers;
  if (mss >= connection.mss_limit_bytes) return;
  connection.mss_limit_bytes = mss;
  update_mss(connection);
  if (connection.is_opening()) return;
  connection.active->sent.mark_all_lost();
  connection.active->force_retransmit = true;
  start_retransmission_timer(core, connection, now);
}

}  // namespace

bool TcpStack::on_icmp_error(Instant now, const TcpIcmpError& error) {
  const tcp::FlowKey key{error.local.address, error.remote.address, error.local.port,
                         error.remote.port};
  tcp::Connection* connection = core_->flows.find(key);
  if (connection == nullptr || !quotes_flight(*connection, error.seq)) return false;
  wake(*core_, *connection);
  if (error.kind == TcpIcmpKind::kTooBig) {
    shrink_path(*core_, *connection, now, error.mtu_bytes);
  } else if (error.kind == TcpIcmpKind::kRefused && connection->is_opening()) {
    // RFC 9293 §3.9.2.2, SHLD-25: protocol or port unreachable, and what Linux counts with them.
    terminate(*core_, *connection, now, error.error);
  } else {
    connection->soft_error = error.error;
  }
  settle(*core_, *connection);
  return true;
}

}  // namespace twinpath
