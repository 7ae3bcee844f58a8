// Every knob of a TCP endpoint, described once. Defaults are those of today's Internet hosts; a
// departure from an RFC's default is named at its field. Read RFC 9293 §3.8 and RFC 6298 §2 first.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/base/field.h"
#include "models/base/time.h"
#include "models/tcp/custom_congestion.h"

namespace twinpath {

// kCustom has no name: it comes as TcpConfig::custom_congestion.
enum class CongestionKind : std::uint8_t { kReno, kCubic, kDctcp, kCustom };
inline constexpr std::array<const char*, 3> kCongestionNames = {"reno", "cubic", "dctcp"};

enum class EcnMode : std::uint8_t { kOff, kAccept, kRequest };
inline constexpr std::array<const char*, 3> kEcnNames = {"off", "accept", "request"};

struct TcpConfig {
  // Segments and buffers.
  std::uint32_t mss_bytes = 1460;
  std::uint32_t initial_window_segments = 10;
  std::uint32_t send_buffer_bytes = 1U << 20;
  std::uint32_t receive_buffer_bytes = 1U << 20;
  // Behaviour.
  CongestionKind congestion = CongestionKind::kCubic;
  Duration delayed_ack = std::chrono::milliseconds(40);
  bool nagle = true;
  bool timestamps = true;
  bool window_scaling = true;
  bool sack = true;
  EcnMode ecn = EcnMode::kAccept;
  bool slow_start_after_idle = true;
  // Time.
  Duration rto_initial = std::chrono::seconds(1);
  Duration rto_min = std::chrono::milliseconds(200);
  Duration rto_max = std::chrono::seconds(120);
  Duration msl = std::chrono::seconds(30);
  Duration fin_wait_2 = std::chrono::seconds(60);
  Duration keepalive_idle = std::chrono::hours(2);
  Duration keepalive_interval = std::chrono::seconds(75);
  bool keepalive = false;
  // Patience.
  std::uint32_t keepalive_probes = 9;
  std::uint32_t syn_retries = 6;
  std::uint32_t syn_ack_retries = 5;
  std::uint32_t retries2 = 15;
  // Limits.
  std::uint32_t connections_max = 1U << 17;
  std::uint32_t listeners_max = 1024;
  std::uint32_t syn_backlog_max = 1024;
  std::uint32_t accept_backlog_max = 4096;
  std::uint32_t out_of_order_slices_max = 16384;
  std::uint32_t replies_max = 256;
  std::uint32_t challenge_acks_max = 10;
  Duration challenge_ack_window = std::chrono::seconds(5);
  Duration invalid_ack_interval = std::chrono::milliseconds(500);
  std::uint32_t ephemeral_port_min = 32768;
  std::uint32_t ephemeral_port_max = 60999;
  // In place of RFC 6528's, for drivers of tests; nobody's choice for a network, so no field.
  std::optional<std::uint32_t> initial_sequence{};
  // In place of `congestion`; code, so no field.
  std::optional<tcp::CustomCongestion> custom_congestion{};

  static constexpr auto fields();
  // Everything wrong, all at once.
  [[nodiscard]] std::vector<Problem> validate() const;
};

constexpr auto TcpConfig::fields() {
  using C = TcpConfig;
  constexpr Limits kTime{.unit = "ns", .min = 0, .max = 1e15};
  constexpr Limits kBuffer{.unit = "bytes", .min = 2048, .max = 1073725440};  // 65535 << 14
  constexpr Limits kLiveBuffer{.unit = "bytes", .min = 2048, .max = 1073725440, .live = true};
  constexpr Limits kLiveTime{.unit = "ns", .min = 0, .max = 1e15, .live = true};
  constexpr Limits kCount{.min = 1, .max = 1 << 24};
  constexpr Limits kRetries{.min = 0, .max = 255};
  constexpr Limits kPort{.min = 1, .max = 65535};
  return std::tuple(
      Field{"mss_bytes", "largest payload of a segment we offer and use, options included",
            &C::mss_bytes, Limits{.unit = "bytes", .min = 88, .max = 65495}},
      Field{"initial_window_segments", "RFC 6928 §2", &C::initial_window_segments,
            Limits{.unit = "segments", .min = 1, .max = 1000, .live = true}},
      Field{"send_buffer_bytes", "unacknowledged and unsent data kept", &C::send_buffer_bytes,
            kLiveBuffer},
      Field{"receive_buffer_bytes", "what the window offers", &C::receive_buffer_bytes, kBuffer},
      Field{"congestion", "congestion control; dctcp wants ecn = request", &C::congestion,
            Limits{.choices = kCongestionNames, .live = true}},
      Field{"delayed_ack", "longest wait before data is acknowledged; 0 = at once", &C::delayed_ack,
            Limits{.unit = "ns", .min = 0, .max = 499999999, .live = true}},
      Field{"nagle", "hold back small segments while data is in flight", &C::nagle,
            Limits{.max = 1, .live = true}},
      Field{"timestamps", "offer and accept RFC 7323 timestamps", &C::timestamps},
      Field{"window_scaling", "offer and accept RFC 7323 window scaling", &C::window_scaling},
      Field{"sack", "permit the peer selective acknowledgements, and send them", &C::sack},
      Field{"ecn", "explicit congestion notification", &C::ecn, Limits{.choices = kEcnNames}},
      Field{"slow_start_after_idle", "shrink the window after an RTO of silence (RFC 5681 §4.1)",
            &C::slow_start_after_idle, Limits{.max = 1, .live = true}},
      Field{"rto_initial", "before the first round-trip sample (RFC 6298 §2.1)", &C::rto_initial,
            kTime},
      Field{"rto_min", "RFC 6298 §2.4 asks for 1 s; hosts use 200 ms", &C::rto_min, kLiveTime},
      Field{"rto_max", "RFC 6298 §2.5", &C::rto_max, kLiveTime},
      Field{"msl", "half the stay in TIME-WAIT; RFC 9293 §3.4.2 asks for 2 min", &C::msl, kTime},
      Field{"fin_wait_2", "longest wait for the peer's FIN once nobody reads", &C::fin_wait_2,
            kTime},
      Field{"keepalive_idle", "silence before the first probe (RFC 9293 §3.8.4)",
            &C::keepalive_idle, kTime},
      Field{"keepalive_interval", "between probes", &C::keepalive_interval, kTime},
      Field{"keepalive", "probe silent peers", &C::keepalive},
      Field{"keepalive_probes", "unanswered probes before giving up", &C::keepalive_probes,
            kRetries},
      Field{"syn_retries", "retransmissions of a SYN before giving up", &C::syn_retries, kRetries},
      Field{"syn_ack_retries", "retransmissions of a SYN,ACK", &C::syn_ack_retries, kRetries},
      Field{"retries2", "retransmissions of data before giving up (RFC 9293 §3.8.3, R2)",
            &C::retries2, kRetries},
      Field{"connections_max", "connections of one stack, those in TIME-WAIT included",
            &C::connections_max, kCount},
      Field{"listeners_max", "listening ports of one stack", &C::listeners_max, kCount},
      Field{"syn_backlog_max", "half-open connections of one listener", &C::syn_backlog_max,
            kCount},
      Field{"accept_backlog_max", "connections waiting for accept(); caps listen()'s backlog",
            &C::accept_backlog_max, kCount},
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

}  // namespace twinpath
