// Model time from the processor's time stamp counter: about 10 ns per reading, no system call.
// Started at zero. The counter's rate is measured against CLOCK_MONOTONIC_RAW, because the one DPDK
// reports is rounded to 10 MHz, 0.2 % at 2.5 GHz: 2 ms a second.
#pragma once

#include <cstdint>

#include "emu/clock.h"
#include "models/base/hash.h"

namespace twinpath::emu {

std::uint64_t read_tsc();

// Nanoseconds per tick as a 32.32 fixed-point number.
class TscRate {
 public:
  // Measured once per process, over 20 ms.
  static TscRate measured();
  // Requires: tick_hz > 0.
  static TscRate of(std::uint64_t tick_hz);

  [[nodiscard]] std::int64_t to_ns(std::uint64_t ticks) const {
    return static_cast<std::int64_t>((static_cast<Uint128>(ticks) * ns_per_tick_) >> 32);
  }
  [[nodiscard]] std::uint64_t raw() const { return ns_per_tick_; }

 private:
  explicit TscRate(std::uint64_t ns_per_tick) : ns_per_tick_(ns_per_tick) {}
  std::uint64_t ns_per_tick_;
};

// Turns counter readings into instants that never go back, whatever the counter does.
class TscGuard {
 public:
  TscGuard(TscRate rate, std::uint64_t first_tick) : rate_(rate), last_tick_(first_tick) {}

  Instant at(std::uint64_t tick);
  // Readings that were before an earlier one (a thread moved between unsynchronised sockets).
  [[nodiscard]] std::uint64_t steps_back() const { return steps_back_; }

 private:
  TscRate rate_;
  std::uint64_t last_tick_;
  std::uint64_t elapsed_ticks_ = 0;
  std::uint64_t steps_back_ = 0;
};

class TscClock final : public Clock {
 public:
  explicit TscClock(TscRate rate = TscRate::measured());
  [[nodiscard]] Instant now() override { return guard_.at(read_tsc()); }
  [[nodiscard]] std::uint64_t steps_back() const { return guard_.steps_back(); }
  // How far this clock is from the kernel's since the start; a stopped or stepped counter shows
  // here.
  [[nodiscard]] Duration drift();

 private:
  TscGuard guard_;
  std::int64_t kernel_start_ns_;
};

}  // namespace twinpath::emu
