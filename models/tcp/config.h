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
enum class CongestionKind : std::uint8_t { kReno, kCubic, kDctcp, kBbr, kCustom };
inline constexpr std::array<const char*, 4> kCongestionNames = {"reno", "cubic", "dctcp", "bbr"};

enum class EcnMode : std::uint8_t { kOff, kAccept, kRequest };
inline constexpr std::array<const char*, 3> kEcnNames = {"off", "accept", "request"};

// RFC 4987: answer SYNs from nothing but themselves; kWhenFull once a queue is full.
enum class SynCookies : std::uint8_t { kOff, kWhenFull, kAlways };
inline constexpr std::array<const char*, 3> kSynCookiesNames = {"off", "when_full", "always"};

// RFC 7413: who may put data on a SYN; either way a user has to ask for it.
enum class FastOpenMode : std::uint8_t { kOff, kClient, kServer, kBoth };
inline constexpr std::array<const char*, 4> kFastOpenNames = {"off", "client", "server", "both"};

// kAuto paces where the congestion control asks for it: bbr does.
enum class PacingMode : std::uint8_t { kOff, kOn, kAuto };
inline constexpr std::array<const char*, 3> kPacingNames = {"off", "on", "auto"};

struct TcpConfig {
  // Segments and buffers.
  std::uint32_t mss_bytes = 1460;
  std::uint32_t initial_window_segments = 10;
  std::uint32_t send_buffer_bytes = 1U << 20;
  std::uint32_t receive_buffer_bytes = 1U << 20;
  std::uint32_t send_buffer_max_bytes = 0;
  std::uint32_t receive_buffer_max_bytes = 0;
  // Behaviour.
  CongestionKind congestion = CongestionKind::kCubic;
  Duration delayed_ack = std::chrono::milliseconds(40);
  std::uint32_t quick_acks = 0;
  bool nagle = true;
  bool minshall = false;
  bool timestamps = true;
  bool timestamps_required = false;
  bool window_scaling = true;
  bool sack = true;
  EcnMode ecn = EcnMode::kAccept;
  bool slow_start_after_idle = true;
  bool black_hole_detection = false;
  FastOpenMode fast_open = FastOpenMode::kBoth;
  PacingMode pacing = PacingMode::kAuto;
  // Time.
  Duration rto_initial = std::chrono::seconds(1);
  Duration rto_min = std::chrono::milliseconds(200);
  Duration rto_max = std::chrono::seconds(120);
  Duration msl = std::chrono::seconds(30);
  Duration fin_wait_2 = std::chrono::seconds(60);
  Duration user_timeout{};
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
  std::uint32_t half_open_max = 1U << 16;
  std::uint32_t accept_backlog_max = 4096;
  std::uint32_t connections_per_listener_max = 1U << 17;
  std::uint32_t time_wait_max = 1U << 17;
  SynCookies syn_cookies = SynCookies::kWhenFull;
  std::uint32_t fast_open_cache_max = 1024;
  bool accept_overflow_resets = false;
  bool time_wait_ignores_resets = false;
  std::uint32_t out_of_order_slices_max = 1U << 17;
  std::uint32_t out_of_order_bytes_max = 1U << 28;
  std::uint32_t replies_max = 256;
  std::uint32_t challenge_acks_max = 10;
  Duration challenge_ack_window = std::chrono::seconds(5);
  Duration invalid_ack_interval = std::chrono::milliseconds(500);
  std::uint32_t ephemeral_port_min = 32768;
  std::uint32_t ephemeral_port_max = 60999;
  // In place of RFC 6528's, for drivers of tests; nobody's choice for a network, so no field.
  std::optional<std::uint32_t> initial_sequence{};
  std::optional<std::uint32_t> initial_timestamp{};  // in place of RFC 7323 §7.1's, likewise
  // In place of `congestion`; code, so no field.
  std::optional<tcp::CustomCongestion> custom_congestion{};

  static constexpr auto fields();
  // Everything wrong, all at once.
  [[nodiscard]] std::vector<Problem> validate() const;
};

}  // namespace twinpath

#include "models/tcp/config_fields.h"
