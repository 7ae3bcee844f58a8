// The words of TCP's user interface (RFC 9293 §3.9.1): connections' names, states, calls' results.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "models/base/linux_errno.h"
#include "models/base/time.h"
#include "models/tcp/config.h"
#include "models/wire/address.h"
#include "models/wire/seq.h"

namespace twinpath {

struct TcpEndpointAddress {
  IpAddress address;
  std::uint16_t port = 0;
  friend bool operator==(const TcpEndpointAddress&, const TcpEndpointAddress&) = default;
};

// A handle stays harmless for ever: a reused index has another generation. Generation 0 is nobody.
struct TcpId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const TcpId&, const TcpId&) = default;
};
struct TcpListenerId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const TcpListenerId&, const TcpListenerId&) = default;
};

// RFC 9293 §3.3.2.
enum class TcpState : std::uint8_t {
  kClosed,
  kListen,
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
};
constexpr std::string_view name(TcpState state) {
  constexpr std::string_view kNames[] = {"CLOSED",      "LISTEN",     "SYN-SENT",   "SYN-RECEIVED",
                                         "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",
                                         "CLOSING",     "LAST-ACK",   "TIME-WAIT"};
  return kNames[static_cast<std::size_t>(state)];
}

// Readiness, as bits of a set.
inline constexpr std::uint32_t kTcpReadable = 1U << 0;     // data, end of stream or an error
inline constexpr std::uint32_t kTcpWritable = 1U << 1;     // a third of the send buffer is free
inline constexpr std::uint32_t kTcpHangup = 1U << 2;       // both directions are over
inline constexpr std::uint32_t kTcpError = 1U << 3;        // status().error says which
inline constexpr std::uint32_t kTcpEstablished = 1U << 4;  // connect() succeeded
inline constexpr std::uint32_t kTcpUrgent = 1U << 5;       // the peer's urgent mark moved

// Who hears about readiness. Called when the stack's own state is settled, at the end of
// on_segment() and of a timer; the calls of TcpStack are allowed from here.
class TcpUser {
 public:
  virtual ~TcpUser() = default;
  // Something may have become possible. Not called before accept() has returned the connection.
  virtual void on_tcp_ready(TcpId connection, std::uint32_t readiness) = 0;
  virtual void on_tcp_accept(TcpListenerId listener) = 0;
};

struct TcpListenResult {
  TcpListenerId id;
  Errno error = Errno::kNone;
};

struct TcpOpenResult {
  TcpId id;
  Errno error = Errno::kNone;
};

// What one connection may have different from the stack's TcpConfig.
struct TcpOpenOptions {
  std::optional<CongestionKind> congestion;
  std::optional<PacingMode> pacing;
  std::optional<std::uint32_t> send_buffer_bytes;
  std::optional<std::uint32_t> receive_buffer_bytes;  // before the handshake: scales the window
  std::optional<std::uint32_t> mss_bytes;             // lower only; before the handshake
  std::optional<bool> nagle;
  std::optional<bool> cork;       // only full segments leave, until it is taken off or 200 ms
  std::optional<bool> quick_ack;  // the next segments are acknowledged at once, or not any more
  std::optional<Duration> delayed_ack;
  std::optional<bool> keepalive;
  std::optional<Duration> keepalive_idle;
  std::optional<Duration> keepalive_interval;
  std::optional<std::uint32_t> keepalive_probes;
  bool fast_open = false;  // ask for a cookie, or show one with the data queued before the SYN left
  std::optional<Duration> user_timeout;              // 0: none (RFC 5482 §3.1, locally)
  std::optional<std::uint32_t> notsent_lowat_bytes;  // writable only below; 0: no such bound
  std::optional<std::uint8_t> syn_retries;
  std::optional<Duration> fin_wait_2;
  std::optional<std::uint8_t> traffic_class;  // of the IP header; the ECN bits do not count
};

// What one listener may have different.
struct TcpListenOptions {
  TcpOpenOptions inherited{};           // by every connection accepted
  std::uint32_t fast_open_backlog = 0;  // RFC 7413 §5.1: PendingFastOpenRequests at most; 0: none
  bool shared = false;   // SO_REUSEPORT: others that say so too may listen at the same place
  bool v6_only = false;  // "::" leaves IPv4 to others
  // TCP_DEFER_ACCEPT: that many SYN,ACKs are sent again before a connection without data counts.
  std::uint32_t defer_accept_retries = 0;
};

