// Pacing, the measured rate of delivery, and control by a model of the path.
#include "models/tcp/bbr.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "models/base/rng.h"
#include "models/tcp/delivery_rate.h"
#include "models/tcp/pacing.h"
#include "models/tcp/windowed_max.h"
#include "tests/fakes/tcp_dialect.h"
#include "tests/fakes/tcp_pair.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;
using tcp::DeliveryRate;
using tcp::Pacer;
using tcp::RateSample;
using tcp::WindowedMax;

// Against all values kept: never above the true maximum of the window, never below that of its
// latest quarter, and always at least the newest.
TEST(WindowedMax, StaysBetweenTheWindowAndItsLatestPart) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    WindowedMax filter(10);
    std::vector<std::pair<std::uint32_t, std::uint64_t>> all;
    std::uint32_t tick = 0xfffffff0U;  // wraps
    for (int i = 0; i < 2000; ++i) {
      tick += static_cast<std::uint32_t>(rng.below(3));
      all.emplace_back(tick, rng.below(1000));
      filter.add(tick, all.back().second);
      std::uint64_t window = 0;
      std::uint64_t latest = 0;
      for (const auto& [at, value] : all) {
        if (tick - at <= 10) window = std::max(window, value);
        if (tick - at <= 2) latest = std::max(latest, value);
      }
      ASSERT_LE(filter.max(), window) << seed << " " << i;
      ASSERT_GE(filter.max(), latest) << seed << " " << i;
    }
  }
}

// Segments of 1000 octets, a round trip of 10 ms, one a millisecond: 1 MB/s, in slow start and
// behind it.
TEST(DeliveryRate, OfASteadyFlow) {
  DeliveryRate rate;
  std::deque<Instant> out;
  RateSample sample;
  for (int ms = 0; ms < 100; ++ms) {
    const Instant now = kStart + ms * 1ms;
    while (!out.empty() && out.front() + 10ms <= now) {
      rate.on_arrived({0, 1000, out.front(), now});
      rate.pop_front();
      sample = rate.sample(10ms);
      out.pop_front();
    }
    rate.push(now, out.empty());
    out.push_back(now);
  }
  EXPECT_NEAR(static_cast<double>(sample.bytes_per_s), 1e6, 1e4);
  EXPECT_FALSE(sample.is_app_limited);
}

// Acknowledgements held back and let go in a heap do not make the path look faster than what was
// sent (§1.1 of the draft).
TEST(DeliveryRate, HeapsOfAcknowledgementsAreNoBandwidth) {
  DeliveryRate rate;
  std::vector<Instant> out;
  for (int ms = 0; ms < 50; ++ms) {
    rate.push(kStart + ms * 1ms, out.empty());
    out.push_back(kStart + ms * 1ms);
  }
  std::uint64_t highest = 0;
  for (const Instant sent : out) {
    rate.on_arrived({0, 1000, sent, kStart + 60ms});
    rate.pop_front();
    highest = std::max(highest, rate.sample(10ms).bytes_per_s);
  }
  EXPECT_LE(highest, 1'020'000U);
}

