// What TCP_INFO tells. Asked for by people and tests, so it may walk what is in flight.
#include "models/tcp/stack.h"
#include "models/tcp/steps.h"

namespace twinpath {
namespace {

TcpRecovery recovery_of(const tcp::Connection& connection) {
  if (connection.recovery == tcp::Recovery::kLoss) return TcpRecovery::kLoss;
  if (connection.recovery == tcp::Recovery::kFastRecovery) return TcpRecovery::kRecovery;
  if (connection.ecn_ok && connection.snd_una < connection.ecn_until) return TcpRecovery::kReduced;
  const bool has_holes =
      connection.active->sent.sacked_ranges() > 0 || connection.active->dup_acks > 0;
  return has_holes && !connection.active->sent.empty() ? TcpRecovery::kDisorder
                                                       : TcpRecovery::kOpen;
}

void count_segments(const tcp::Connection& connection, TcpInfo& info) {
  info.segments_unacked = connection.active->sent.size();
  info.segments_sacked = connection.active->sent.sacked_ranges();
  for (std::uint32_t i = 0; i < connection.active->sent.size(); ++i) {
    const tcp::SentRange& range = connection.active->sent[i];
    if (range.lost && !range.sacked) ++info.segments_lost;
    if (range.resent && !range.sacked) ++info.segments_resent;
  }
}

}  // namespace

TcpInfo TcpStack::info(TcpId id) const {
  TcpInfo info;
  const tcp::Connection* connection = core_->connections.get(id);
  if (connection == nullptr) return info;
  info.state = connection->state;
  info.congestion = connection->congestion.kind();
  info.mss_bytes = connection->mss_bytes;
  info.cwnd_bytes = connection->congestion.cwnd_bytes();
  info.ssthresh_bytes = connection->congestion.ssthresh_bytes();
  info.send_window_bytes = connection->snd_wnd;
  info.receive_window_bytes = connection->receive_window();
  info.in_flight_bytes = connection->flight_bytes();
  if (connection->active->pacer != nullptr)
    info.pacing_bytes_per_s = connection->active->pacer->bytes_per_s();
  if (const tcp::DeliveryRate* rate = connection->active->sent.rate()) {
    info.delivery_bytes_per_s = rate->latest_bytes_per_s();
    info.app_limited = rate->is_app_limited();
  }
  info.srtt = connection->rtt.srtt();
  info.rttvar = connection->rtt.rttvar();
  info.rtt_min = connection->rtt.min();
  info.rto = connection->rtt.rto(core_->config);
  const tcp::Rare& rare = connection->rarely();
  info.retransmits = rare.retransmits;
  info.timeouts = rare.timeouts;
  info.fast_retransmits = rare.fast_retransmits;
  info.loss_probes = rare.loss_probes;
  info.undone = rare.undone;
  info.bytes_sent = connection->bytes_sent;
  info.bytes_acked = connection->bytes_acked;
  info.bytes_received = connection->bytes_received;
  info.segments_in = connection->segments_in;
  info.segments_out = connection->segments_out;
  info.syn_data_acked = rare.syn_data_acked;
  info.timestamps = connection->ts_ok;
  info.sack = connection->sack_ok;
  info.window_scaling = connection->scale_ok;
  info.ecn = connection->ecn_ok;
  info.send_scale = connection->snd_scale;
  info.receive_scale = connection->rcv_scale;
  info.receive_mss_bytes = connection->rcv_mss_bytes;
  info.unsent_bytes = connection->unsent_bytes();
  info.expiries = connection->active->expiries;
  info.recovery = recovery_of(*connection);
  count_segments(*connection, info);
  return info;
}

}  // namespace twinpath
