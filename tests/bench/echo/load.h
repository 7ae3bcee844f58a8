// What a bench of requests and answers does, the same for every stack: connections that each carry
// some requests of a fixed size, answered by as many bytes; and what a trial of it says.
#pragma once

#include <time.h>

#include <cstdint>
#include <string>
#include <vector>

namespace twinpath::bench {

struct EchoLoad {
  std::uint64_t connections = 30'000;  // made in the whole trial
  std::uint32_t at_once = 64;
  std::uint32_t messages = 1;  // per connection
  std::uint32_t message_bytes = 64;
  bool timed = false;  // keep every round trip
  [[nodiscard]] std::uint64_t transactions() const { return connections * messages; }
};

// Both ends' threads, and the time from a request to its whole answer where it is asked for.
struct EchoResult {
  std::uint64_t transactions = 0;
  double cpu_s = 0;
  std::vector<std::uint32_t> round_trips_ns;
  std::string offloads;
};

inline constexpr std::uint32_t kMessageBytesMax = 65536;
inline constexpr int kBenchCpu = 1;  // 0 is left to everybody else

inline double thread_cpu_s() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

inline std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void pin_to_bench_cpu();

}  // namespace twinpath::bench
