// When small segments wait and when acknowledgements do not; buffers that follow the path. RFC 9293
// §3.7.4 and §3.8.6, RFC 5681 §4.2, RFC 8257 §3.2, tcp(7).
#include <gtest/gtest.h>

#include "tests/fakes/tcp_dialect.h"
#include "tests/fakes/tcp_pair.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

TcpConfig minshall() {
  TcpConfig config;
  config.minshall = true;
  return config;
}

// A short segment behind full ones leaves at once; the second short one waits for the first.
TEST(TcpMinshall, OnlyASmallSegmentInFlightHoldsBack) {
  TcpDialect tcp(minshall());
  tcp.established();
  tcp.user_writes(1500);
  tcp.stack_sends(data(1, 1000, 1));
  tcp.stack_sends(data(1001, 500, 1));
  tcp.user_writes(100);
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 1501));
  tcp.stack_sends(data(1501, 100, 1));
}

TEST(TcpNagle, AnythingInFlightHoldsBack) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(1500);
  tcp.stack_sends(data(1, 1000, 1));
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 1001));
  tcp.stack_sends(data(1001, 500, 1));
}

class TcpCork : public ::testing::Test {
 protected:
  TcpCork() {
    tcp.established();
    set(true);
  }
  void set(bool on) {
    TcpOpenOptions options;
    options.cork = on;
    options.nagle = false;
    tcp.stack().set_options(tcp.now(), tcp.id(), options);
  }
  TcpDialect tcp;
};

TEST_F(TcpCork, OnlyFullSegmentsLeave) {
  tcp.user_writes(300);
  tcp.user_writes(300);
  tcp.stack_sends_nothing();
  tcp.user_writes(900);
  tcp.stack_sends(data(1, 1000, 1));
  tcp.stack_sends_nothing();
  set(false);
  tcp.stack_sends(data(1001, 500, 1).push());
}

// tcp(7): 200 ms at most.
TEST_F(TcpCork, IsPulledBy200Ms) {
  tcp.user_writes(300);
  tcp.after(100ms).user_writes(100);
  tcp.stack_sends_nothing();
  tcp.stack_sends_between(100ms, 100ms, data(1, 400, 1).push());
  EXPECT_EQ(tcp.info().timeouts, 0U);
  tcp.user_writes(10);
  tcp.peer_sends(ack(1, 401));
  tcp.stack_sends_between(200ms, 200ms, data(401, 10, 1).push());
}

TEST_F(TcpCork, AFinTakesItOff) {
  tcp.user_writes(300);
  tcp.user_shuts_down();
  tcp.stack_sends(data(1, 300, 1).with(kFin).push());
}

TcpConfig quick(std::uint32_t segments) {
  TcpConfig config;
  config.quick_acks = segments;
  return config;
}

TEST(TcpQuickAck, TheFirstSegmentsAreAcknowledgedAtOnce) {
  TcpDialect tcp(quick(2));
  tcp.established();
  tcp.peer_sends(data(1, 100, 1));
  tcp.stack_sends(ack(1, 101));
  tcp.peer_sends(data(101, 100, 1));
  tcp.stack_sends(ack(1, 201));
  tcp.peer_sends(data(201, 100, 1));
  tcp.stack_sends_nothing();
  tcp.stack_sends_between(40ms, 40ms, ack(1, 301));
}

TEST(TcpQuickAck, AgainAfterSilence) {
  TcpDialect tcp(quick(1));
  tcp.established();
  tcp.peer_sends(data(1, 100, 1));
  tcp.stack_sends(ack(1, 101));
  tcp.after(10s).peer_sends(data(101, 100, 1));
  tcp.stack_sends(ack(1, 201));
  tcp.peer_sends(data(201, 100, 1));
  tcp.stack_sends_nothing();
  tcp.after(1s).taken();
}

// Who answers lets acknowledgements ride.
TEST(TcpQuickAck, NotForWhoAnswers) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 100, 1));
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 101));
  tcp.peer_sends(data(101, 100, 11));
  tcp.stack_sends_nothing();
  TcpOpenOptions options;
  options.quick_ack = true;  // TCP_QUICKACK: what is owed, and the next ones
  tcp.stack().set_options(tcp.now(), tcp.id(), options);
  tcp.stack_sends(ack(11, 201));
  tcp.peer_sends(data(201, 100, 11));
  tcp.stack_sends(ack(11, 301));
  tcp.user_writes(10);
  tcp.peer_sends(data(301, 100, 11));
  tcp.stack_sends(data(11, 10, 301));
  tcp.stack_sends(ack(21, 401));
}

