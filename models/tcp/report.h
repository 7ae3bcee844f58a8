// Publishes TCP's events. An event is built only when somebody listens.
#pragma once

#include "models/base/event_bus.h"
#include "models/tcp/connection.h"
#include "models/tcp/events.h"

namespace twinpath::tcp {

class Reporter {
 public:
  explicit Reporter(EventBus& bus);

  void state(const Connection& connection, Instant now, TcpState before) {
    state(connection.flow, now, {before, connection.state});
  }
  struct StateChange {
    TcpState before;
    TcpState after;
  };
  void state(std::uint64_t flow_number, Instant now, const StateChange& change) {
    if (!wants(state_)) return;
    EventHeader header;
    header.flow = flow_number;
    send(state_, now, TcpStateEvent{header, change.before, change.after});
  }
  void cwnd(const Connection& connection, Instant now, std::uint32_t before_bytes) {
    if (!wants(cwnd_) || before_bytes == connection.congestion.cwnd_bytes()) return;
    send(cwnd_, now,
         TcpCwndEvent{flow(connection), before_bytes, connection.congestion.cwnd_bytes(),
                      connection.congestion.ssthresh_bytes()});
  }
  struct RttSample {
    Duration latest;
    Duration rto;  // that follows
  };
  void rtt(const Connection& connection, Instant now, const RttSample& sample) {
    if (!wants(rtt_)) return;
    send(rtt_, now,
         TcpRttEvent{flow(connection), sample.latest, connection.rtt.srtt(), sample.rto});
  }
  void rto(const Connection& connection, Instant now, Duration next) {
    if (wants(rto_))
      send(rto_, now, TcpRtoEvent{flow(connection), next, connection.active->expiries});
  }
  void retransmit(const Connection& connection, Instant now, SeqRange range,
                  RetransmitCause cause) {
    if (!wants(retransmit_)) return;
    const auto seq = static_cast<std::uint32_t>(range.first - connection.iss);
    send(retransmit_, now, TcpRetransmitEvent{flow(connection), seq, range.len(), cause});
  }
  void sent(const Connection& connection, Instant now, SeqRange range) {
    if (!wants(sent_)) return;
    const auto seq = static_cast<std::uint32_t>(range.first - connection.iss);
    send(sent_, now, TcpSentEvent{flow(connection), seq, range.len()});
  }
  void delivered(const Connection& connection, Instant now, SeqRange range) {
    if (!wants(delivered_)) return;
    const auto seq = static_cast<std::uint32_t>(range.first - connection.irs);
    send(delivered_, now, TcpDeliveredEvent{flow(connection), seq, range.len()});
  }
  void drop(std::uint64_t flow_number, Instant now, DropReason reason, std::uint32_t len) {
    if (!wants(drop_)) return;
    EventHeader header;
    header.flow = flow_number;
    send(drop_, now, TcpDropEvent{header, reason, len});
  }

 private:
  [[nodiscard]] bool wants(EventTypeId type) const { return bus_.has_listeners(type); }
  static EventHeader flow(const Connection& connection) {
    EventHeader header;
    header.flow = connection.flow;
    return header;
  }
  template <typename E>
  void send(EventTypeId type, Instant now, const E& event) {
    bus_.publish(type, now, event);
  }

  EventBus& bus_;
  EventTypeId state_;
  EventTypeId cwnd_;
  EventTypeId rtt_;
  EventTypeId rto_;
  EventTypeId retransmit_;
  EventTypeId sent_;
  EventTypeId delivered_;
  EventTypeId drop_;
};

}  // namespace twinpath::tcp
