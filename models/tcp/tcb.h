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
// What the timer of RFC 8985 waits for: late segments to arrive, or any answer at all.
enum class LossTimer : std::uint8_t { kNone, kReordering, kProbe };
// kCork: a partial segment is held back, 200 ms at most.
enum class RtxPurpose : std::uint8_t { kNone, kRetransmit, kPersist, kCork };

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
  RtxPurpose rtx_purpose = RtxPurpose::kNone;
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
  bool write_blocked = false;     // the user waits for kTcpWritable
  bool force_retransmit = false;  // the next retransmission ignores the congestion window
  bool partial_ack_seen = false;
  bool send_small = false;  // the override of silly-window avoidance (RFC 9293 §3.8.6.2.1)
  bool nagle = true;
  bool cork = false;
  std::uint8_t quick_acks = 0;  // segments still acknowledged at once
  PacingMode pacing = PacingMode::kAuto;
  LossTimer loss_timer = LossTimer::kNone;
  bool probing = false;        // a loss probe is out, up to probe_end
  bool probe_is_copy = false;  // of data sent before
  bool probe_acked = false;    // once; the answer to the copy is still to come
  bool undo_armed = false;
  std::uint8_t reordering_steps = 1;  // RACK.reo_wnd_mult
  std::uint8_t reordering_keep = 0;   // RACK.reo_wnd_persist
  bool invalid_ack_sent = false;
  bool keepalive = false;
  bool opened_passively = false;
  bool handshake_acked = false;  // by an acknowledgement that TCP_DEFER_ACCEPT let pass
  bool handshake_retransmitted = false;
  bool receive_shut = false;  // nobody will read: the handle is gone
  Errno error = Errno::kNone;
  Errno soft_error = Errno::kNone;
  SeqNum snd_una;
  SeqNum snd_nxt;
  SeqNum snd_end;  // behind the last octet accepted from the user; the FIN's number
  SeqNum snd_wl1;
  SeqNum snd_wl2;
  std::uint32_t snd_wnd = 0;
  std::uint32_t snd_wnd_max = 0;
  std::uint32_t mss_bytes = 536;  // payload per segment sent
  SeqNum rcv_nxt;
  SeqNum rcv_adv;                     // right edge of the window last advertised
  SeqNum last_ack_sent;               // Last.ACK.sent of RFC 7323 §4.3
  std::uint32_t rcv_mss_bytes = 536;  // longest payload seen: a full-sized segment
  std::uint32_t unacked_bytes = 0;    // received since we last acknowledged
  TsVal ts_recent;
  std::uint32_t ts_offset = 0;
  SeqNum recover;        // RFC 6582 §3.2
  Instant reduced_at{};  // when the window was last reduced for a loss
  std::uint32_t dup_acks = 0;
  std::uint32_t dup_flight_bytes = 0;  // in flight when the first duplicate came
  SeqNum short_end;                    // behind the latest segment shorter than a full one
  SeqNum limited_until;  // what was sent when the congestion window last held data back
  SeqNum ecn_until;      // marks up to here are answered (RFC 3168 §6.1.2)
  SeqNum round_end;      // one round-trip sample per round
  SeqNum probe_end;
  Instant loss_deadline = kNever;
  Instant rtx_deadline = kNever;
  Instant ack_deadline = kNever;
  Instant life_deadline = kNever;  // TIME-WAIT, FIN-WAIT-2
  Instant keepalive_deadline = kNever;
  Instant retry_deadline = kNever;  // no buffer was left
  Instant last_sent_at{};
  Instant ts_recent_at{};
  std::uint64_t segments_in = 0;
  std::uint64_t segments_out = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_acked = 0;
  std::uint64_t bytes_received = 0;

  // In recovery: RFC 6937 §3, and what it takes to undo the reduction (undo.cc).
  std::uint32_t prr_flight_bytes = 0;
  std::uint32_t prr_delivered_bytes = 0;
  std::uint32_t prr_out_bytes = 0;
  std::uint32_t undo_cwnd_bytes = 0;
  std::uint32_t undo_ssthresh_bytes = 0;
  std::uint32_t undo_copies = 0;  // retransmissions not reported as duplicates
  SeqNum undo_from;
  Instant undo_resent_at = kNever;  // the first retransmission
  SeqNum reordering_round;
  SeqRange duplicate;  // arrived twice, to be reported (RFC 2883)

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
  Duration keepalive_idle{};
  Duration keepalive_interval{};
  std::uint32_t keepalive_probes = 0;
  std::uint32_t keepalive_unanswered = 0;
  std::uint32_t expiries = 0;  // of the retransmission or persist timer, in a row
  std::uint32_t retransmits = 0;
  std::uint32_t timeouts = 0;
  std::uint32_t fast_retransmits = 0;
  std::uint32_t loss_probes = 0;
  std::uint32_t undone = 0;  // reductions of the window taken back
  Instant challenge_window_start{};
  std::uint32_t challenge_count = 0;
  Instant invalid_ack_at{};
};

}  // namespace twinpath::tcp
