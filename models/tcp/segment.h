// An arriving segment as the input path sees it, and what a step can say about it.
#pragma once

#include <cstdint>
#include <optional>

#include "models/base/packet_buf.h"
#include "models/base/time.h"
#include "models/tcp/flow_key.h"
#include "models/wire/ip.h"
#include "models/wire/tcp.h"

namespace twinpath::tcp {

// SEG.* of RFC 9293 §3.3.1. Steps trim it to what is new; `buf` is moved out by whoever keeps it.
struct Segment {
  Instant now;
  SeqNum seq;
  SeqNum ack;
  TcpFlags flags;
  std::uint16_t window = 0;  // unscaled
  std::uint16_t urgent_pointer = 0;
  Ecn ecn = Ecn::kNotEct;
  std::uint32_t payload_offset = 0;  // in buf
  std::uint32_t payload_bytes = 0;
  const TcpOptions* options = nullptr;
  BufPtr buf;
  // Of a SYN in place of a connection in TIME-WAIT: what that one sent last lies before.
  std::optional<SeqNum> beyond;

  // SEG.LEN: octets of sequence space.
  [[nodiscard]] std::uint32_t len() const {
    return payload_bytes + (flags.syn() ? 1U : 0U) + (flags.fin() ? 1U : 0U);
  }
  // Behind the last octet of sequence space.
  [[nodiscard]] SeqNum end() const { return seq + len(); }
  void drop_front(std::uint32_t count) {
    seq += count;
    payload_offset += count;
    payload_bytes -= count;
  }
  void clear(TcpFlags flag) {
    flags = TcpFlags(static_cast<std::uint16_t>(flags.bits() & ~flag.bits()));
  }
};

// What a step of RFC 9293 §3.10.7 decided. Everything but kContinue ends the processing; apply() in
// input.cc carries it out.
enum class Outcome : std::uint8_t {
  kContinue,
  kIgnore,          // what it said is noted
  kDrop,            // silently
  kQueueFull,       // silently: the accept queue has no room
  kUnstamped,       // silently: it lacks a timestamp (RFC 7323 §3.2)
  kStale,           // PAWS: answer with an acknowledgement (RFC 7323 §5.3 R1)
  kOutOfWindow,     // answer with an acknowledgement
  kChallenge,       // RFC 5961: answer with a rate-limited acknowledgement
  kResetSender,     // <SEQ=SEG.ACK><CTL=RST>
  kRefused,         // our SYN was answered by RST
  kReset,           // the peer reset the connection
  kAbort,           // data nobody will read: reset the peer and be gone
  kReturnToListen,  // a half-open connection disappears
  kResendSynAck,    // the peer has not seen our SYN,ACK
  kClose,           // the last acknowledgement: gone, in order
};

}  // namespace twinpath::tcp
