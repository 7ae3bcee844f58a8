// Events into trace sources: the translation of names, units and states.
#include "sim/event_traces.h"

#include <algorithm>

#include "models/host/frame_dropped.h"
#include "models/tcp/events.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

namespace {

ns3::TcpSocket::TcpStates_t to_ns3_state(TcpState state) {
  using ns3::TcpSocket;
  constexpr TcpSocket::TcpStates_t kStates[] = {
      TcpSocket::CLOSED,      TcpSocket::LISTEN,     TcpSocket::SYN_SENT,   TcpSocket::SYN_RCVD,
      TcpSocket::ESTABLISHED, TcpSocket::FIN_WAIT_1, TcpSocket::FIN_WAIT_2, TcpSocket::CLOSE_WAIT,
      TcpSocket::CLOSING,     TcpSocket::LAST_ACK,   TcpSocket::TIME_WAIT};
  return kStates[static_cast<std::size_t>(state)];
}

}  // namespace

EventTraces::EventTraces()
    : congestion_window_trace(*this, TcpCwndEvent::kPath),
      slow_start_threshold_trace(*this, TcpCwndEvent::kPath),
      rtt_trace(*this, TcpRttEvent::kPath),
      rto_trace(*this, TcpRttEvent::kPath),
      state_trace(*this, TcpStateEvent::kPath),
      tx_trace(*this, TcpSentEvent::kPath),
      rx_trace(*this, TcpDeliveredEvent::kPath),
      retransmission_trace(*this, TcpRetransmitEvent::kPath),
      drop_trace(*this, FrameDropped::kPath) {}

void EventTraces::attach(EventBus& bus) {
  bus_ = &bus;
  cwnd_ = bus.type_of<TcpCwndEvent>();
  rtt_type_ = bus.type_of<TcpRttEvent>();
  rto_type_ = bus.type_of<TcpRtoEvent>();
  state_ = bus.type_of<TcpStateEvent>();
  sent_ = bus.type_of<TcpSentEvent>();
  delivered_ = bus.type_of<TcpDeliveredEvent>();
  resent_ = bus.type_of<TcpRetransmitEvent>();
  drop_ = bus.type_of<FrameDropped>();
  const std::vector<std::string_view> early = std::move(wanted_);
  wanted_.clear();
  for (const std::string_view event : early) want(event);
}

void EventTraces::want(std::string_view event) {
  if (std::find(wanted_.begin(), wanted_.end(), event) != wanted_.end()) return;
  wanted_.push_back(event);
  if (bus_ == nullptr) return;
  bus_->subscribe(bus_->types().find(event), *this);
  if (event == TcpRttEvent::kPath) bus_->subscribe(rto_type_, *this);
}

void EventTraces::on_event(const EventHeader& header) {
  if (header.type == sent_) {
    const auto& event = as<TcpSentEvent>(header);
    return tx_trace(header.flow, event.seq, event.len);
  }
  if (header.type == delivered_) {
    const auto& event = as<TcpDeliveredEvent>(header);
    return rx_trace(header.flow, event.seq, event.len);
  }
  if (header.type == cwnd_) return on_cwnd(header);
  if (header.type == rtt_type_) return on_rtt(header);
  if (header.type == rto_type_) return on_rto(header);
  if (header.type == resent_) {
    const auto& event = as<TcpRetransmitEvent>(header);
    retransmission_trace(header.flow, event.seq, event.len);
  } else if (header.type == state_) {
    const auto& event = as<TcpStateEvent>(header);
    state_trace(header.flow, to_ns3_state(event.before), to_ns3_state(event.after));
    if (event.after == TcpState::kClosed) last_.erase(header.flow);
  } else if (header.type == drop_) {
    const auto& event = as<FrameDropped>(header);
    drop_trace(std::string(twinpath::name(event.reason)), event.port, event.len);
  }
}

void EventTraces::on_cwnd(const EventHeader& header) {
  const auto& event = as<TcpCwndEvent>(header);
  if (event.before_bytes != event.after_bytes) {
    congestion_window_trace(header.flow, event.before_bytes, event.after_bytes);
  }
  Last& last = last_[header.flow];
  if (last.ssthresh_bytes == event.ssthresh_bytes) return;
  slow_start_threshold_trace(header.flow, last.ssthresh_bytes, event.ssthresh_bytes);
  last.ssthresh_bytes = event.ssthresh_bytes;
}

void EventTraces::on_rtt(const EventHeader& header) {
  const auto& event = as<TcpRttEvent>(header);
  Last& last = last_[header.flow];
  const ns3::Time srtt = to_ns3_time(event.srtt);
  const ns3::Time next = to_ns3_time(event.rto);
  if (srtt != last.srtt) rtt_trace(header.flow, last.srtt, srtt);
  if (next != last.rto) rto_trace(header.flow, last.rto, next);
  last.srtt = srtt;
  last.rto = next;
}

void EventTraces::on_rto(const EventHeader& header) {
  Last& last = last_[header.flow];
  const ns3::Time next = to_ns3_time(as<TcpRtoEvent>(header).rto);
  rto_trace(header.flow, last.rto, next);
  last.rto = next;
}

}  // namespace twinpath::sim
