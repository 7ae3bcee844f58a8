// Echo with a delay: one queue that waits for the clock, one per port that waits for room.
#include "models/host/echo_host.h"

#include <algorithm>
#include <utility>

namespace twinpath {

namespace {

constexpr std::size_t kMacLen = 6;  // IEEE 802.3 §3.2.3: destination, then source

void swap_addresses(std::span<std::byte> frame) {
  std::swap_ranges(frame.begin(), frame.begin() + kMacLen, frame.begin() + kMacLen);
}

}  // namespace

void EchoHost::on_rx(Instant now, PortId port, std::span<BufPtr> frames) {
  for (BufPtr& frame : frames) accept(now, port, std::move(frame));
}

void EchoHost::accept(Instant now, PortId port, BufPtr frame) {
  ++counters_.received;
  if (frame->len < 2 * kMacLen) {
    ++counters_.dropped_short;
    return;
  }
  if (held_ == config_.queue_frames) {
    ++counters_.dropped_full;
    return;
  }
  ++held_;
  swap_addresses(frame->bytes());
  waiting_.push_back({after(now, config_.delay), port, std::move(frame)});
}

void EchoHost::on_time(Instant now) {
  while (!waiting_.empty() && waiting_.front().due <= now) {
    Waiting& first = waiting_.front();
    if (ready_.size() <= first.port) ready_.resize(std::size_t{first.port} + 1);
    ready_[first.port].push_back(std::move(first.frame));
    waiting_.pop_front();
  }
}

std::size_t EchoHost::poll_tx(Instant, PortId port, std::span<BufPtr> out) {
  if (port >= ready_.size()) return 0;
  std::deque<BufPtr>& queue = ready_[port];
  const std::size_t count = std::min(queue.size(), out.size());
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = std::move(queue.front());
    queue.pop_front();
  }
  held_ -= static_cast<std::uint32_t>(count);
  counters_.sent += count;
  return count;
}

}  // namespace twinpath
