// The arithmetic of one direction of a link.
#include "models/port/link.h"

#include <algorithm>

#include "models/base/check.h"
#include "models/wire/congestion_mark.h"

namespace twinpath {

std::vector<Problem> validate(const LinkConfig& config) {
  std::vector<Problem> problems = validate_fields(config);
  std::vector<Problem> of_faults = validate_fields(config.faults);
  problems.insert(problems.end(), of_faults.begin(), of_faults.end());
  return problems;
}

LinkModel::LinkModel(const LinkConfig& config, const Rng& rng)
    : config_(config), jitter_rng_(rng.fork("jitter")), faults_(config.faults, rng) {
  CHECK(config.delay >= Duration::zero() && config.jitter >= Duration::zero());
}

void LinkModel::reconfigure(const LinkConfig& config) {
  CHECK(config.delay >= Duration::zero() && config.jitter >= Duration::zero());
  config_ = config;
  bit_remainder_ = 0;  // it was below the old rate
  faults_.reconfigure(config.faults);
}

void LinkModel::offer(Instant now, BufPtr frame) {
  ++counters_.offered;
  counters_.offered_bytes += frame->len;
  // A frame may become two, and frames held back may join it.
  if (in_flight_.room() < 2 + FaultProcess::kHeldMax) {
    ++counters_.dropped_in_flight;
    tell_dropped(now, *frame, LinkDrop::kInFlightLimit);
    return;
  }
  const std::optional<Instant> departs = config_.rate_bps == 0 ? now : transmit(now, *frame);
  if (!departs) {
    ++counters_.dropped_queue;
    tell_dropped(now, *frame, LinkDrop::kQueueFull);
    return;
  }
  const Instant arrives = after(*departs, config_.delay + jitter_draw());
  if (faults_.is_none()) {
    launch(arrives, std::move(frame));
    return;
  }
  release_held(now);
  faults_.pass(*departs, std::move(frame), passed_);
  for (BufPtr& passed : passed_) launch(arrives, std::move(passed));
  passed_.clear();
}

std::optional<Instant> LinkModel::transmit(Instant now, PacketBuf& frame) {
  const std::uint32_t frame_bytes = frame.len;
  const bool idle = busy_until_ <= now;
  const std::uint64_t queued = queued_bytes(now);
  if (idle) {
    busy_until_ = now;
  } else {
    if (queued + frame_bytes > config_.queue_bytes || waiting_.full()) return std::nullopt;
    mark(frame, queued);
    waiting_.push_back({busy_until_, frame_bytes});
    waiting_bytes_ += frame_bytes;
    counters_.queue_bytes_peak = std::max(counters_.queue_bytes_peak, waiting_bytes_);
  }
  busy_until_ += transmission_time(frame_bytes);
  return busy_until_;
}

// RFC 8257 §3.1: by the queue at this instant, not an average, so that senders hear within a round
// trip. What cannot be marked waits like the rest and is dropped only at the limit (RFC 3168 §7).
void LinkModel::mark(PacketBuf& frame, std::uint64_t queued) {
  if (config_.ecn_threshold_bytes == 0 || queued <= config_.ecn_threshold_bytes) return;
  if (mark_congestion(frame.bytes()) == CongestionMark::kMarked) ++counters_.marked;
}

std::uint64_t LinkModel::queued_bytes(Instant now) {
  while (!waiting_.empty() && waiting_.front().starts <= now) {
    waiting_bytes_ -= waiting_.pop_front().bytes;
  }
  return waiting_bytes_;
}

// bits * 10^9 / rate, rounded down, the rest carried to the next frame. 64 bits suffice: 2^16 bytes
// are 2^19 bits, times 2^30 is 2^49, and the remainder is below the rate.
Duration LinkModel::transmission_time(std::uint32_t frame_bytes) {
  const std::uint64_t bits = 8 * (std::uint64_t{frame_bytes} + config_.overhead_bytes);
  const std::uint64_t numerator = bits * 1'000'000'000 + bit_remainder_;
  bit_remainder_ = numerator % config_.rate_bps;
  return Duration(static_cast<std::int64_t>(numerator / config_.rate_bps));
}

// A function of the frame's index, like every fault.
Duration LinkModel::jitter_draw() const {
  if (config_.jitter == Duration::zero()) return Duration::zero();
  const auto bound = static_cast<std::uint64_t>(config_.jitter.count()) + 1;
  const Uint128 product = static_cast<Uint128>(jitter_rng_.at(counters_.offered)) * bound;
  return Duration(static_cast<std::int64_t>(product >> 64));
}

// Jitter models queues elsewhere on the path, and those keep order: a frame is never due before its
// predecessor. Reordering is a fault of its own.
void LinkModel::launch(Instant arrives, BufPtr frame) {
  last_due_ = std::max(arrives, last_due_);
  frame->arrived = last_due_;
  in_flight_.push_back({last_due_, std::move(frame)});
}

// Held frames whose wait has ended travel on from the instant it ended.
void LinkModel::release_held(Instant now) {
  for (Instant ended = held_deadline(); ended <= now; ended = held_deadline()) {
    faults_.release(ended, passed_);
    for (BufPtr& passed : passed_) launch(after(ended, config_.delay), std::move(passed));
    passed_.clear();
  }
}

std::size_t LinkModel::collect(Instant now, std::span<BufPtr> out) {
  if (held_deadline() <= now) release_held(now);
  std::size_t count = 0;
  while (count < out.size() && !in_flight_.empty() && in_flight_.front().due <= now) {
    out[count] = in_flight_.pop_front().frame;
    counters_.delivered_bytes += out[count]->len;
    ++count;
  }
  counters_.delivered += count;
  fetch_ahead();
  return count;
}

// A link with a long queue holds more frames than a core's cache: the next frame's bytes and the
// header of the one behind it are asked for now, while the last one is being worked on.
void LinkModel::fetch_ahead() const {
  constexpr std::size_t kLine = 64;
  if (in_flight_.size() < 2) return;
  __builtin_prefetch(in_flight_.at(1).frame.get());
  const PacketBuf& next = *in_flight_.at(0).frame;
  for (std::size_t offset = 0; offset < next.len; offset += kLine) {
    __builtin_prefetch(next.data() + offset);
  }
}

}  // namespace twinpath
