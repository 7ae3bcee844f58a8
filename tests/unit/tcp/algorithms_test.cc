// The arithmetic: congestion control against closed forms, the RTT estimator against RFC 6298's
// formulas, SipHash against its authors' vectors, the flow table against std::map.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/base/rng.h"
#include "models/tcp/congestion.h"
#include "models/tcp/core.h"
#include "models/tcp/isn.h"
#include "models/tcp/rtt.h"
#include "models/tcp/tables.h"

namespace twinpath::tcp {
namespace {

using namespace std::chrono_literals;

TEST(CubeRoot, AgreesWithBruteForce) {
  std::uint64_t root = 0;
  for (std::uint64_t value = 0; value < 200'000; ++value) {
    if ((root + 1) * (root + 1) * (root + 1) <= value) ++root;
    ASSERT_EQ(cube_root(value), root) << value;
  }
}

TEST(CubeRoot, IsExactAroundLargeCubes) {
  Rng rng(1);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t root = 2 + rng.below((1ULL << 42) - 3);
    const Uint128 cube = static_cast<Uint128>(root) * root * root;
    ASSERT_EQ(cube_root(cube), root);
    ASSERT_EQ(cube_root(cube - 1), root - 1);
  }
}

constexpr std::uint32_t kMss = 1448;

CongestionControl at_window(CongestionKind kind, std::uint32_t segments) {
  CongestionWindow window;
  window.mss_bytes = kMss;
  window.cwnd_bytes = segments * kMss;
  return CongestionControl(kind, window);
}

// RFC 9438 §4.2: the window against C (t - K)^3 + W_max in floating point, once a second for a
// minute after a loss at 1000 segments, acknowledged as a round trip of 100 ms would.
TEST(Cubic, FollowsTheClosedForm) {
  CongestionControl cubic = at_window(CongestionKind::kCubic, 1000);
  const Duration rtt = 100ms;
  cubic.on_congestion({kStart, 1000 * kMss});
  EXPECT_EQ(cubic.cwnd_bytes(), 1000 * kMss * 7 / 10);
  const double k = std::cbrt(1000 * 0.3 / 0.4);
  Instant now = kStart;
  for (int round = 1; round <= 300; ++round) {
    now += rtt;
    const std::uint32_t cwnd = cubic.cwnd_bytes();
    for (std::uint32_t acked = 0; acked < cwnd; acked += 2 * kMss) {
      cubic.on_ack({now, 2 * kMss, rtt, true});
    }
    if (round % 10 != 0) continue;
    const double t = static_cast<double>(round) * 0.1;
    const double expected = 0.4 * std::pow(t - k, 3) + 1000;
    EXPECT_NEAR(static_cast<double>(cubic.cwnd_bytes()) / kMss, expected, 0.03 * expected + 2)
        << "at " << t << " s";
  }
}

// RFC 9438 §4.3: on a short path CUBIC is no slower than Reno at the same loss.
TEST(Cubic, IsRenoFriendlyOnShortPaths) {
  CongestionControl cubic = at_window(CongestionKind::kCubic, 20);
  CongestionControl reno = at_window(CongestionKind::kReno, 20);
  cubic.on_congestion({kStart, 20 * kMss});
  reno.on_congestion({kStart, 20 * kMss});
  Instant now = kStart;
  for (int round = 0; round < 100; ++round) {
    now += 1ms;
    for (CongestionControl* control : {&cubic, &reno}) {
      const std::uint32_t cwnd = control->cwnd_bytes();
      for (std::uint32_t acked = 0; acked < cwnd; acked += kMss) {
        control->on_ack({now, kMss, 1ms, true});
      }
    }
  }
  EXPECT_GE(cubic.cwnd_bytes() + kMss, reno.cwnd_bytes() * 7 / 10);
  EXPECT_LE(cubic.cwnd_bytes(), reno.cwnd_bytes() * 13 / 10);
}

// RFC 9438 §4.7.
TEST(Cubic, ConvergesFastWhenItsShareShrinks) {
  CongestionControl cubic = at_window(CongestionKind::kCubic, 100);
  cubic.on_congestion({kStart, 100 * kMss});
  cubic.on_congestion({kStart + 1s, 70 * kMss});
  EXPECT_EQ(cubic.ssthresh_bytes(), 70 * kMss * 7 / 10);
}

// RFC 9438 §5.8: time without data does not count.
TEST(Cubic, IdleTimeDoesNotCount) {
  CongestionControl cubic = at_window(CongestionKind::kCubic, 100);
  cubic.on_congestion({kStart, 100 * kMss});
  cubic.on_ack({kStart + 100ms, kMss, 10ms, true});
  const std::uint32_t before = cubic.cwnd_bytes();
  cubic.on_ack({kStart + 110ms, kMss, 10ms, false});
  cubic.on_ack({kStart + 100s, kMss, 10ms, true});
  EXPECT_LE(cubic.cwnd_bytes(), before + kMss);
}

// Slow start of one round trip after another; `rtt` tells that of the acknowledgement's round.
class HyStartRounds {
 public:
  explicit HyStartRounds(CongestionKind kind) : control_(at_window(kind, 10)) {}
  void round(Duration rtt) {
    const SeqNum end = sent_ + control_.cwnd_bytes();
    const SeqNum begin = std::exchange(sent_, end);
    for (SeqNum acked = begin + kMss; acked <= end; acked += kMss) {
      control_.on_ack({kStart, kMss, rtt, true, rtt, acked, end + kMss});
    }
  }
  [[nodiscard]] std::uint32_t segments() const { return control_.cwnd_bytes() / kMss; }
  [[nodiscard]] bool in_slow_start() const { return control_.in_slow_start(); }

