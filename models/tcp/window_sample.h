// What congestion control is told and what it decides, as plain values.
#pragma once

#include <cstdint>
#include <optional>

#include "models/base/time.h"
#include "models/wire/seq.h"

namespace twinpath::tcp {

struct CongestionWindow {
  std::uint32_t cwnd_bytes = 0;
  std::uint32_t ssthresh_bytes = kSsthreshInitial;
  std::uint32_t mss_bytes = 0;

  // RFC 5681 §3.1: arbitrarily high at first. Also the largest window RFC 7323 §2.3 can express.
  static constexpr std::uint32_t kSsthreshInitial = 1U << 30;
  static constexpr std::uint32_t kCwndMax = 1U << 30;
};

struct AckSample {
  Instant now;
  std::uint32_t acked_bytes = 0;
  Duration srtt{};
  // Whether the window, not the application, bounded what was sent (RFC 7661 §1). A window nobody
  // used is not enlarged.
  bool window_limited = true;
  std::optional<Duration> rtt{};  // of what was acknowledged
  SeqNum acked_to{};              // SND.UNA
  SeqNum sent_to{};               // SND.NXT: where a round trip that begins now ends
  bool marked = false;            // the peer saw congestion experienced (ECE)
};

// Every acknowledgement, for controls that model the path.
struct DeliverySample {
  Instant now;
  std::uint64_t delivered = 0;        // octets, ever
  std::uint64_t prior_delivered = 0;  // when the newest of what arrived had left
  std::uint64_t bytes_per_s = 0;      // 0: nothing can be told
  std::uint32_t newly_delivered_bytes = 0;
  std::uint32_t newly_lost_bytes = 0;
  std::uint32_t pipe_bytes = 0;  // travelling still
  std::optional<Duration> rtt{};
  Duration srtt{};
  SeqNum acked_to{};
  bool has_arrivals = false;
  bool is_app_limited = false;
  bool is_recovering = false;  // from losses, a time-out included
  bool is_after_timeout = false;
};

struct LossSample {
  Instant now;
  std::uint32_t flight_bytes = 0;  // RFC 5681 §2
};

}  // namespace twinpath::tcp