// RFC 8257 §3.2: at a change of marks, what came before is acknowledged at once with its own mark.
TEST(TcpDctcp, AChangeOfMarksSplitsTheAcknowledgement) {
  TcpConfig config;
  config.congestion = CongestionKind::kDctcp;
  config.ecn = EcnMode::kRequest;
  TcpDialect tcp(config);
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).with(kEce | kCwr));
  tcp.stack_sends(syn_ack(0, 1).with(kEce));
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
  tcp.peer_sends(data(1, 1000, 1).marked(Ecn::kEct0));
  tcp.stack_sends_nothing();
  tcp.peer_sends(data(1001, 1000, 1).marked(Ecn::kCe));
  tcp.stack_sends(ack(1, 1001));
  tcp.stack_sends_nothing();
  tcp.peer_sends(data(2001, 1000, 1).marked(Ecn::kCe));
  tcp.stack_sends(ack(1, 3001).with(kEce));
  tcp.peer_sends(data(3001, 1000, 1).marked(Ecn::kCe));
  tcp.peer_sends(data(4001, 1000, 1).marked(Ecn::kEct0));
  tcp.stack_sends(ack(1, 4001).with(kEce));
  tcp.stack_sends_between(40ms, 40ms, ack(1, 5001));
  tcp.peer_sends(data(5001, 1000, 1).marked(Ecn::kCe));  // nothing is owed
  tcp.stack_sends_between(40ms, 40ms, ack(1, 6001).with(kEce));
}

// RFC 7323 §2.3: 65535 * 2^14 is the largest window there is.
TEST(TcpWindow, ScalesToAGibibyte) {
  constexpr std::uint32_t kLargest = 65535U << 14;
  TcpConfig config;
  config.receive_buffer_bytes = config.send_buffer_bytes = kLargest;
  TcpDialect tcp(config);
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).scale(14));
  tcp.stack_sends(syn_ack(0, 1).mss(1460).scale(14).win(65535));
  tcp.peer_sends(ack(1, 1).win(65535));
  tcp.user_accepts();
  EXPECT_EQ(tcp.info().send_window_bytes, kLargest);
  tcp.peer_sends(data(1, 1000, 1));
  tcp.peer_sends(data(1001, 1000, 1));
  tcp.stack_sends(ack(1, 2001).win(65534));
  EXPECT_NEAR(tcp.info().receive_window_bytes, kLargest, 1 << 14);
  tcp.user_reads(2000);
}

// 100 Mb/s and 200 ms: 2.5 MB in flight.
TcpPair::Settings long_path() {
  TcpPair::Settings settings;
  settings.pipe.delay = 100ms;
  settings.pipe.queue_bytes = 2'500'000;
  settings.client.send_buffer_bytes = 16 << 20;
  settings.server.receive_buffer_bytes = 128 << 10;
  return settings;
}

double seconds_for_50_mb(const TcpPair::Settings& settings) {
  TcpPair pair(settings);
  pair.start({.client_bytes = 50'000'000, .server_bytes = 0});
  EXPECT_TRUE(pair.run(300s));
  EXPECT_TRUE(pair.exact());
  return static_cast<double>(to_ns(pair.now())) / 1e9;
}

TEST(TcpTuning, TheReceiveBufferFollowsThePath) {
  TcpPair::Settings settings = long_path();
  const double fixed = seconds_for_50_mb(settings);
  EXPECT_GT(fixed, 70.0) << "128 KiB a round trip";
  settings.server.receive_buffer_max_bytes = 16 << 20;
  EXPECT_LT(seconds_for_50_mb(settings), 10.0);
  settings.server.receive_buffer_max_bytes = 512 << 10;
  EXPECT_GT(seconds_for_50_mb(settings), 18.0) << "the bound holds";
}

TEST(TcpTuning, TheSendBufferFollowsTheWindow) {
  TcpPair::Settings settings = long_path();
  settings.server.receive_buffer_bytes = 16 << 20;
  settings.client.send_buffer_bytes = 64 << 10;
  EXPECT_GT(seconds_for_50_mb(settings), 100.0);
  settings.client.send_buffer_max_bytes = 16 << 20;
  EXPECT_LT(seconds_for_50_mb(settings), 12.0);
}

// What a user asked for stays.
TEST(TcpTuning, AnAskedForBufferIsNotTuned) {
  TcpConfig config;
  config.send_buffer_max_bytes = 1 << 20;
  config.send_buffer_bytes = 4096;
  TcpDialect tcp(config);
  tcp.established(1000, 60000);
  TcpOpenOptions options;
  options.send_buffer_bytes = 5000;
  tcp.stack().set_options(tcp.now(), tcp.id(), options);
  EXPECT_EQ(tcp.user_writes(10'000), 5000U);
  tcp.taken();
  tcp.peer_sends(ack(1, 5001));
  EXPECT_EQ(tcp.user_writes(10'000), 5000U);
  tcp.taken();
}

TEST(TcpTuning, ABoundBelowTheBufferIsRefused) {
  TcpConfig config;
  config.receive_buffer_max_bytes = 4096;
  const auto problems = config.validate();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].field, "receive_buffer_bytes");
}

// While what is tuned moves to another stack, nothing changes.
TEST(TcpTuning, MovesBetweenStacks) {
  std::array<std::uint64_t, 2> traces{};
  for (const bool moves : {false, true}) {
    TcpPair::Settings settings = long_path();
    settings.server.receive_buffer_max_bytes = settings.client.receive_buffer_max_bytes = 4 << 20;
    settings.client.quick_acks = settings.server.quick_acks = 16;
    TcpPair pair(settings);
    if (moves) pair.migrate_every(100);
    pair.start({.client_bytes = 5'000'000, .server_bytes = 100'000});
    EXPECT_TRUE(pair.run(100s));
    EXPECT_TRUE(pair.exact());
    traces[moves ? 1 : 0] = pair.trace();
  }
  EXPECT_EQ(traces[0], traces[1]);
}

}  // namespace
}  // namespace twinpath::test
