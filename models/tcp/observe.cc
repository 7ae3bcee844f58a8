// Connections in numbers, for observers.
#include "models/tcp/stack.h"
#include "models/tcp/steps.h"

namespace twinpath {
namespace tcp {
namespace {

bool is_closing(const Connection& connection) {
  return connection.fin_queued || connection.fin_seen;
}

// Without an error it is the state that tells a close from giving up.
TcpEnd end_without_error(TcpState before) {
  switch (before) {
    case TcpState::kFinWait2:
    case TcpState::kClosing:
    case TcpState::kLastAck:
    case TcpState::kTimeWait:
      return TcpEnd::kClosed;
    case TcpState::kSynReceived:
      return TcpEnd::kReset;
    default:
      return TcpEnd::kAborted;
  }
}

}  // namespace

TcpEnd end_of(const Connection& connection, Errno error) {
  switch (error) {
    case Errno::kNone:
      return end_without_error(connection.state);
    case Errno::kConnectionAborted:
      return TcpEnd::kAborted;
    case Errno::kConnectionRefused:
      return TcpEnd::kRefused;
    case Errno::kTimedOut:
      return TcpEnd::kTimeout;
    case Errno::kNetworkUnreachable:
    case Errno::kHostUnreachable:
      return TcpEnd::kUnreachable;
    default:
      return TcpEnd::kReset;
  }
}

TcpFlow flow_of(const Connection& connection, TcpEnd end) {
  return {.flow = connection.flow,
          .local = connection.key().local_end(),
          .remote = connection.key().remote_end(),
          .end = end,
          .first_tx = connection.first_tx,
          .last_rx = connection.last_rx,
          .tx_packets = connection.segments_out,
          .rx_packets = connection.segments_in,
          .tx_bytes = connection.bytes_sent,
          .rx_bytes = connection.bytes_received,
          .lost_packets = connection.lost_total(),
          .retransmitted = connection.rarely().retransmits};
}

TcpFlow flow_of(const TimeWait& old, TcpEnd end) {
  return {.flow = old.flow,
          .local = old.key.local_end(),
          .remote = old.key.remote_end(),
          .end = end,
          .first_tx = old.first_tx,
          .last_rx = old.last_rx,
          .tx_packets = old.tx_packets,
          .rx_packets = old.rx_packets,
          .tx_bytes = old.tx_bytes,
          .rx_bytes = old.rx_bytes,
          .lost_packets = old.lost_packets,
          .retransmitted = old.retransmitted};
}

void tell_end(const Core& core, const Connection& connection, TcpEnd end) {
  if (core.observer != nullptr) core.observer->on_tcp_end(flow_of(connection, end));
}

}  // namespace tcp

void TcpStack::set_observer(TcpObserver* observer) { core_->observer = observer; }
void TcpStack::set_paths(TcpPaths* paths) { core_->paths = paths; }

void TcpStack::set_port_rule(const TcpPortRule* rule) { core_->port_rule = rule; }

std::vector<TcpFlow> TcpStack::flows() const {
  std::vector<TcpFlow> flows;
  for (std::uint32_t index = 0; index < core_->connections.slots(); ++index) {
    const tcp::Connection* connection = core_->connections.at(index);
    if (connection == nullptr || connection->state == TcpState::kClosed) continue;
    TcpEnd end = tcp::is_closing(*connection) ? TcpEnd::kClosing : TcpEnd::kOpen;
    if (connection->state == TcpState::kTimeWait) end = TcpEnd::kClosed;
    flows.push_back(flow_of(*connection, end));
  }
  core_->time_waits.visit(
      [&](const tcp::TimeWait& old) { flows.push_back(flow_of(old, TcpEnd::kClosed)); });
  return flows;
}

}  // namespace twinpath