 private:
  CongestionControl control_;
  SeqNum sent_{0xffffff00U};
};

// RFC 9406 §4.2: as long as the round trip stays what it was, the window doubles.
TEST(HyStart, DoublesWhileNothingQueues) {
  HyStartRounds path(CongestionKind::kReno);
  for (int round = 0; round < 6; ++round) path.round(20ms);
  EXPECT_EQ(path.segments(), 640U);
}

// A queue of 4 ms: a quarter of the growth for five rounds, then congestion avoidance.
TEST(HyStart, LeavesSlowStartWhenAQueueBuildsUp) {
  for (const auto kind : {CongestionKind::kReno, CongestionKind::kCubic}) {
    HyStartRounds path(kind);
    path.round(20ms);
    path.round(20ms);
    path.round(24ms);
    EXPECT_LT(path.segments(), 60U) << "a quarter from the eighth sample on";
    EXPECT_TRUE(path.in_slow_start());
    for (int round = 0; round < 5; ++round) path.round(30ms);
    EXPECT_FALSE(path.in_slow_start());
    EXPECT_LT(path.segments(), 180U);
  }
}

// The delay falls again: it was jitter, and the window doubles on.
TEST(HyStart, GoesOnWhenItWasJitter) {
  HyStartRounds path(CongestionKind::kCubic);
  path.round(20ms);
  path.round(20ms);
  path.round(25ms);
  path.round(20ms);
  const std::uint32_t before = path.segments();
  path.round(20ms);
  EXPECT_GE(path.segments(), 2 * before - 1);
  EXPECT_TRUE(path.in_slow_start());
}

// RFC 8257 §3.3: the estimate follows the share of marks, and the window shrinks by half of it.
TEST(Dctcp, TheWindowShrinksByTheShareOfMarks) {
  for (const std::uint32_t every : {1U, 4U, 16U}) {
    CongestionControl dctcp = at_window(CongestionKind::kDctcp, 100);
    SeqNum acked;
    for (std::uint32_t segment = 0; segment < 100 * 120; ++segment) {
      acked += kMss;
      AckSample sample{kStart, kMss, 1ms, false};
      sample.acked_to = acked;
      sample.sent_to = acked + 100 * kMss;
      sample.marked = segment % every == 0;
      dctcp.observe(sample);
    }
    const std::uint32_t before = dctcp.cwnd_bytes();
    dctcp.on_mark({kStart, before});
    const double cut = 1.0 - static_cast<double>(dctcp.cwnd_bytes()) / before;
    EXPECT_NEAR(cut, 0.5 / every, 0.02 / every) << "every " << every;
  }
}

// RFC 8257 §3.5: a loss is a loss.
TEST(Dctcp, HalvesAfterALoss) {
  CongestionControl dctcp = at_window(CongestionKind::kDctcp, 100);
  dctcp.on_congestion({kStart, 100 * kMss});
  EXPECT_EQ(dctcp.cwnd_bytes(), 50 * kMss);
}

// RFC 5681 §3.1, equation 3: one segment per window acknowledged.
TEST(Reno, GrowsOneSegmentPerRoundTrip) {
  CongestionControl reno = at_window(CongestionKind::kReno, 20);
  reno.on_congestion({kStart, 20 * kMss});
  for (std::uint32_t round = 0; round < 50; ++round) {
    const std::uint32_t cwnd = reno.cwnd_bytes();
    EXPECT_EQ(cwnd, (10 + round) * kMss);
    for (std::uint32_t acked = 0; acked < cwnd; acked += kMss)
      reno.on_ack({kStart, kMss, 1ms, true});
  }
}

TEST(SlowStart, DoublesPerRoundTripAndStopsAtTheThreshold) {
  CongestionControl reno = at_window(CongestionKind::kReno, 10);
  for (int ack = 0; ack < 10; ++ack) reno.on_ack({kStart, kMss, 1ms, true});
  EXPECT_EQ(reno.cwnd_bytes(), 20 * kMss);
  reno.on_ack({kStart, kMss, 1ms, false});
  EXPECT_EQ(reno.cwnd_bytes(), 20 * kMss) << "nobody used the window";
}

// RFC 5681 §3.1: the loss window and the smallest threshold.
TEST(Congestion, TimeoutLeavesOneSegment) {
  for (const auto kind : {CongestionKind::kReno, CongestionKind::kCubic}) {
    CongestionControl control = at_window(kind, 10);
    control.on_timeout({kStart, 3 * kMss});
    EXPECT_EQ(control.cwnd_bytes(), kMss);
    EXPECT_GE(control.ssthresh_bytes(), 2 * kMss);
  }
}

// RFC 6298 §2, in floating point.
TEST(Rtt, FollowsTheFormulas) {
  TcpConfig config;
  config.rto_min = Duration::zero();
  RttEstimator rtt(config);
  EXPECT_EQ(rtt.rto(config), 1s);
  Rng rng(2);
  double srtt = 0;
  double rttvar = 0;
  for (int i = 0; i < 1000; ++i) {
    const Duration sample = 10ms + Duration(rng.below(50'000'000));
    const auto r = static_cast<double>(sample.count());
    if (i == 0) {
      srtt = r;
      rttvar = r / 2;
    } else {
      rttvar = 0.75 * rttvar + 0.25 * std::abs(srtt - r);
      srtt = 0.875 * srtt + 0.125 * r;
    }
    rtt.on_sample(config, sample);
    EXPECT_NEAR(static_cast<double>(rtt.srtt().count()), srtt, 20);
    EXPECT_NEAR(static_cast<double>(rtt.rto(config).count()), srtt + std::max(1e6, 4 * rttvar), 60);
  }
}

TEST(Rtt, BacksOffToTheMaximum) {
  const TcpConfig config;
  RttEstimator rtt(config);
  for (int i = 0; i < 40; ++i) rtt.back_off();
  EXPECT_EQ(rtt.rto(config), config.rto_max);
  rtt.clear_backoff();
  EXPECT_EQ(rtt.rto(config), 1s);
}

// Appendix A of the paper uses bytes; these are the reference implementation's for whole words.
TEST(SipHash, KnownAnswers) {
  const std::array<std::uint64_t, 2> key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  const std::array<std::uint64_t, 2> words = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  const std::span<const std::uint64_t> all(words);
  EXPECT_EQ(siphash(key, all.first(0)), 0x726fdb47dd0e0e31ULL);
  EXPECT_EQ(siphash(key, all.first(1)), 0x93f5f5799a932462ULL);
  EXPECT_EQ(siphash(key, all), 0x3f2acc7f57c29bdbULL);
}

// RFC 6528 §3: another connection, another secret, another number; the same flow moves with time.
TEST(Isn, DependsOnFlowSecretAndTime) {
  const SecretNumbers secrets(Rng(1));
  FlowKey flow{Ipv4Address(1), Ipv4Address(2), 1000, 80};
  const SeqNum first = secrets.isn(flow, kStart);
  EXPECT_EQ(secrets.isn(flow, kStart + 4us) - first, 1);
  EXPECT_EQ(secrets.isn(flow, kStart), first);
  EXPECT_NE(SecretNumbers(Rng(2)).isn(flow, kStart), first);
  flow.local_port = 1001;
  EXPECT_NE(secrets.isn(flow, kStart), first);
}

// RFC 6056 §3.3.3: where the search for a port begins is another place for every peer and secret.
TEST(Isn, SoDoesTheChoiceOfPorts) {
  const SecretNumbers secrets(Rng(1));
  FlowKey flow{Ipv4Address(1), Ipv4Address(2), 0, 80};
  const std::uint32_t first = secrets.port_offset(flow);
  EXPECT_EQ(secrets.port_offset(flow), first);
  EXPECT_NE(SecretNumbers(Rng(2)).port_offset(flow), first);
  flow.remote_port = 81;
  EXPECT_NE(secrets.port_offset(flow), first);
}

class NobodyListens final : public TcpUser {
 public:
  void on_tcp_ready(TcpId, std::uint32_t) override {}
  void on_tcp_accept(TcpListenerId) override {}
};

TEST(FlowTable, AgreesWithStdMap) {
  Rng rng(3);
  HeapPool pool{HeapPoolOptions{}};
  TimerQueue timers;
  EventBus bus;
  NobodyListens user;
  Core core(TcpConfig(), TcpDeps{pool, timers, bus, Rng(1), user});
  FlowTable table(42, core.connections);
  std::map<std::uint16_t, Connection*> naive;
  for (int step = 0; step < 20'000; ++step) {
    const auto port = static_cast<std::uint16_t>(rng.below(300));
    const FlowKey key{Ipv4Address(1), Ipv4Address(2), 80, port};
    const auto known = naive.find(port);
    ASSERT_EQ(table.find(key), known == naive.end() ? nullptr : known->second);
    if (known == naive.end()) {
      naive[port] = &core.connections.add(key, core.activities.none());
      table.insert(*naive[port]);
    } else if (rng.below(2) == 0) {
      table.erase(*known->second);
      core.connections.remove(*known->second);
      naive.erase(known);
    }
    ASSERT_EQ(table.size(), naive.size());
  }
}

TEST(TcpConfig, ValidatesFieldsTogether) {
  TcpConfig config;
  EXPECT_TRUE(config.validate().empty());
  config.rto_min = 200s;
  config.ephemeral_port_min = 61000;
  config.mss_bytes = 10;
  const auto problems = config.validate();
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(problems[0].field, "mss_bytes");
}

}  // namespace
}  // namespace twinpath::tcp
