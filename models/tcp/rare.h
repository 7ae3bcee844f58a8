// What few connections ever need: made when first asked for, so that the others do not pay for it.
// Most do not lose anything, are not attacked and leave the times of keepalive to the
// configuration.
#pragma once

#include <cstdint>
#include <optional>

#include "models/base/time.h"
#include "models/wire/seq.h"

namespace twinpath::tcp {

struct Rare {
  Duration user_timeout{};            // TCP_USER_TIMEOUT (RFC 5482 §3.1's local limit); 0: none
  Instant unanswered_since = kNever;  // what waits for an answer longest, since then
  std::uint32_t notsent_lowat_bytes = 0;  // TCP_NOTSENT_LOWAT; 0: none
  // RFC 9293 §3.8.5, RFC 6093: both marks stand behind the last urgent octet.
  bool urgent_out = false;
  bool urgent_in = false;  // not yet read
  SeqNum snd_up;
  SeqNum rcv_up;

  std::uint8_t syn_retries = 0;    // TCP_SYNCNT; 0: the stack's
  std::uint8_t traffic_class = 0;  // IP_TOS; its ECN bits are TCP's own
  Duration fin_wait_2{};           // TCP_LINGER2; 0: the stack's

  // RFC 7413.
  bool fast_open_client = false;        // the first SYN asks for a cookie or shows one
  bool fast_open_child = false;         // the user's before the handshake was complete
  bool fast_open_grant = false;         // the SYN,ACK brings a cookie
  bool fast_open_experimental = false;  // in the form the peer used
  bool syn_data_acked = false;
  std::uint32_t syn_data_bytes = 0;  // sent with the SYN

  // RFC 9293 §3.8.4; nothing: as configured.
  std::optional<Duration> keepalive_idle;
  std::optional<Duration> keepalive_interval;
  std::optional<std::uint32_t> keepalive_probes;
  std::uint32_t keepalive_unanswered = 0;

  // Since the first loss. What it takes to undo the last reduction of the window: undo.cc.
  bool undo_armed = false;
  std::uint8_t reordering_steps = 1;  // RACK.reo_wnd_mult
  std::uint8_t reordering_keep = 0;   // RACK.reo_wnd_persist
  SeqNum reordering_round;
  Instant reduced_at{};  // when the window was last reduced for a loss
  std::uint32_t undo_cwnd_bytes = 0;
  std::uint32_t undo_ssthresh_bytes = 0;
  std::uint32_t undo_copies = 0;  // retransmissions not reported as duplicates
  SeqNum undo_from;
  Instant undo_resent_at = kNever;  // the first retransmission
  std::uint32_t retransmits = 0;
  std::uint32_t timeouts = 0;
  std::uint32_t fast_retransmits = 0;
  std::uint32_t loss_probes = 0;
  std::uint32_t undone = 0;  // reductions of the window taken back

  // Answers to what no peer in its right mind sends.
  bool invalid_ack_sent = false;
  Instant invalid_ack_at{};
  Instant challenge_window_start{};
  std::uint32_t challenge_count = 0;

  template <typename Visit>
  void visit(Visit&& visitor) {
    visitor(user_timeout), visitor(unanswered_since), visitor(notsent_lowat_bytes);
    visitor(urgent_out), visitor(urgent_in), visitor(snd_up), visitor(rcv_up);
    visitor(syn_retries), visitor(traffic_class), visitor(fin_wait_2);
    visitor(fast_open_client), visitor(fast_open_child), visitor(fast_open_grant);
    visitor(fast_open_experimental), visitor(syn_data_acked), visitor(syn_data_bytes);
    visitor(keepalive_unanswered);
    visitor(undo_armed), visitor(reordering_steps), visitor(reordering_keep);
    visitor(reordering_round), visitor(reduced_at), visitor(undo_cwnd_bytes);
    visitor(undo_ssthresh_bytes), visitor(undo_copies), visitor(undo_from);
    visitor(undo_resent_at), visitor(retransmits), visitor(timeouts), visitor(fast_retransmits);
    visitor(loss_probes), visitor(undone), visitor(invalid_ack_sent), visitor(invalid_ack_at);
    visitor(challenge_window_start), visitor(challenge_count);
  }
};

inline const Rare kNothingRare;

}  // namespace twinpath::tcp
