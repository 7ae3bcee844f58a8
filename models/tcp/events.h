// What TCP reports about itself. `flow` names the connection the same way at both ends and under
// both drivers: a hash of its two endpoints.
#pragma once

#include <cstdint>

#include "models/base/event.h"
#include "models/tcp/endpoint.h"
#include "models/wire/parsed.h"

namespace twinpath {

struct TcpStateEvent {
  static constexpr const char* kPath = "tcp.state";
  EventHeader header;
  TcpState before;
  TcpState after;
};

struct TcpCwndEvent {
  static constexpr const char* kPath = "tcp.cwnd";
  EventHeader header;
  std::uint32_t before_bytes;
  std::uint32_t after_bytes;
  std::uint32_t ssthresh_bytes;
};

struct TcpRttEvent {
  static constexpr const char* kPath = "tcp.rtt";
  EventHeader header;
  Duration sample;
  Duration srtt;
  Duration rto;
};

// The retransmission timer expired.
struct TcpRtoEvent {
  static constexpr const char* kPath = "tcp.rto";
  EventHeader header;
  Duration rto;  // the next one, backed off
  std::uint32_t expiries;
};

enum class RetransmitCause : std::uint8_t { kTimeout, kFast, kHandshake, kProbe };

struct TcpRetransmitEvent {
  static constexpr const char* kPath = "tcp.retransmit";
  EventHeader header;
  std::uint32_t seq;  // relative to the initial sequence number
  std::uint32_t len;
  RetransmitCause cause;
};

// Payload sent for the first time. A listener of "tcp.data" hears this and the next.
struct TcpSentEvent {
  static constexpr const char* kPath = "tcp.data.sent";
  EventHeader header;
  std::uint32_t seq;  // relative to the initial sequence number of the sender
  std::uint32_t len;
};

// Payload delivered in order.
struct TcpDeliveredEvent {
  static constexpr const char* kPath = "tcp.data.delivered";
  EventHeader header;
  std::uint32_t seq;  // relative to the initial sequence number of the sender
  std::uint32_t len;
};

// A segment that went no further, and why.
struct TcpDropEvent {
  static constexpr const char* kPath = "tcp.drop";
  EventHeader header;
  DropReason reason;
  std::uint32_t len;
};

}  // namespace twinpath