struct TcpStatus {
  TcpState state = TcpState::kClosed;
  Errno error = Errno::kNone;  // why the connection ended, or a soft error
  std::uint32_t readable_bytes = 0;
  std::uint32_t writable_bytes = 0;  // 0 once sending is shut
  std::uint32_t unsent_bytes = 0;    // accepted, not yet in any segment
  std::uint32_t unacked_bytes = 0;   // accepted, not yet acknowledged
  bool urgent = false;               // the peer's urgent mark is ahead of the reader,
  std::uint32_t urgent_bytes = 0;    // behind that many octets (RFC 6093)
  bool end_of_stream = false;        // the peer's FIN, and everything before it was received
  bool send_shut = false;
  bool opening = false;  // no data may pass yet, except on a SYN
};

struct TcpNames {
  TcpEndpointAddress local{};
  TcpEndpointAddress remote{};
};

// What loss recovery is doing, in the order of Linux's TCP_CA_* states.
enum class TcpRecovery : std::uint8_t { kOpen, kDisorder, kReduced, kRecovery, kLoss };

struct TcpInfo {
  TcpState state = TcpState::kClosed;
  CongestionKind congestion = CongestionKind::kCubic;
  std::uint32_t mss_bytes = 0;
  std::uint32_t cwnd_bytes = 0;
  std::uint32_t ssthresh_bytes = 0;
  std::uint32_t send_window_bytes = 0;
  std::uint32_t receive_window_bytes = 0;
  std::uint32_t in_flight_bytes = 0;
  Duration srtt{};
  Duration rttvar{};
  Duration rtt_min{};
  Duration rto{};
  std::uint32_t retransmits = 0;  // segments, over the connection's life
  std::uint32_t timeouts = 0;
  std::uint32_t fast_retransmits = 0;  // episodes
  std::uint32_t loss_probes = 0;       // RFC 8985 §7
  std::uint32_t undone = 0;            // reductions of the window that proved needless
  std::uint64_t bytes_sent = 0;        // payload, retransmissions included
  std::uint64_t bytes_acked = 0;
  std::uint64_t bytes_received = 0;  // delivered in order
  std::uint64_t segments_in = 0;
  std::uint64_t segments_out = 0;
  bool syn_data_acked = false;             // data went with the SYN and was taken (RFC 7413)
  std::uint64_t pacing_bytes_per_s = 0;    // 0: not paced
  std::uint64_t delivery_bytes_per_s = 0;  // measured where the control asks for it
  bool app_limited = false;                // while that was measured
  bool timestamps = false;
  bool sack = false;
  bool window_scaling = false;
  bool ecn = false;
  std::uint8_t send_scale = 0;
  std::uint8_t receive_scale = 0;
  TcpRecovery recovery = TcpRecovery::kOpen;
  std::uint32_t segments_unacked = 0;  // sent, not acknowledged; of those
  std::uint32_t segments_sacked = 0;   // arrived out of order,
  std::uint32_t segments_lost = 0;     // thought lost,
  std::uint32_t segments_resent = 0;   // thought lost and on their way again
  std::uint32_t expiries = 0;          // of the retransmission timer, in a row
  std::uint32_t receive_mss_bytes = 0;
  std::uint32_t unsent_bytes = 0;
};

// Where a segment came from.
struct TcpArrival {
  IpAddress source;
  IpAddress target;
  std::uint8_t traffic_class = 0;  // DSCP and ECN, as in the IP header
};

enum class TcpIcmpKind : std::uint8_t { kUnreachable, kRefused, kTooBig, kTimeExceeded };

// An ICMP error about a segment of ours, with what it quotes of that segment's header.
struct TcpIcmpError {
  TcpIcmpKind kind = TcpIcmpKind::kUnreachable;
  Errno error = Errno::kHostUnreachable;  // what the user would see
  TcpEndpointAddress local;
  TcpEndpointAddress remote;
  SeqNum seq;
  std::uint32_t mtu_bytes = 0;  // kTooBig only
};

}  // namespace twinpath
