// What few connections ever need: made when first asked for, so that the others do not pay for it.
#pragma once

#include <cstdint>

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

  template <typename Visit>
  void visit(Visit&& visitor) {
    visitor(user_timeout), visitor(unanswered_since), visitor(notsent_lowat_bytes);
    visitor(urgent_out), visitor(urgent_in), visitor(snd_up), visitor(rcv_up);
    visitor(syn_retries), visitor(traffic_class), visitor(fin_wait_2);
    visitor(fast_open_client), visitor(fast_open_child), visitor(fast_open_grant);
    visitor(fast_open_experimental), visitor(syn_data_acked), visitor(syn_data_bytes);
  }
};

}  // namespace twinpath::tcp
