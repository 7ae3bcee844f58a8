// Delivery rate by acknowledgements.
#include "models/tcp/delivery_rate.h"

#include <algorithm>

namespace twinpath::tcp {

// §3.2: after silence the interval begins with what leaves first.
void DeliveryRate::push(Instant now, bool alone) {
  if (alone) first_sent_at_ = delivered_at_ = now;
  marks_.push_back(now_known());
}

// §3.3: of all that an acknowledgement covers, the segment sent last says most.
void DeliveryRate::on_arrived(const Arrived& arrived) {
  delivered_ += arrived.bytes;
  delivered_at_ = arrived.now;
  if (has_newest_ && arrived.sent_at < newest_sent_at_) return;
  has_newest_ = true;
  newest_ = marks_[arrived.index];
  newest_sent_at_ = arrived.sent_at;
}

RateSample DeliveryRate::sample(Duration rtt_min) {
  constexpr std::uint64_t kNsPerS = 1'000'000'000;
  RateSample sample;
  if (app_limited_until_ > 0 && delivered_ > app_limited_until_) app_limited_until_ = 0;
  if (!has_newest_) return sample;
  has_newest_ = false;
  sample.has_arrivals = true;
  sample.prior_delivered = newest_.delivered;
  sample.is_app_limited = newest_.is_app_limited;
  const Duration send = newest_sent_at_ - newest_.first_sent_at;
  const Duration heard = delivered_at_ - newest_.delivered_at;
  first_sent_at_ = newest_sent_at_;
  const Duration interval = std::max(send, heard);
  if (interval < rtt_min || interval <= Duration::zero()) return sample;
  // At most a window of 2^30 octets arrives in an interval: the product is below 2^61.
  const std::uint64_t bytes = delivered_ - newest_.delivered;
  sample.bytes_per_s = bytes * kNsPerS / static_cast<std::uint64_t>(interval.count());
  latest_bytes_per_s_ = sample.bytes_per_s;
  return sample;
}

}  // namespace twinpath::tcp
