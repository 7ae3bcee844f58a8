// How fast the path delivers, measured by acknowledgements: between the sending of a segment and
// its arrival, how much else arrived. The interval is the longer of the time it took to send that
// and the time it took to hear of it, so neither bursts nor acknowledgements that come in heaps can
// make a path look faster than it is. Read draft-cheng-iccrg-delivery-rate-estimation §3.
//
// It notes what was known when each segment left, so it stands beside the list of what was sent
// (sent_list.h), and only where a control asks for it.
#pragma once

#include <cstdint>

#include "models/base/time.h"
#include "models/tcp/ring_deque.h"

namespace twinpath::tcp {

// What one acknowledgement showed.
struct RateSample {
  std::uint64_t bytes_per_s = 0;      // 0: nothing can be told
  std::uint64_t prior_delivered = 0;  // octets delivered when the newest of what arrived left
  bool is_app_limited = false;        // there was not enough to send: the path may be faster
  bool has_arrivals = false;
};

class DeliveryRate {
 public:
  // A segment leaves for the first time, behind all others; `alone`: nothing else is out.
  void push(Instant now, bool alone);
  // The one at `index` leaves again.
  void resend(std::uint32_t index) { marks_[index] = now_known(); }
  // It becomes two.
  void split(std::uint32_t index) { marks_.insert(index + 1, marks_[index]); }
  void pop_front() { marks_.pop_front(); }
  void clear() { marks_.clear(); }

  struct Arrived {
    std::uint32_t index;
    std::uint32_t bytes;
    Instant sent_at;
    Instant now;
  };
  // The segment at `index` has arrived, for the first time.
  void on_arrived(const Arrived& arrived);
  // A part of one; the rest is still out.
  void on_part_arrived(std::uint32_t bytes) { delivered_ += bytes; }

  // What has arrived since the last call. An interval shorter than any round trip tells nothing: it
  // is one of something sent twice.
  RateSample sample(Duration rtt_min);
  // All there was to send is out, and there was room for more.
  void mark_app_limited(std::uint32_t pipe_bytes) {
    app_limited_until_ = delivered_ + pipe_bytes > 0 ? delivered_ + pipe_bytes : 1;
  }
  [[nodiscard]] bool is_app_limited() const { return app_limited_until_ > 0; }
  // Octets known to have arrived, ever.
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
  // The latest that could be told, for whoever watches.
  [[nodiscard]] std::uint64_t latest_bytes_per_s() const { return latest_bytes_per_s_; }

  // Of a list that holds as many segments on either side.
  template <typename Visit>
  void visit(Visit&& visitor) {
    visitor(delivered_), visitor(app_limited_until_), visitor(latest_bytes_per_s_);
    visitor(delivered_at_), visitor(first_sent_at_);
    for (std::uint32_t index = 0; index < marks_.size(); ++index) marks_[index].visit(visitor);
  }

 private:
  // What was known when a segment left.
  struct Mark {
    std::uint64_t delivered = 0;
    Instant delivered_at{};
    Instant first_sent_at{};
    bool is_app_limited = false;

    template <typename Visit>
    void visit(Visit&& visitor) {
      visitor(delivered), visitor(delivered_at), visitor(first_sent_at), visitor(is_app_limited);
    }
  };
  [[nodiscard]] Mark now_known() const {
    return {delivered_, delivered_at_, first_sent_at_, is_app_limited()};
  }

  RingDeque<Mark> marks_;  // one per segment of the list
  std::uint64_t delivered_ = 0;
  std::uint64_t app_limited_until_ = 0;  // delivered; 0: the sender is not
  std::uint64_t latest_bytes_per_s_ = 0;
  Instant delivered_at_{};
  Instant first_sent_at_{};  // the segment at the start of the current sampling interval
  // Of this acknowledgement: the newest segment that arrived.
  Mark newest_;
  Instant newest_sent_at_{};
  bool has_newest_ = false;
};

}  // namespace twinpath::tcp
