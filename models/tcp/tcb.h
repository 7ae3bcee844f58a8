// The values of a connection: the transmission control block of RFC 9293 §3.3.1. Names of the RFC
// keep its spelling. Moving a connection elsewhere (image.cc) is copying these.
#pragma once

#include <cstdint>

#include "models/base/linux_errno.h"
#include "models/base/time.h"
#include "models/tcp/endpoint.h"
#include "models/wire/seq.h"

namespace twinpath::tcp {

enum class Recovery : std::uint8_t { kOpen, kFastRecovery, kLoss };

// What must leave even if no data does.
inline constexpr std::uint8_t kDueSyn = 1U << 0;        // SYN, or SYN,ACK
inline constexpr std::uint8_t kDueAck = 1U << 1;        // an acknowledgement now
inline constexpr std::uint8_t kDueProbe = 1U << 2;      // zero-window probe
inline constexpr std::uint8_t kDueKeepalive = 1U << 3;  // keepalive probe
inline constexpr std::uint8_t kDueLossProbe = 1U << 4;  // RFC 8985 §7.3

struct Tcb {
  // Every segment touches these.
  TcpState state = TcpState::kClosed;
  std::uint8_t due = 0;
  std::uint8_t dup_acks_due = 0;  // one acknowledgement per out-of-order segment
  Recovery recovery = Recovery::kOpen;
  std::uint8_t snd_scale = 0;
  std::uint8_t rcv_scale = 0;
  bool ts_ok = false;
  bool scale_ok = false;
  bool sack_ok = false;
  bool ecn_ok = false;
  bool ecn_echo = false;  // CE seen, CWR not yet (RFC 3168 §6.1.3)
  bool cwr_due = false;   // tell the peer we slowed down
  bool fin_queued = false;
  bool fin_seen = false;  // the peer's FIN is at fin_seq, maybe beyond a hole
  bool has_handle = false;
  bool write_blocked = false;  // the user waits for kTcpWritable
  bool send_small = false;     // the override of silly-window avoidance (RFC 9293 §3.8.6.2.1)
  bool nagle = true;
  bool cork = false;
  std::uint8_t quick_acks = 0;  // segments still acknowledged at once
  PacingMode pacing = PacingMode::kAuto;
  bool keepalive = false;
  bool opened_passively = false;
  bool handshake_acked = false;  // by an acknowledgement that TCP_DEFER_ACCEPT let pass
  bool handshake_retransmitted = false;
  bool receive_shut = false;  // nobody will read
  Errno error = Errno::kNone;
  Errno soft_error = Errno::kNone;
  std::uint16_t rcv_mss_bytes = 536;  // longest payload seen: a full-sized segment
  SeqNum snd_una;
  SeqNum snd_nxt;
  SeqNum snd_end;  // behind the last octet accepted from the user; the FIN's number
  SeqNum snd_wl1;
  SeqNum snd_wl2;
  std::uint32_t snd_wnd = 0;
  std::uint32_t snd_wnd_max = 0;
  std::uint32_t mss_bytes = 536;  // payload per segment sent
  SeqNum rcv_nxt;
  SeqNum rcv_adv;        // right edge of the window last advertised
  SeqNum last_ack_sent;  // Last.ACK.sent of RFC 7323 §4.3
  TsVal ts_recent;
  std::uint32_t ts_offset = 0;
  SeqNum recover;        // RFC 6582 §3.2
  SeqNum short_end;      // behind the latest segment shorter than a full one
  SeqNum limited_until;  // what was sent when the congestion window last held data back
  SeqNum ecn_until;      // marks up to here are answered (RFC 3168 §6.1.2)
  SeqNum round_end;      // one round-trip sample per round
  Instant last_sent_at{};
  Instant ts_recent_at{};
  std::uint64_t segments_in = 0;
  std::uint64_t segments_out = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_acked = 0;
  std::uint64_t bytes_received = 0;

  // Rarely touched.
  SeqNum iss;
  SeqNum irs;
  SeqNum fin_seq;
  std::uint32_t send_buffer_bytes = 0;
  std::uint32_t receive_buffer_bytes = 0;
  std::uint32_t send_buffer_max_bytes = 0;  // 0: as it is
  std::uint32_t receive_buffer_max_bytes = 0;
  std::uint32_t mss_limit_bytes = 0;   // what our side of the path takes
  std::uint32_t peer_mss_bytes = 536;  // RFC 9293 §3.7.1, MUST-15
  Duration delayed_ack{};
};

}  // namespace twinpath::tcp
