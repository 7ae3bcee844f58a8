// One connection: its values (Tcb), and what belongs to them. What it needs only while something
// is under way stands elsewhere (activity.h).
#pragma once

#include <cstdint>
#include <memory>

#include "models/base/time.h"
#include "models/tcp/activity.h"
#include "models/tcp/congestion.h"
#include "models/tcp/endpoint.h"
#include "models/tcp/flow_key.h"
#include "models/tcp/rare.h"
#include "models/tcp/receive_tuner.h"
#include "models/tcp/rtt.h"
#include "models/tcp/tcb.h"
#include "models/wire/seq.h"

namespace twinpath::tcp {

struct Connection : Tcb {
  Connection(const FlowKey& flow_key, Activity* activity) : names(flow_key), active(activity) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // With the stack: one that ends before has given its Activity back.
  ~Connection() {
    if (active->connection != nullptr) delete active;
  }

  PackedKey names;
  CongestionControl congestion;
  RttEstimator rtt;
  ReceiveTuner receive_tuner;  // in use while the buffer may grow
  SentMemory sent_memory;      // while nothing is sent
  Activity* active;            // the pool's "none" while nothing is under way
  std::unique_ptr<Rare> rare;
  TcpId id;
  TcpListenerId listener;
  std::uint64_t flow = 0;
  Instant first_tx = kNever;  // here: a connection that moved begins anew
  Instant last_rx = kNever;
  std::uint32_t readiness = 0;  // to tell the user when the stack is settled
  bool accept_ready = false;    // to tell the listener's user
  bool in_accept_queue = false;
  bool in_ready_list = false;
  bool in_table = false;

  [[nodiscard]] FlowKey key() const { return names.unpack(); }
  Rare& uncommon() {
    if (rare == nullptr) {
      rare = std::make_unique<Rare>();
      rare->reordering_round = iss;
    }
    return *rare;
  }
  // To be read only.
  [[nodiscard]] const Rare& rarely() const { return rare == nullptr ? kNothingRare : *rare; }
  [[nodiscard]] bool tunes_receive() const { return receive_buffer_max_bytes > 0; }
  // Segments thought lost, ever.
  [[nodiscard]] std::uint64_t lost_total() const {
    return active->connection == nullptr ? sent_memory.lost_total : active->sent.lost_total();
  }
  // TCP_NOTSENT_LOWAT.
  [[nodiscard]] bool is_below_lowat() const {
    return rare == nullptr || rare->notsent_lowat_bytes == 0 ||
           unsent_bytes() < rare->notsent_lowat_bytes;
  }
  [[nodiscard]] bool has_urgent_out() const { return rare != nullptr && rare->urgent_out; }
  [[nodiscard]] bool fin_sent() const { return fin_queued && snd_nxt == snd_end + 1; }
  [[nodiscard]] bool fin_acked() const { return fin_queued && snd_una == snd_end + 1; }
  [[nodiscard]] std::uint32_t flight_bytes() const { return snd_nxt.value() - snd_una.value(); }
  // Accepted and never sent. The FIN is not data.
  [[nodiscard]] std::uint32_t unsent_bytes() const {
    return fin_sent() ? 0 : snd_end.value() - snd_nxt.value();
  }
  // Where the send queue's first octet stands.
  [[nodiscard]] SeqNum queue_first() const { return snd_end - active->send_queue.bytes(); }
  [[nodiscard]] std::uint32_t send_room_bytes() const {
    const std::uint32_t used = active->send_queue.bytes();
    return fin_queued || used >= send_buffer_bytes ? 0 : send_buffer_bytes - used;
  }
  [[nodiscard]] std::uint32_t receive_window() const { return rcv_adv.value() - rcv_nxt.value(); }
  [[nodiscard]] bool is_synchronized() const { return state >= TcpState::kEstablished; }
  [[nodiscard]] bool is_fast_open_child() const {
    return rare != nullptr && rare->fast_open_child && state == TcpState::kSynReceived;
  }
  [[nodiscard]] bool is_opening() const {
    return state == TcpState::kSynSent || state == TcpState::kSynReceived;
  }
};

}  // namespace twinpath::tcp
