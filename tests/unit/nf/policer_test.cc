// The policer's rate, address by address, and the meter beneath it.
#include "models/nf/policer.h"

#include <map>

#include "tests/unit/nf/frames.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kInsideHost = 0x0a000001;

class PolicerTest : public ::testing::Test {
 protected:
  Policer::Outcome run(BufPtr frame, PortId in) {
    done_ = process(policer_, *frame, in, now_);
    const auto outcome = static_cast<Policer::Outcome>(done_.probe.outcome);
    EXPECT_EQ(done_.verdict,
              outcome >= Policer::kNotIpv4 ? Verdict::forward(in ^ 1) : Verdict::drop());
    return outcome;
  }
  // 100 bytes of IP towards a host inside.
  Policer::Outcome towards(std::uint32_t host) {
    return run(make_.udp({0xcb007101, 80, kInsideHost + host, 1000}, {.payload_len = 72}), 1);
  }

  FrameMaker make_;
  // Ten packets at once, one more every tenth of a second.
  Policer policer_{{.rate_bytes_per_s = 1000, .burst_bytes = 1000, .addresses_max = 4}};
  Instant now_ = kStart + 1s;
  Processed done_;
};

TEST_F(PolicerTest, EachAddressHasItsRate) {
  for (std::uint32_t host = 0; host < 2; ++host) {
    EXPECT_EQ(towards(host), Policer::kNew);
    for (int i = 1; i < 10; ++i) EXPECT_EQ(towards(host), Policer::kKnown) << i;
    EXPECT_EQ(towards(host), Policer::kExceeded);
  }
  now_ += 99ms;
  EXPECT_EQ(towards(0), Policer::kExceeded);
  now_ += 1ms;
  EXPECT_EQ(towards(0), Policer::kKnown);
  EXPECT_EQ(towards(0), Policer::kExceeded);
}

TEST_F(PolicerTest, WhatGoesOutPasses) {
  for (int i = 0; i < 30; ++i) EXPECT_EQ(run(make_.udp({}), 0), Policer::kOutbound);
  BufPtr arp = make_.udp({});
  store_be16(arp->data() + 12, 0x0806);
  EXPECT_EQ(run(std::move(arp), 1), Policer::kNotIpv4);
}

TEST_F(PolicerTest, AddressesWithoutTrafficMakeRoom) {
  for (std::uint32_t host = 0; host < 4; ++host) EXPECT_EQ(towards(host), Policer::kNew);
  EXPECT_EQ(towards(4), Policer::kTableFull);
  now_ += 60s;
  EXPECT_EQ(towards(0), Policer::kKnown);
  now_ += 1ns;
  EXPECT_EQ(towards(4), Policer::kNew);
  EXPECT_EQ(done_.probe.pcv[Policer::kPcvExpired], 3U);
}

TEST_F(PolicerTest, NothingBreaksIt) {
  std::map<std::uint32_t, int> outcomes;
  const auto each = [&outcomes](const Processed& done, PacketBuf&) {
    ++outcomes[done.probe.outcome];
  };
  torture(policer_, make_, *make_.udp({0xcb007101, 80, kInsideHost, 1000}), each);
  EXPECT_EQ(outcomes.size(), 7U) << "everything it can say";
}

// Whatever the arrivals, no window lets more pass than the burst and its share of the rate.
TEST(RateMeter, NeverPassesMoreThanItsRule) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Rng rng(seed);
    const RateLimit limit{1 + rng.below(2'000'000'000), 1500 + rng.below(100'000)};
    const RateRule rule(limit);
    Instant now = at_ns(static_cast<std::int64_t>(rng.below(1'000'000)));
    const Instant begin = now;
    RateMeter meter(rule, now);
    double passed = 0;
    for (int i = 0; i < 20000; ++i) {
      now += Duration(rng.below(2000));
      const auto bytes = static_cast<std::uint32_t>(20 + rng.below(1481));
      if (meter.pass(rule, bytes, now)) passed += bytes;
      const double earned = static_cast<double>((now - begin).count()) * 1e-9 *
                            static_cast<double>(limit.bytes_per_s);
      ASSERT_LE(passed, earned + static_cast<double>(limit.burst_bytes) + 1);
    }
  }
}

TEST(RateMeter, AtItsLimitsItDoesNotOverflow) {
  const RateLimit limit{RateRule::kBytesPerSMax, RateRule::kBurstBytesMax};
  const RateRule rule(limit);
  RateMeter meter(rule, kStart);
  EXPECT_TRUE(meter.pass(rule, 4'000'000'000U, kStart));
  EXPECT_FALSE(meter.pass(rule, 1, kStart));
  EXPECT_TRUE(meter.pass(rule, 125, kStart + 1ns));
  EXPECT_TRUE(meter.pass(rule, 4'000'000'000U, kStart + 100000h));
  const RateRule slow({1, RateRule::kBurstBytesMax});
  RateMeter drop(slow, kStart);
  EXPECT_TRUE(drop.pass(slow, 4'000'000'000U, kStart));
  EXPECT_FALSE(drop.pass(slow, 3601, kStart + 1h));
  EXPECT_TRUE(drop.pass(slow, 3600, kStart + 1h));
}

TEST(PolicerConfig, NamesWhatIsWrong) {
  auto problems = PolicerConfig{.rate_bytes_per_s = 0, .burst_bytes = 0}.validate();
  ASSERT_EQ(problems.size(), 2U);
  problems = PolicerConfig{.rate_bytes_per_s = 1000, .burst_bytes = 100'000}.validate();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].field, "address_timeout");
  EXPECT_EQ(problems[0].allowed, "from 100000000001 ns");
}

}  // namespace
}  // namespace twinpath
