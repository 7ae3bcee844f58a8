// Reading and calibrating the time stamp counter.
#include "emu/tsc_clock.h"

#include <time.h>
#include <x86intrin.h>

#include <limits>

#include "models/base/check.h"

namespace twinpath::emu {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kCalibrationNs = 20'000'000;  // 100 ns of reading error over it: 5 ppm
constexpr int kReadings = 8;                         // per end; the quickest pair counts

std::int64_t kernel_ns() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &at);
  return at.tv_sec * kNsPerSecond + at.tv_nsec;
}

struct Pair {
  std::uint64_t tick;
  std::int64_t ns;
};

// The reading of both clocks least disturbed by interrupts.
Pair read_both() {
  Pair best{};
  std::uint64_t shortest = std::numeric_limits<std::uint64_t>::max();
  for (int i = 0; i < kReadings; ++i) {
    const std::uint64_t before = read_tsc();
    const std::int64_t ns = kernel_ns();
    const std::uint64_t width = read_tsc() - before;
    if (width >= shortest) continue;
    shortest = width;
    best = {before + width / 2, ns};
  }
  return best;
}

TscRate measure() {
  const Pair from = read_both();
  const timespec pause{.tv_sec = 0, .tv_nsec = kCalibrationNs};
  nanosleep(&pause, nullptr);
  const Pair to = read_both();
  const auto ticks = static_cast<Uint128>(to.tick - from.tick);
  const auto ns = static_cast<Uint128>(to.ns - from.ns);
  return TscRate::of(static_cast<std::uint64_t>(ticks * kNsPerSecond / ns));
}

}  // namespace

std::uint64_t read_tsc() { return __rdtsc(); }

TscRate TscRate::measured() {
  static const TscRate kRate = measure();
  return kRate;
}

TscRate TscRate::of(std::uint64_t tick_hz) {
  CHECK(tick_hz > 0);
  return TscRate(static_cast<std::uint64_t>((static_cast<Uint128>(kNsPerSecond) << 32) / tick_hz));
}

Instant TscGuard::at(std::uint64_t tick) {
  if (tick >= last_tick_) {
    elapsed_ticks_ += tick - last_tick_;
  } else {
    ++steps_back_;
  }
  last_tick_ = tick;
  return at_ns(rate_.to_ns(elapsed_ticks_));
}

// Both clocks as one: a pause between two readings, on a busy machine some ms, would be taken for a
// step of one of them.
TscClock::TscClock(TscRate rate) : guard_(rate, 0), kernel_start_ns_(0) {
  const Pair start = read_both();
  guard_ = TscGuard(rate, start.tick);
  kernel_start_ns_ = start.ns;
}

Duration TscClock::drift() {
  const Pair both = read_both();
  return guard_.at(both.tick) - at_ns(both.ns - kernel_start_ns_);
}

}  // namespace twinpath::emu
