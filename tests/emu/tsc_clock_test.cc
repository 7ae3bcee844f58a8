// Model time from the counter: right to a few parts per million and never backwards.
#include "emu/tsc_clock.h"

#include <gtest/gtest.h>
#include <time.h>

namespace twinpath::emu {
namespace {

TEST(TscRate, TurnsTicksIntoNanoseconds) {
  const TscRate rate = TscRate::of(2'500'000'000);
  EXPECT_EQ(rate.to_ns(2'500'000'000), 999'999'999);  // 2^-32 of rounding, downwards
  EXPECT_EQ(rate.to_ns(0), 0);
  // A century does not overflow.
  EXPECT_NEAR(static_cast<double>(rate.to_ns(2'500'000'000ULL * 3'155'760'000ULL)), 3.15576e18,
              1e10);
}

TEST(TscGuard, ACounterThatGoesBackHoldsTimeStill) {
  TscGuard guard(TscRate::of(1'000'000'000), 1000);
  EXPECT_EQ(guard.at(1500), at_ns(500));
  EXPECT_EQ(guard.at(200), at_ns(500));
  EXPECT_EQ(guard.steps_back(), 1U);
  EXPECT_EQ(guard.at(300), at_ns(600));  // goes on from the new reading
}

TEST(TscClock, StartsAtZeroAndKeepsTheKernelsPace) {
  TscClock clock;
  EXPECT_LT(to_ns(clock.now()), 100'000'000);  // at zero, give or take a busy machine
  const timespec pause{.tv_sec = 0, .tv_nsec = 200'000'000};
  nanosleep(&pause, nullptr);
  EXPECT_GE(to_ns(clock.now()), 199'000'000);
  EXPECT_LT(std::abs(clock.drift().count()), 200'000) << "more than 0.1 % away from the kernel";
}

}  // namespace
}  // namespace twinpath::emu
