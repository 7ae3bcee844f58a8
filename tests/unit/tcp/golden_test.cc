// Goodput by loss and delay, as a table a human can judge in a diff. After a change that is meant
// to move it: TWINPATH_UPDATE_GOLDEN=1 unit_tests --gtest_filter='TcpGolden.*', and read the diff.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <sstream>

#include "tests/fakes/tcp_pair.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPath = "tests/golden/tcp_goodput.txt";
constexpr Duration kMeasured = 10s;
constexpr std::array kDelays = {1ms, 10ms, 50ms, 100ms};
constexpr std::array kLosses = {0.0, 0.0001, 0.001, 0.01, 0.03, 0.05, 0.1};

double goodput_mbps(CongestionKind kind, double loss, Duration delay) {
  TcpPair::Settings settings;
  settings.pipe.loss = loss;
  settings.pipe.delay = delay;
  settings.client.congestion = kind;
  settings.client.send_buffer_bytes = settings.server.receive_buffer_bytes = 8 << 20;
  TcpPair pair(settings);
  pair.start({.client_bytes = 1ULL << 40, .server_bytes = 0});
  pair.run(kMeasured);
  EXPECT_TRUE(pair.exact());
  return static_cast<double>(pair.client_info(0).bytes_acked) * 8 / 10 / 1e6;
}

std::string table() {
  std::ostringstream text;
  text << "Goodput in Mb/s over 10 s: one connection, 100 Mb/s, 256 KiB drop-tail queue, 8 MiB\n"
          "buffers, random loss both ways, by loss (rows) and one-way delay (columns).\n";
  for (const CongestionKind kind :
       {CongestionKind::kReno, CongestionKind::kCubic, CongestionKind::kBbr}) {
    text << '\n' << std::left << std::setw(8) << kCongestionNames[static_cast<std::size_t>(kind)];
    text << std::right;
    for (const auto delay : kDelays) text << std::setw(7) << delay.count() << " ms";
    text << '\n';
    for (const double loss : kLosses) {
      text << std::defaultfloat << std::setw(6) << loss * 100 << " %" << std::fixed
           << std::setprecision(2);
      for (const auto delay : kDelays) text << std::setw(10) << goodput_mbps(kind, loss, delay);
      text << std::setprecision(6) << '\n';
    }
  }
  return text.str();
}

TEST(TcpGolden, GoodputByLossAndDelay) {
  const std::string measured = table();
  if (std::getenv("TWINPATH_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kPath) << measured;
    GTEST_SKIP() << "wrote " << kPath << ": read the diff";
  }
  std::ifstream file(kPath);
  ASSERT_TRUE(file.is_open()) << kPath << " is missing";
  std::ostringstream kept;
  kept << file.rdbuf();
  EXPECT_EQ(measured, kept.str());
}

}  // namespace
}  // namespace twinpath::test
