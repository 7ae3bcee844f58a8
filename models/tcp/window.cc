// The receive window: what is advertised never shrinks, and grows only by useful steps. Read
// RFC 9293 §3.8.6.2.2 and RFC 7323 §2.3.
#include <algorithm>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

constexpr std::uint32_t kWindowFieldMax = 65535;

std::uint32_t free_bytes(const Connection& connection) {
  const std::uint32_t readable = connection.active->receive_queue.bytes();
  const std::uint32_t buffer = connection.receive_buffer_bytes;
  return readable >= buffer ? 0 : buffer - readable;
}

// By how much the right edge could move, as far as the field can express it.
std::uint32_t possible_growth(const Connection& connection) {
  const std::uint32_t free =
      std::min(free_bytes(connection), kWindowFieldMax << connection.rcv_scale);
  const std::uint32_t offered = connection.receive_window();
  return free > offered ? free - offered : 0;
}

}  // namespace

void tune_receive(Connection& connection, Instant now) {
  connection.receive_buffer_bytes = connection.receive_tuner.size_for(
      {.now = now,
       .read_bytes = connection.bytes_received - connection.active->receive_queue.bytes(),
       .rtt = connection.rtt.srtt(),
       .buffer_bytes = connection.receive_buffer_bytes,
       .buffer_max_bytes = connection.receive_buffer_max_bytes,
       .mss_bytes = connection.rcv_mss_bytes});
}

std::uint16_t advertise_window(Connection& connection, std::uint8_t scale) {
  const std::uint32_t offered = connection.receive_window();
  const std::uint32_t growth = possible_growth(connection);
  // RFC 9293 §3.8.6.2.2: not by less than half the buffer or one segment.
  const bool grows =
      growth >= std::min(connection.receive_buffer_bytes / 2, connection.mss_limit_bytes);
  std::uint32_t field = (grows ? offered + growth : offered) >> scale;
  // Rounding down must not pull the edge back (RFC 9293 §3.8.6.2.1, SHLD-14).
  if (field << scale < offered) field = (offered + (1U << scale) - 1) >> scale;
  field = std::min(field, kWindowFieldMax);
  connection.rcv_adv = later(connection.rcv_adv, connection.rcv_nxt + (field << scale));
  return static_cast<std::uint16_t>(field);
}

// A segment of its own only for a step the sender can use: two segments and a quarter of the
// buffer, half of it, or a window that was (nearly) shut.
bool should_update_window(const Connection& connection) {
  if (connection.state < TcpState::kEstablished || connection.state > TcpState::kFinWait2) {
    return false;
  }
  const std::uint32_t buffer = connection.receive_buffer_bytes;
  const std::uint32_t growth = possible_growth(connection);
  const std::uint32_t segment = std::min(connection.mss_limit_bytes, buffer / 2);
  if (growth >= buffer / 2) return true;
  const bool nearly_shut = connection.receive_window() < std::max(buffer / 8, segment);
  return growth >= 2 * segment && (nearly_shut || growth >= buffer / 4);
}

}  // namespace twinpath::tcp
