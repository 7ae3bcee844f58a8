// See live_port.h.
#include "sim/live_port.h"

#include <algorithm>

#include "sim/sim_time.h"

namespace twinpath::sim {

void LivePort::advance(Instant now) {
  if (now <= advanced_) return;
  advanced_ = now;
  outside_.advance(now);
}

bool LivePort::poll(Instant now) {
  advance(now);
  bursts_left_ = kBurstsPerLook;
  if (owner_ == nullptr) return false;
  const bool fetched = begin_ == end_;
  if (fetched) {
    begin_ = 0;
    end_ = outside_.port().rx_burst(waiting_);
  }
  if (begin_ == end_) {
    owner_->frames_at(outside_.next_deadline());
    return false;
  }
  if (fetched) owner_->frames_at(now);
  return fetched;
}

Instant LivePort::next_arrival() const {
  if (begin_ != end_) return sim_now();
  return bursts_left_ > 0 ? outside_.next_deadline() : kNever;
}

std::size_t LivePort::rx_burst(std::span<BufPtr> out) {
  advance(sim_now());
  const std::size_t kept = std::min(out.size(), end_ - begin_);
  std::move(waiting_.begin() + begin_, waiting_.begin() + begin_ + kept, out.begin());
  begin_ += kept;
  if (kept == out.size() || bursts_left_ == 0) return kept;
  --bursts_left_;
  return kept + outside_.port().rx_burst(out.subspan(kept));
}

std::size_t LivePort::tx_burst(std::span<BufPtr> frames) {
  advance(sim_now());
  return outside_.port().tx_burst(frames);
}

}  // namespace twinpath::sim
