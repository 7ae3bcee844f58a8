// CPU seconds of both ends per gigabyte of one connection on one core, by the size of writes: our
// stack over net_ring with segments of 1460 B against Linux's loopback. The point `8k` gives ours
// what the loopback has, frames of 64 kB and no check of sums at the receiver; `8k-1500` does not.
// Linux's ends call when they cannot wait; with `-default` they ask epoll first.
//   bench_bulk_cpu --point 64|256|1k|2k|4k|8k|8k-1500[-default] --side ours|peer [--pages 4k]
#include <cstdio>
#include <string>

#include "emu/setup_error.h"
#include "tests/bench/echo/stack_pair.h"
#include "tests/bench/echo/stream.h"

namespace {

using namespace twinpath;
using namespace twinpath::bench;

// The storage of an mbuf is at most 65,535 bytes, headroom included.
constexpr std::uint16_t kLongMtuBytes = 65'000;
constexpr std::uint32_t kLongFrameBytes = 65'280;
constexpr std::uint32_t kLongFrames = 1023;
constexpr std::uint64_t kWrites = 200'000;
constexpr std::uint64_t kShortWrites = 1'000'000;  // of less than 1 kB
constexpr double kGigabyte = 1e9;

std::uint32_t write_bytes(const std::string& point) {
  const auto count = static_cast<std::uint32_t>(std::stoul(point));
  return point.find('k') == std::string::npos ? count : count * 1024;
}

double ours(const StreamLoad& load, const StackPairOptions& options) {
  StackPair pair(options);
  auto& reader = pair.server().add<StreamReader>("server/app0", kStart, load);
  pair.client().add<StreamWriter>("client/app0", kStart, StreamTarget{load, pair.server_address()});
  pin_to_bench_cpu();
  pair.turn_server();
  const double begin = thread_cpu_s();
  while (!reader.done()) pair.turn_both();
  const double cpu_s = thread_cpu_s() - begin;
  CHECK(reader.received() == load.bytes);
  return cpu_s;
}

StackPairOptions options_of(const std::string& point, bool huge_pages) {
  StackPairOptions options;
  options.huge_pages = huge_pages;
  if (point == "8k") {
    options.mtu_bytes = kLongMtuBytes;
    options.frame_bytes_max = kLongFrameBytes;
    options.bufs = kLongFrames;
    options.tcp.mss_bytes = kLongMtuBytes - 40;
    options.trusted = true;
  }
  return options;
}

}  // namespace

int main(int count, char** words) {
  std::string point = "64";
  std::string side = "ours";
  bool huge_pages = true;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i];
    if (name == "--point") point = words[i + 1];
    if (name == "--side") side = words[i + 1];
    if (name == "--pages") huge_pages = std::string(words[i + 1]) != "4k";
  }
  const bool asks_epoll = point.ends_with("-default");
  if (asks_epoll) point.resize(point.find('-'));
  const std::uint32_t size = write_bytes(point);
  const StreamLoad load{.bytes = (size < 1024 ? kShortWrites : kWrites) * size,
                        .write_bytes = size};
  try {
    const double cpu_s = side == "ours" ? ours(load, options_of(point, huge_pages))
                                        : stream_over_linux(load, asks_epoll);
    std::printf("{\"work\":%.6f,\"cpu_s\":%.6f,\"offloads\":\"%s\"}\n",
                static_cast<double>(load.bytes) / kGigabyte, cpu_s,
                side == "ours" ? (point == "8k" ? "ours at 8k: frames of 64 kB, no sums checked"
                                                : "ours: none")
                               : "Linux loopback: frames of 64 kB, no sums");
  } catch (const emu::SetupError& error) {
    std::fprintf(stderr, "%s; run `%s`\n", error.what(), error.command().c_str());
    return 4;
  }
  return 0;
}
