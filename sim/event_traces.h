// ns-3 trace sources fed by a host's EventBus, under ns-3's own names where one exists. The bus is
// subscribed to when the first listener connects, so a trace nobody hears costs one branch.
//
// Unlike a TcpSocket's sources these belong to a host with many connections: the first argument is
// the flow (a hash of its endpoints, the same at both ends), then the old and the new value.
#pragma once

#include <ns3/nstime.h>
#include <ns3/tcp-socket.h>
#include <ns3/traced-callback.h>
#include <ns3/type-id.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "models/base/event_bus.h"

namespace twinpath::sim {

class EventTraces;

// What MakeTraceSourceAccessor() needs, telling its owner that somebody listens.
template <typename... Values>
class EventTrace {
 public:
  EventTrace(EventTraces& owner, std::string_view event) : owner_(owner), event_(event) {}
  void ConnectWithoutContext(const ns3::CallbackBase& callback);
  void Connect(const ns3::CallbackBase& callback, const std::string& path);
  void DisconnectWithoutContext(const ns3::CallbackBase& callback) {
    sinks_.DisconnectWithoutContext(callback);
  }
  void Disconnect(const ns3::CallbackBase& callback, const std::string& path) {
    sinks_.Disconnect(callback, path);
  }
  void operator()(Values... values) const { sinks_(values...); }

 private:
  EventTraces& owner_;
  std::string_view event_;
  ns3::TracedCallback<Values...> sinks_;
};

class EventTraces : public EventListener {
 public:
  using Flow = std::uint64_t;

  EventTraces();
  // Once, when the host is built. Requires: the bus outlives every event.
  void attach(EventBus& bus);
  // Somebody listens to events of this path.
  void want(std::string_view event);
  void on_event(const EventHeader& header) override;

  EventTrace<Flow, std::uint32_t, std::uint32_t> congestion_window_trace;
  EventTrace<Flow, std::uint32_t, std::uint32_t> slow_start_threshold_trace;
  EventTrace<Flow, ns3::Time, ns3::Time> rtt_trace;
  EventTrace<Flow, ns3::Time, ns3::Time> rto_trace;
  EventTrace<Flow, ns3::TcpSocket::TcpStates_t, ns3::TcpSocket::TcpStates_t> state_trace;
  EventTrace<Flow, std::uint32_t, std::uint32_t> tx_trace;  // sequence number from 0, bytes
  EventTrace<Flow, std::uint32_t, std::uint32_t> rx_trace;
  EventTrace<Flow, std::uint32_t, std::uint32_t> retransmission_trace;
  EventTrace<std::string, std::uint32_t, std::uint32_t> drop_trace;  // reason, port, bytes

 private:
  struct Last {
    std::uint32_t ssthresh_bytes = 0xffffffff;
    ns3::Time srtt;
    ns3::Time rto;
  };
  void on_cwnd(const EventHeader& header);
  void on_rtt(const EventHeader& header);
  void on_rto(const EventHeader& header);

  EventBus* bus_ = nullptr;
  std::vector<std::string_view> wanted_;
  EventTypeId cwnd_ = 0, rtt_type_ = 0, rto_type_ = 0, state_ = 0, sent_ = 0, delivered_ = 0,
              resent_ = 0, drop_ = 0;
  std::map<Flow, Last> last_;  // of traced flows; gone with the connection
};

template <typename... Values>
void EventTrace<Values...>::ConnectWithoutContext(const ns3::CallbackBase& callback) {
  sinks_.ConnectWithoutContext(callback);
  owner_.want(event_);
}

template <typename... Values>
void EventTrace<Values...>::Connect(const ns3::CallbackBase& callback, const std::string& path) {
  sinks_.Connect(callback, path);
  owner_.want(event_);
}

}  // namespace twinpath::sim
