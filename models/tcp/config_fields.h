// TcpConfig's knobs as fields: name, help, unit, range. Part of config.h, which includes it.
#pragma once

#include <tuple>

#include "models/tcp/config.h"

namespace twinpath {
namespace tcp_fields {

// Segments, buffers, what is offered.
constexpr auto behaviour() {
  using C = TcpConfig;
  constexpr Limits kBuffer{.unit = "bytes", .min = 2048, .max = 1073725440};  // 65535 << 14
  constexpr Limits kTuned{.unit = "bytes", .min = 0, .max = 1073725440};
  constexpr Limits kLiveBuffer{.unit = "bytes", .min = 2048, .max = 1073725440, .live = true};
  return std::tuple(
      Field{"mss_bytes", "largest payload of a segment we offer and use, options included",
            &C::mss_bytes, Limits{.unit = "bytes", .min = 88, .max = 65495}},
      Field{"initial_window_segments", "RFC 6928 §2", &C::initial_window_segments,
            Limits{.unit = "segments", .min = 1, .max = 1000, .live = true}},
      Field{"send_buffer_bytes", "unacknowledged and unsent data kept", &C::send_buffer_bytes,
            kLiveBuffer},
      Field{"receive_buffer_bytes", "what the window offers", &C::receive_buffer_bytes, kBuffer},
      Field{"send_buffer_max_bytes",
            "the send buffer grows to twice the congestion window, to this at most; 0: it does not",
            &C::send_buffer_max_bytes, kTuned},
      Field{"receive_buffer_max_bytes",
            "the receive buffer grows to twice what is read in a round trip, to this at most; "
            "0: it does not",
            &C::receive_buffer_max_bytes, kTuned},
      Field{"congestion", "congestion control; dctcp wants ecn = request", &C::congestion,
            Limits{.choices = kCongestionNames, .live = true}},
      Field{"delayed_ack", "longest wait before data is acknowledged; 0 = at once", &C::delayed_ack,
            Limits{.unit = "ns", .min = 0, .max = 499999999, .live = true}},
      Field{"quick_acks",
            "segments acknowledged at once at the start and after an RTO of silence; Linux: 16",
            &C::quick_acks, Limits{.unit = "segments", .min = 0, .max = 255, .live = true}},
      Field{"nagle", "hold back small segments while data is in flight", &C::nagle,
            Limits{.max = 1, .live = true}},
      Field{"minshall", "with nagle: only while a small segment is in flight", &C::minshall,
            Limits{.max = 1, .live = true}},
      Field{"timestamps", "offer and accept RFC 7323 timestamps", &C::timestamps},
      Field{"timestamps_required",
            "drop segments without timestamps once they are agreed (RFC 7323 §3.2); Linux does not",
            &C::timestamps_required, Limits{.max = 1, .live = true}},
      Field{"window_scaling", "offer and accept RFC 7323 window scaling", &C::window_scaling},
      Field{"sack", "permit the peer selective acknowledgements, and send them", &C::sack},
      Field{"ecn", "explicit congestion notification", &C::ecn, Limits{.choices = kEcnNames}},
      Field{"fast_open", "data on SYNs for users who ask for it (RFC 7413)", &C::fast_open,
            Limits{.choices = kFastOpenNames}},
      Field{"slow_start_after_idle", "shrink the window after an RTO of silence (RFC 5681 §4.1)",
            &C::slow_start_after_idle, Limits{.max = 1, .live = true}},
      Field{"pacing", "spread segments over the round trip; auto: if the control asks for it",
            &C::pacing, Limits{.choices = kPacingNames, .live = true}});
}

// Times and how often.
constexpr auto patience() {
  using C = TcpConfig;
  constexpr Limits kTime{.unit = "ns", .min = 0, .max = 1e15};
  constexpr Limits kLiveTime{.unit = "ns", .min = 0, .max = 1e15, .live = true};
  constexpr Limits kRetries{.min = 0, .max = 255};
  return std::tuple(
      Field{"rto_initial", "before the first round-trip sample (RFC 6298 §2.1)", &C::rto_initial,
            kTime},
      Field{"rto_min", "RFC 6298 §2.4 asks for 1 s; hosts use 200 ms", &C::rto_min, kLiveTime},
      Field{"rto_max", "RFC 6298 §2.5", &C::rto_max, kLiveTime},
      Field{"msl", "half the stay in TIME-WAIT; RFC 9293 §3.4.2 asks for 2 min", &C::msl, kTime},
      Field{"fin_wait_2", "longest wait for the peer's FIN once nobody reads", &C::fin_wait_2,
            kTime},
      Field{"user_timeout",
            "longest time data stays unacknowledged (RFC 5482); 0 = retries2 decides",
            &C::user_timeout, kTime},
      Field{"black_hole_detection", "smaller segments after full ones timed out (RFC 4821 §7.7)",
            &C::black_hole_detection},
      Field{"keepalive_idle", "silence before the first probe (RFC 9293 §3.8.4)",
            &C::keepalive_idle, kTime},
      Field{"keepalive_interval", "between probes", &C::keepalive_interval, kTime},
      Field{"keepalive", "probe silent peers", &C::keepalive},
      Field{"keepalive_probes", "unanswered probes before giving up", &C::keepalive_probes,
            kRetries},
      Field{"syn_retries", "retransmissions of a SYN before giving up", &C::syn_retries, kRetries},
      Field{"syn_ack_retries", "retransmissions of a SYN,ACK", &C::syn_ack_retries, kRetries},
      Field{"retries2", "retransmissions of data before giving up (RFC 9293 §3.8.3, R2)",
            &C::retries2, kRetries});
}

// What anybody may cost.
constexpr auto limits() {
  using C = TcpConfig;
  constexpr Limits kTime{.unit = "ns", .min = 0, .max = 1e15};
  constexpr Limits kCount{.min = 1, .max = 1 << 24};
  constexpr Limits kPort{.min = 1, .max = 65535};
  return std::tuple(
      Field{"connections_max", "connections of one stack, those in TIME-WAIT included",
            &C::connections_max, kCount},
      Field{"listeners_max", "listening ports of one stack", &C::listeners_max, kCount},
      Field{"syn_backlog_max", "half-open connections of one listener", &C::syn_backlog_max,
            kCount},
      Field{"accept_backlog_max", "connections waiting for accept(); caps listen()'s backlog",
            &C::accept_backlog_max, kCount},
      Field{"half_open_max", "half-open connections of all listeners", &C::half_open_max, kCount},
      Field{"connections_per_listener_max", "connections one listener may have, TIME-WAIT excluded",
            &C::connections_per_listener_max, kCount},
      Field{"time_wait_max", "connections in TIME-WAIT; the oldest makes room", &C::time_wait_max,
            kCount},
      Field{"syn_cookies", "answers to SYNs that need no memory (RFC 4987)", &C::syn_cookies,
            Limits{.choices = kSynCookiesNames}},
      Field{"fast_open_cache_max", "servers whose Fast Open cookies are remembered",
            &C::fast_open_cache_max, kCount},
      Field{"accept_overflow_resets",
            "reset, instead of keep waiting, connections the accept queue has no room for",
            &C::accept_overflow_resets},
      Field{"time_wait_ignores_resets", "RFC 1337 §3, fix F1", &C::time_wait_ignores_resets},
      Field{"out_of_order_bytes_max", "storage held beyond holes, of all connections",
            &C::out_of_order_bytes_max, Limits{.unit = "bytes", .min = 65536, .max = 4294967295.0}},
      Field{"out_of_order_slices_max", "pieces held beyond a hole, per connection",
            &C::out_of_order_slices_max, kCount},
      Field{"replies_max", "queued segments that belong to no connection", &C::replies_max, kCount},
      Field{"challenge_acks_max", "per connection and window of time (RFC 5961 §7)",
            &C::challenge_acks_max, kCount},
      Field{"challenge_ack_window", "the window of time", &C::challenge_ack_window, kTime},
      Field{"invalid_ack_interval", "between answers to unacceptable segments without data",
            &C::invalid_ack_interval, kTime},
      Field{"ephemeral_port_min", "first port connect() chooses from", &C::ephemeral_port_min,
            kPort},
      Field{"ephemeral_port_max", "last port connect() chooses from", &C::ephemeral_port_max,
            kPort});
}

}  // namespace tcp_fields

constexpr auto TcpConfig::fields() {
  return std::tuple_cat(tcp_fields::behaviour(), tcp_fields::patience(), tcp_fields::limits());
}

}  // namespace twinpath
