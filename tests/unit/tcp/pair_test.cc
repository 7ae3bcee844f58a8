// Two stacks and a bad wire: whatever it does, every byte arrives, in order, once.
#include <gtest/gtest.h>

#include <array>

#include <string>

#include "tests/fakes/tcp_pair.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

struct Faults {
  const char* label;
  PipeOptions pipe;
};

PipeOptions lossy(double loss) {
  PipeOptions pipe;
  pipe.loss = loss;
  return pipe;
}

PipeOptions bad() {
  PipeOptions pipe = lossy(0.02);
  pipe.reorder = 0.05;
  pipe.duplicate = 0.05;
  pipe.corrupt = 0.01;
  return pipe;
}

PipeOptions reordering() {
  PipeOptions pipe;
  pipe.reorder = 0.1;
  return pipe;
}

PipeOptions tiny_queue() {
  PipeOptions pipe;
  pipe.queue_bytes = 10 * 1500;
  return pipe;
}

class TcpPairTest : public ::testing::TestWithParam<Faults> {};

TEST_P(TcpPairTest, BothStreamsArriveExactly) {
  for (const CongestionKind kind :
       {CongestionKind::kReno, CongestionKind::kCubic, CongestionKind::kBbr}) {
    for (const bool options : {true, false}) {
      TcpPair::Settings settings;
      settings.pipe = GetParam().pipe;
      settings.client.congestion = settings.server.congestion = kind;
      settings.client.timestamps = settings.client.window_scaling = options;
      settings.client.sack = options;
      TcpPair pair(settings);
      pair.start({.client_bytes = 1'000'000, .server_bytes = 2'000'000});
      EXPECT_TRUE(pair.run(20'000s)) << "stuck at " << to_ns(pair.now()) << " ns";
      EXPECT_TRUE(pair.exact());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Faults, TcpPairTest,
    ::testing::Values(Faults{"none", PipeOptions()}, Faults{"loss_1", lossy(0.01)},
                      Faults{"loss_5", lossy(0.05)}, Faults{"loss_20", lossy(0.2)},
                      Faults{"reorder", reordering()}, Faults{"tiny_queue", tiny_queue()},
                      Faults{"everything", bad()}),
    [](const auto& faults) { return std::string(faults.param.label); });

TEST(TcpPairRuns, SameSeedSameTrace) {
  const auto trace = [](std::uint64_t seed) {
    TcpPair::Settings settings;
    settings.pipe = bad();
    settings.seed = seed;
    TcpPair pair(settings);
    pair.start({.client_bytes = 300'000, .server_bytes = 300'000});
    EXPECT_TRUE(pair.run(3600s));
    return pair.trace();
  };
  EXPECT_EQ(trace(7), trace(7));
  EXPECT_NE(trace(7), trace(8));
}

// A fifth of everything lost, acknowledgements too. With timestamps the peer echoes what it saw
// first of what was sent again; taking that for a round trip would put time-outs into the samples
// and make the next time-out longer still.
TEST(TcpPairRuns, TimestampsDoNotSlowRecoveryFromHeavyLoss) {
  std::array<double, 2> seconds{};
  for (const bool timestamps : {false, true}) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      TcpPair::Settings settings;
      settings.pipe = lossy(0.2);
      settings.seed = seed;
      settings.client.timestamps = timestamps;
      TcpPair pair(settings);
      pair.start({.client_bytes = 200'000, .server_bytes = 0});
      EXPECT_TRUE(pair.run(10'000s));
      EXPECT_TRUE(pair.exact());
      seconds[timestamps ? 1 : 0] += static_cast<double>(to_ns(pair.now())) / 1e9;
    }
  }
  EXPECT_LT(seconds[1], 1.5 * seconds[0]);
}

TEST(TcpPairRuns, SmallBuffersAndSlowReaders) {
  TcpPair::Settings settings;
  settings.pipe = lossy(0.01);
  settings.server.receive_buffer_bytes = 4096;
  settings.client.send_buffer_bytes = 3000;
  TcpPair pair(settings);
  pair.start({.client_bytes = 200'000, .server_bytes = 0, .write_bytes = 700});
  EXPECT_TRUE(pair.run(3600s));
  EXPECT_TRUE(pair.exact());
}

TEST(TcpPairRuns, ManyConnectionsAtOnce) {
  TcpPair::Settings settings;
  settings.pipe = lossy(0.005);
  TcpPair pair(settings);
  for (int i = 0; i < 100; ++i) pair.start({.client_bytes = 50'000, .server_bytes = 20'000});
  EXPECT_TRUE(pair.run(3600s));
  EXPECT_TRUE(pair.exact());
}

// A clean 100 Mb/s wire is filled: 1460 of 1538 wire bytes carry data.
TEST(TcpPairRuns, CleanWireIsFilled) {
  TcpPair::Settings settings;
  settings.pipe.queue_bytes = 1 << 20;
  TcpPair pair(settings);
  pair.start({.client_bytes = 50'000'000, .server_bytes = 0});
  EXPECT_TRUE(pair.run(60s));
  const double seconds = static_cast<double>(to_ns(pair.now())) / 1e9;
  EXPECT_GT(50e6 * 8 / seconds, 0.9 * 100e6);
}

}  // namespace
}  // namespace twinpath::test
