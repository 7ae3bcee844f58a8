// Model time. A model is handed the time as an argument; the clock type has no now(), so reading a
// clock inside models does not compile. Both drivers convert their own clock once per turn.
#pragma once

#include <chrono>
#include <cstdint>

namespace twinpath {

struct ModelClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ModelClock>;
  static constexpr bool is_steady = true;
};

using Duration = ModelClock::duration;  // nanoseconds, 64 bits signed: ±292 years
using Instant = ModelClock::time_point;

inline constexpr Instant kStart{};
inline constexpr Instant kNever = Instant::max();

// Nanoseconds since the start of the run.
constexpr std::int64_t to_ns(Instant at) { return at.time_since_epoch().count(); }
constexpr Instant at_ns(std::int64_t ns) { return Instant(Duration(ns)); }

// `from + delay`, staying at kNever instead of overflowing.
constexpr Instant after(Instant from, Duration delay) {
  return delay >= kNever - from ? kNever : from + delay;
}

}  // namespace twinpath
