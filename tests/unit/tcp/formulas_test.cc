// Goodput of whole transfers against what theory says, where every n-th segment is lost: Reno
// against Mathis, Semke, Mahdavi and Ott (1997), CUBIC against RFC 9438 §5.1. Printed, so that the
// error can be seen and not only that it is within its bound.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "tests/fakes/tcp_pair.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

constexpr double kMss = 1448;  // of 1460, timestamps taken off
// A round trip of recovery in each cycle is not part of the formulas, nor are whole segments.
constexpr double kErrorMax = 0.12;

struct Path {
  CongestionKind kind;
  std::uint32_t lose_every;
  Duration one_way;
  Duration warmup;
  Duration measured;
};

// Segments per round trip.
double average_window(const Path& path) {
  TcpPair::Settings settings;
  settings.pipe.delay = path.one_way;
  settings.pipe.rate_bps = 0;
  settings.pipe.lose_every = path.lose_every;
  settings.client.congestion = path.kind;
  settings.client.send_buffer_bytes = settings.server.receive_buffer_bytes = 16 << 20;
  TcpPair pair(settings);
  pair.start({.client_bytes = 1ULL << 40, .server_bytes = 0});
  pair.run(path.warmup);
  const std::uint64_t before = pair.client_info(0).bytes_acked;
  const std::uint32_t timeouts = pair.client_info(0).timeouts;
  pair.run(path.measured);
  EXPECT_TRUE(pair.exact());
  EXPECT_EQ(pair.client_info(0).timeouts, timeouts);
  const auto bytes = static_cast<double>(pair.client_info(0).bytes_acked - before);
  const auto rounds =
      static_cast<double>(path.measured.count()) / static_cast<double>(2 * path.one_way.count());
  return bytes / kMss / rounds;
}

void compare(const Path& path, double expected) {
  const double measured = average_window(path);
  const double error = measured / expected - 1;
  std::printf(
      "%-6s one of %-6u lost, %3lld ms: %7.1f segments a round trip, formula %7.1f, %+.1f %%\n",
      kCongestionNames[static_cast<std::size_t>(path.kind)], path.lose_every,
      static_cast<long long>(2 * path.one_way / 1ms), measured, expected, error * 100);
  EXPECT_LT(std::abs(error), kErrorMax);
}

// W = sqrt(3 / 2) / sqrt(p): 3/4 of a window that is halved whenever it has grown to its top.
TEST(Formulas, RenoIsAsFastAsMathis) {
  for (const std::uint32_t every : {400U, 1600U, 6400U}) {
    const double expected = std::sqrt(1.5 * every);
    compare({CongestionKind::kReno, every, 10ms, 20s, 60s}, expected);
  }
}

// RFC 9438 §5.1, equation 6, with C = 0.4: the fourth root of C (3 + beta) / (4 (1 - beta)), times
// RTT^(3/4) / p^(3/4). Where Reno would be faster, CUBIC is as fast (§4.3).
TEST(Formulas, CubicIsAsFastAsItsRfc) {
  const double factor = std::pow(0.4 * 3.7 / (4 * 0.3), 0.25);
  for (const std::uint32_t every : {4'000U, 10'000U, 20'000U}) {
    const double rtt_s = 0.2;
    const double expected = factor * std::pow(rtt_s * every, 0.75);
    compare({CongestionKind::kCubic, every, 100ms, 60s, 240s}, expected);
  }
}

TEST(Formulas, CubicIsNoSlowerThanRenoWhereRenoIsFast) {
  const double expected = std::sqrt(1.5 * 400);
  compare({CongestionKind::kCubic, 400, 5ms, 20s, 60s}, expected);
}

}  // namespace
}  // namespace twinpath::test
