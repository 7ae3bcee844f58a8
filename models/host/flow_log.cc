// See flow_log.h.
#include "models/host/flow_log.h"

#include <algorithm>

namespace twinpath {

void FlowLog::on_tcp_end(const TcpFlow& flow) {
  const auto number = live_.find(flow.flow);
  if (!number) return;
  add(ended_, {*number, FlowProtocol::kTcp, flow});
  live_.erase(flow.flow);
}

// A connection that goes on elsewhere is counted there, with what it brought here.
void FlowLog::add(FlowTotals& totals, const FlowRecord& record) {
  const TcpFlow& flow = record.flow;
  if (record.protocol == FlowProtocol::kTcp && flow.rx_bytes > 0 && flow.end != TcpEnd::kMoved) {
    totals.content.add({"tcp.data.delivered", flow.flow, 0, flow.rx_bytes});
  }
  if (totals.rows.size() < kFlowRowsMax) {
    totals.rows.push_back(record);
  } else {
    ++totals.left_out;
  }
}

FlowRecord* FlowLog::udp(const tcp::FlowKey& key) {
  const auto found = udp_index_.find(key);
  if (found != udp_index_.end()) return &udp_[found->second];
  if (udp_.size() == kFlowRowsMax) {
    ++ended_.left_out;
    return nullptr;
  }
  udp_index_.emplace(key, udp_.size());
  FlowRecord record{begun_++, FlowProtocol::kUdp, {}};
  record.flow.flow = tcp::flow_id(key);
  record.flow.local = key.local_end();
  record.flow.remote = key.remote_end();
  return &udp_.emplace_back(record);
}

void FlowLog::on_udp_sent(Instant now, const tcp::FlowKey& key, std::size_t len) {
  FlowRecord* record = udp(key);
  if (record == nullptr) return;
  record->flow.first_tx = std::min(record->flow.first_tx, now);
  ++record->flow.tx_packets;
  record->flow.tx_bytes += len;
}

void FlowLog::on_udp_received(Instant now, const tcp::FlowKey& key, std::size_t len) {
  FlowRecord* record = udp(key);
  const std::uint64_t flow = record != nullptr ? record->flow.flow : tcp::flow_id(key);
  ended_.content.add({"udp", flow, 0, len});  // of each its length, in whatever order they come
  if (record == nullptr) return;
  record->flow.last_rx = now;
  ++record->flow.rx_packets;
  record->flow.rx_bytes += len;
}

void FlowLog::on_udp_lost(const tcp::FlowKey& key) {
  if (FlowRecord* record = udp(key)) ++record->flow.lost_packets;
}

FlowTotals FlowLog::totals(std::span<const TcpFlow> alive) const {
  FlowTotals totals = ended_;
  for (const TcpFlow& flow : alive) {
    if (const auto number = number_of(flow.flow)) add(totals, {*number, FlowProtocol::kTcp, flow});
  }
  for (const FlowRecord& record : udp_) add(totals, record);
  std::sort(
      totals.rows.begin(), totals.rows.end(),
      [](const FlowRecord& one, const FlowRecord& other) { return one.number < other.number; });
  return totals;
}

}  // namespace twinpath