TEST(DeliveryRate, KnowsWhatWasSentForWantOfData) {
  DeliveryRate rate;
  rate.mark_app_limited(0);
  rate.push(kStart, true);
  EXPECT_TRUE(rate.is_app_limited());
  rate.on_arrived({0, 1000, kStart, kStart + 10ms});
  rate.pop_front();
  const RateSample sample = rate.sample(10ms);
  EXPECT_TRUE(sample.is_app_limited);
  EXPECT_EQ(sample.bytes_per_s, 100'000U);
  EXPECT_FALSE(rate.is_app_limited()) << "what was in flight then has arrived";
}

// A sample shorter than any round trip is of something sent twice.
TEST(DeliveryRate, NoRoundTripIsShorterThanTheShortest) {
  DeliveryRate rate;
  rate.push(kStart, true);
  rate.push(kStart, false);
  rate.on_arrived({0, 1000, kStart, kStart + 2ms});
  EXPECT_EQ(rate.sample(10ms).bytes_per_s, 0U);
}

// A millisecond at once, at least two segments, at most sixteen.
TEST(Pacer, BurstsAreAMillisecond) {
  EXPECT_EQ((tcp::PacedBurst{100'000, 1000}.bytes()), 1000U);
  EXPECT_EQ((tcp::PacedBurst{1'000'000, 1000}.bytes()), 2000U);
  EXPECT_EQ((tcp::PacedBurst{8'000'000, 1000}.bytes()), 8000U);
  EXPECT_EQ((tcp::PacedBurst{1'000'000'000, 1000}.bytes()), 16000U);
}

TEST(Pacer, SendsAtTheRate) {
  Pacer pacer;
  Instant now = kStart + 5s;
  std::uint64_t sent = 0;
  for (int burst = 0; burst < 100; ++burst) {
    ASSERT_TRUE(pacer.may_send(now));
    for (int segments = 0; pacer.may_send(now); ++segments, sent += 1000) {
      ASSERT_LT(segments, 16);
      if (pacer.is_free(now)) pacer.begin(now, {4'000'000, 1000});
      pacer.charge(1000);
    }
    pacer.wait();
    now = pacer.deadline();
    pacer.wake();
  }
  EXPECT_EQ(sent, 400'000U);
  EXPECT_EQ(now, kStart + 5s + 100ms);
}

// What Linux does for windows too: twice the window a round trip while it doubles. The first ten
// segments are free; one timer stands for all that wait.
TEST(TcpPacing, SpreadsAWindowOverTheRoundTrip) {
  TcpConfig config;
  config.congestion = CongestionKind::kReno;
  config.pacing = PacingMode::kOn;
  config.initial_window_segments = 8;
  TcpDialect tcp(config);
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.after(100ms).peer_sends(ack(1, 1));
  tcp.user_accepts();
  tcp.user_writes(100'000);
  EXPECT_EQ(tcp.taken().size(), 8U);
  tcp.after(100ms).peer_sends(ack(1, 8001));  // 16 segments in 50 ms: two each 6.25 ms
  tcp.stack_sends(data(8001, 1000, 1));
  tcp.stack_sends(data(9001, 1000, 1));
  for (std::uint32_t seq = 10001; seq < 24001; seq += 2000) {
    tcp.stack_sends(data(seq, 1000, 1));
    tcp.stack_sends(data(seq + 1000, 1000, 1));
    tcp.stack_sends_nothing();
    EXPECT_EQ(tcp.timers().size(), 1U);
    tcp.after(6250us);
  }
  tcp.stack_sends_nothing();
  EXPECT_EQ(tcp.info().pacing_bytes_per_s, 320'000U);
}

TEST(TcpPacing, CanBeSwitchedOff) {
  TcpConfig config;
  config.congestion = CongestionKind::kReno;
  config.pacing = PacingMode::kOn;
  TcpDialect tcp(config);
  tcp.established();
  tcp.user_writes(10'000);
  tcp.taken();
  tcp.user_writes(50'000);
  TcpOpenOptions options;
  options.pacing = PacingMode::kOff;
  tcp.after(100ms).stack().set_options(tcp.now(), tcp.id(), options);
  tcp.peer_sends(ack(1, 5001));
  tcp.peer_sends(ack(1, 10001));
  EXPECT_EQ(tcp.taken().size(), 20U);
}

TcpPair::Settings bbr_over(double loss) {
  TcpPair::Settings settings;
  settings.pipe.loss = loss;
  settings.client.congestion = CongestionKind::kBbr;
  settings.client.send_buffer_bytes = settings.server.receive_buffer_bytes = 8 << 20;
  return settings;
}

double goodput_mbps(TcpPair& pair, Duration time) {
  const std::uint64_t before = pair.client_info(0).bytes_acked;
  pair.run(time);
  EXPECT_TRUE(pair.exact());
  const auto bytes = static_cast<double>(pair.client_info(0).bytes_acked - before);
  return bytes * 8e3 / static_cast<double>(time.count());
}

// 100 Mb/s, 20 ms, a queue of a round trip: the path is full, the queue is not.
TEST(Bbr, FillsThePathAndNotTheQueue) {
  TcpPair pair(bbr_over(0));
  pair.start({.client_bytes = 1ULL << 40, .server_bytes = 0});
  goodput_mbps(pair, 2s);  // it finds out with more than the queue holds
  const std::uint32_t retransmits = pair.client_info(0).retransmits;
  EXPECT_GT(goodput_mbps(pair, 7s), 88.0);
  EXPECT_LT(pair.client_info(0).srtt, 26ms);
  EXPECT_EQ(pair.client_info(0).retransmits, retransmits);
  const double measured = static_cast<double>(pair.client_info(0).delivery_bytes_per_s) * 8e-6;
  EXPECT_NEAR(measured, 94.0, 6.0);
}

// A send buffer of four paths, full of what waits behind losses, does not keep it in startup.
TEST(Bbr, ASmallSendBufferDoesNotKeepItInStartup) {
  TcpPair::Settings settings = bbr_over(0);
  settings.client.send_buffer_bytes = settings.server.receive_buffer_bytes = 1 << 20;
  TcpPair pair(settings);
  pair.start({.client_bytes = 1ULL << 40, .server_bytes = 0});
  goodput_mbps(pair, 2s);
  const std::uint32_t retransmits = pair.client_info(0).retransmits;
  EXPECT_GT(goodput_mbps(pair, 5s), 88.0);
  EXPECT_LE(pair.client_info(0).retransmits, retransmits + 10);
}

// Loss that no queue caused does not stop it: CUBIC has 7 Mb/s here (tests/golden).
TEST(Bbr, LossAloneDoesNotSlowItDown) {
  TcpPair pair(bbr_over(0.01));
  pair.start({.client_bytes = 1ULL << 40, .server_bytes = 0});
  EXPECT_GT(goodput_mbps(pair, 9s), 75.0);
  EXPECT_GT(pair.client_info(0).retransmits, 100U);
}

// §4.3.5: every ten seconds the flight goes down to four segments for 200 ms, unless the least
// round trip was seen meanwhile.
TEST(Bbr, LooksAtTheRoundTripEveryTenSeconds) {
  TcpPair pair(bbr_over(0));
  pair.start({.client_bytes = 1ULL << 40, .server_bytes = 0});
  Duration shortest = 1s;
  int low = 0;
  for (int step = 0; step < 1300; ++step) {
    pair.run(10ms);
    const TcpInfo info = pair.client_info(0);
    if (step > 100 && info.cwnd_bytes <= 4 * info.mss_bytes) ++low;
    shortest = std::min(shortest, info.srtt);
  }
  EXPECT_GE(low, 15);
  EXPECT_LE(low, 40);
  EXPECT_LT(shortest, 22ms);
  EXPECT_GT(goodput_mbps(pair, 5s), 85.0) << "it comes back";
}

// With less to send than the path takes the estimate neither falls nor explodes.
TEST(Bbr, ASlowWriterLeavesTheModelAlone) {
  TcpPair pair(bbr_over(0));
  pair.start({.client_bytes = 3'000'000, .server_bytes = 0, .write_bytes = 1000});
  EXPECT_TRUE(pair.run(60s));
  EXPECT_TRUE(pair.exact());
}

// Everything about it survives a move to another stack: the trace is the same.
TEST(Bbr, MovesBetweenStacks) {
  std::array<std::uint64_t, 2> traces{};
  for (const bool moves : {false, true}) {
    TcpPair pair(bbr_over(0.01));
    if (moves) pair.migrate_every(17);
    pair.start({.client_bytes = 3'000'000, .server_bytes = 0});
    EXPECT_TRUE(pair.run(100s));
    EXPECT_TRUE(pair.exact());
    traces[moves ? 1 : 0] = pair.trace();
  }
  EXPECT_EQ(traces[0], traces[1]);
}

TEST(Bbr, ASocketMayChooseItInTheMiddle) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(20'000);
  tcp.taken();
  TcpOpenOptions options;
  options.congestion = CongestionKind::kBbr;
  tcp.stack().set_options(tcp.now(), tcp.id(), options);
  tcp.after(100ms).peer_sends(ack(1, 10001));
  EXPECT_EQ(tcp.info().congestion, CongestionKind::kBbr);
  EXPECT_GT(tcp.info().delivery_bytes_per_s, 0U);
  tcp.after(1s).peer_sends(ack(1, 20001));
  tcp.taken();
  EXPECT_EQ(tcp.status().unsent_bytes, 0U);
}

}  // namespace
}  // namespace twinpath::test
