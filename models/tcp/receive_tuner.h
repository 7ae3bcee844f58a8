// A receive buffer that follows what the path delivers: twice what the user read in a round trip,
// so that the sender's window may double in the next one. Read Fisk and Feng, "Dynamic Right-Sizing
// in TCP" (2001); Linux does the same.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/base/time.h"

namespace twinpath::tcp {

class ReceiveTuner {
 public:
  struct Reading {
    Instant now;
    std::uint64_t read_bytes = 0;  // by the user, ever
    Duration rtt{};
    std::uint32_t buffer_bytes = 0;
    std::uint32_t buffer_max_bytes = 0;
    std::uint32_t mss_bytes = 0;
  };
  // The user has read. Returns the buffer from now on; never less than there is, because what was
  // offered cannot be taken back (RFC 9293 §3.8.6).
  std::uint32_t size_for(const Reading& reading) {
    if (reading.now < after(round_start_, reading.rtt)) return reading.buffer_bytes;
    const std::uint64_t read = reading.read_bytes - read_before_;
    round_start_ = reading.now;
    read_before_ = reading.read_bytes;
    const std::uint64_t known = std::max(round_bytes_, kFirstSegments * reading.mss_bytes);
    if (read <= known) return reading.buffer_bytes;
    round_bytes_ = read;
    // What it grew by since the round before, it may grow by again before the next one shows.
    const std::uint64_t twice = 2 * read + kSlackSegments * reading.mss_bytes;
    const std::uint64_t wanted = twice + std::min(twice * (read - known) / known, twice) * 2;
    const std::uint64_t bounded = std::min<std::uint64_t>(wanted, reading.buffer_max_bytes);
    return std::max(reading.buffer_bytes, static_cast<std::uint32_t>(bounded));
  }

  template <typename Visit>
  void visit(Visit&& visitor) {
    visitor(round_start_), visitor(read_before_), visitor(round_bytes_);
  }

 private:
  static constexpr std::uint64_t kFirstSegments = 10;  // an initial window
  static constexpr std::uint64_t kSlackSegments = 16;

  Instant round_start_{};
  std::uint64_t read_before_ = 0;
  std::uint64_t round_bytes_ = 0;  // the most read in a round trip
};

}  // namespace twinpath::tcp
