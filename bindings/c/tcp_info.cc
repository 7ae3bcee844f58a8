// From the stack's bytes and nanoseconds to Linux's segments and microseconds.
#include "bindings/c/tcp_info.h"

#include <algorithm>
#include <array>

namespace twinpath::bind {
namespace {

std::uint8_t linux_state(TcpState state) {
  // By TcpState.
  constexpr std::array<std::uint8_t, 11> kStates = {7, 10, 2, 3, 1, 4, 5, 8, 11, 9, 6};
  return kStates[static_cast<std::size_t>(state)];
}

std::uint32_t us(Duration time) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

// A threshold that was never set is Linux's TCP_INFINITE_SSTHRESH.
std::uint32_t segments(const TcpInfo& info, std::uint32_t TcpInfo::*bytes) {
  constexpr std::uint32_t kInfinite = 0x7fffffff;
  if (info.*bytes >= kInfinite) return kInfinite;
  return info.*bytes / std::max(info.mss_bytes, 1U);
}

}  // namespace

tcp_info linux_tcp_info(const TcpInfo& info) {
  tcp_info out{};
  out.tcpi_state = linux_state(info.state);
  out.tcpi_options = static_cast<std::uint8_t>(
      (info.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (info.sack ? TCPI_OPT_SACK : 0) |
      (info.window_scaling ? TCPI_OPT_WSCALE : 0) | (info.ecn ? TCPI_OPT_ECN : 0) |
      (info.syn_data_acked ? TCPI_OPT_SYN_DATA : 0));
  out.tcpi_rto = us(info.rto);
  out.tcpi_snd_mss = info.mss_bytes;
  out.tcpi_unacked = info.segments_unacked;
  out.tcpi_sacked = info.segments_sacked;
  out.tcpi_lost = info.segments_lost;
  out.tcpi_retrans = info.segments_resent;
  out.tcpi_ca_state = static_cast<std::uint8_t>(info.recovery);
  out.tcpi_retransmits = out.tcpi_backoff =
      static_cast<std::uint8_t>(std::min(info.expiries, 255U));
  out.tcpi_snd_wscale = info.send_scale & 0xf;
  out.tcpi_rcv_wscale = info.receive_scale & 0xf;
  out.tcpi_rcv_mss = info.receive_mss_bytes;
  out.tcpi_notsent_bytes = info.unsent_bytes;
  // Unpaced is Linux's ~0.
  out.tcpi_pacing_rate = info.pacing_bytes_per_s == 0 ? ~0ULL : info.pacing_bytes_per_s;
  out.tcpi_delivery_rate = info.delivery_bytes_per_s;
  out.tcpi_delivery_rate_app_limited = info.app_limited ? 1 : 0;
  out.tcpi_rtt = us(info.srtt);
  out.tcpi_rttvar = us(info.rttvar);
  out.tcpi_min_rtt = us(info.rtt_min);
  out.tcpi_snd_ssthresh = segments(info, &TcpInfo::ssthresh_bytes);
  out.tcpi_snd_cwnd = segments(info, &TcpInfo::cwnd_bytes);
  out.tcpi_advmss = info.mss_bytes;
  out.tcpi_total_retrans = info.retransmits;
  out.tcpi_bytes_acked = info.bytes_acked;
  out.tcpi_bytes_received = info.bytes_received;
  out.tcpi_bytes_sent = info.bytes_sent;
  out.tcpi_segs_in = static_cast<std::uint32_t>(info.segments_in);
  out.tcpi_segs_out = static_cast<std::uint32_t>(info.segments_out);
  out.tcpi_snd_wnd = info.send_window_bytes;
  return out;
}

}  // namespace twinpath::bind
