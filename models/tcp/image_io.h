// Values of a connection to and from bytes, little-endian, each at its own width. One list of
// fields (visit_tcb) serves both directions, so they cannot disagree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "models/base/time.h"
#include "models/tcp/connection.h"

namespace twinpath::tcp {

class ImageWriter {
 public:
  template <typename T>
  void operator()(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      (*this)(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_integral_v<T>) {
      const auto bits = static_cast<std::uint64_t>(value);
      for (std::size_t i = 0; i < sizeof(T); ++i) {
        bytes_.push_back(static_cast<std::byte>(bits >> (8 * i)));
      }
    } else if constexpr (std::is_same_v<T, Duration>) {
      (*this)(value.count());
    } else if constexpr (std::is_same_v<T, Instant>) {
      (*this)(to_ns(value));
    } else {
      (*this)(value.value());  // a number that wraps
    }
  }
  void append(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  // Room for `count` bytes to be filled in.
  std::span<std::byte> extend(std::size_t count) {
    bytes_.resize(bytes_.size() + count);
    return std::span(bytes_).last(count);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// Reads zeros once the bytes have run out, and says so.
class ImageReader {
 public:
  explicit ImageReader(std::span<const std::byte> bytes) : rest_(bytes) {}
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return rest_.empty() && !failed_; }

  template <typename T>
  void operator()(T& value) {
    if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(number<std::underlying_type_t<T>>());
    } else if constexpr (std::is_same_v<T, bool>) {
      value = number<std::uint8_t>() != 0;
    } else if constexpr (std::is_integral_v<T>) {
      value = number<T>();
    } else if constexpr (std::is_same_v<T, Duration>) {
      value = Duration(number<Duration::rep>());
    } else if constexpr (std::is_same_v<T, Instant>) {
      value = at_ns(number<std::int64_t>());
    } else {
      value = T(number<std::uint32_t>());
    }
  }
  std::span<const std::byte> take(std::size_t count) {
    if (count > rest_.size()) {
      failed_ = true;
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

 private:
  template <typename T>
  T number() {
    std::uint64_t bits = 0;
    const auto bytes = take(sizeof(T));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bits |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    }
    return static_cast<T>(bits);
  }

  std::span<const std::byte> rest_;
  bool failed_ = false;
};

// Whose the connection was.
enum class ImageKind : std::uint8_t { kHeld, kUnheld, kTimeWait };

// image.cc: everything of a connection behind version and kind.
void write_key(ImageWriter& writer, const FlowKey& key);
// Nothing when the bytes have run out, or somebody has these addresses and ports.
std::optional<FlowKey> read_free_key(ImageReader& reader, Core& core);
void write_connection(ImageWriter& writer, Connection& connection);
// Nothing, and nothing left behind, when the bytes make no connection.
Connection* read_connection(ImageReader& reader, Core& core, Instant now);

// Every value of a Tcb except what belongs to the stack it stands in (has_handle).
template <typename Visit>
void visit_tcb(Tcb& t, Visit& v) {
  v(t.state), v(t.due), v(t.dup_acks_due), v(t.recovery);
  v(t.snd_scale), v(t.rcv_scale), v(t.ts_ok), v(t.scale_ok), v(t.sack_ok), v(t.ecn_ok);
  v(t.ecn_echo), v(t.cwr_due), v(t.fin_queued), v(t.fin_seen), v(t.write_blocked);
  v(t.snd_una), v(t.snd_nxt), v(t.snd_end), v(t.snd_wl1), v(t.snd_wl2);
  v(t.snd_wnd), v(t.snd_wnd_max), v(t.mss_bytes);
  v(t.rcv_nxt), v(t.rcv_adv), v(t.last_ack_sent), v(t.rcv_mss_bytes);
  v(t.ts_recent), v(t.ts_offset), v(t.recover);
  v(t.send_small), v(t.nagle), v(t.pacing), v(t.cork), v(t.quick_acks);
  v(t.short_end), v(t.limited_until), v(t.ecn_until), v(t.round_end);
  v(t.last_sent_at), v(t.ts_recent_at);
  v(t.segments_in), v(t.segments_out), v(t.bytes_sent), v(t.bytes_acked), v(t.bytes_received);
  v(t.iss), v(t.irs), v(t.fin_seq), v(t.send_buffer_bytes), v(t.receive_buffer_bytes);
  v(t.send_buffer_max_bytes), v(t.receive_buffer_max_bytes);
  v(t.mss_limit_bytes), v(t.peer_mss_bytes), v(t.delayed_ack), v(t.keepalive);
  v(t.opened_passively), v(t.handshake_acked), v(t.handshake_retransmitted), v(t.receive_shut);
  v(t.error), v(t.soft_error);
}

template <typename Visit>
void visit_activity(ActivityValues& a, Visit& v) {
  v(a.rtx_purpose), v(a.loss_timer), v(a.force_retransmit), v(a.partial_ack_seen);
  v(a.probing), v(a.probe_is_copy), v(a.probe_acked), v(a.probe_end);
  v(a.unacked_bytes), v(a.dup_acks), v(a.dup_flight_bytes), v(a.expiries);
  v(a.duplicate.first), v(a.duplicate.end);
  v(a.rtx_deadline), v(a.ack_deadline), v(a.loss_deadline), v(a.life_deadline);
  v(a.keepalive_deadline), v(a.retry_deadline);
  v(a.prr_flight_bytes), v(a.prr_delivered_bytes), v(a.prr_out_bytes);
}

}  // namespace twinpath::tcp
