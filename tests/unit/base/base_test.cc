// Rng, timers, histogram, fields and hashes of models/base.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <list>
#include <vector>

#include "models/base/field.h"
#include "models/base/histogram.h"
#include "models/base/rng.h"
#include "models/base/timer.h"

namespace twinpath {
namespace {

TEST(Rng, ForkDependsOnPathAndSeedNotOnDraws) {
  Rng first(7);
  const std::uint64_t before = first.fork("tcp.isn").next();
  for (int draw = 0; draw < 10; ++draw) static_cast<void>(first.next());
  EXPECT_EQ(first.fork("tcp.isn").next(), before);
  EXPECT_NE(first.fork("tcp.port").next(), before);
  EXPECT_NE(Rng(8).fork("tcp.isn").next(), before);
}

TEST(Rng, AtIsTheStreamByIndex) {
  Rng rng(3);
  for (std::uint64_t index = 0; index < 100; ++index) EXPECT_EQ(Rng(3).at(index), rng.next());
}

TEST(Rng, GoldenStream) {  // a change here changes every recorded run
  Rng rng(1);
  EXPECT_EQ(rng.next(), 0x910a2dec89025cc1ULL);
  EXPECT_EQ(rng.next(), 0xbeeb8da1658eec67ULL);
}

TEST(Rng, BelowStaysBelowAndReachesBothEnds) {
  Rng rng(5);
  std::vector<int> seen(10);
  for (int draw = 0; draw < 10000; ++draw) ++seen[rng.below(10)];
  EXPECT_GT(*std::min_element(seen.begin(), seen.end()), 850);
  EXPECT_LT(*std::max_element(seen.begin(), seen.end()), 1150);
}

TEST(Rng, ExponentialHasItsMeanAndItsTail) {
  Rng rng(11);
  const Duration mean(1'000'000);
  double sum = 0;
  int beyond = 0;
  constexpr int kDraws = 200000;
  for (int draw = 0; draw < kDraws; ++draw) {
    const auto value = static_cast<double>(rng.exponential(mean).count());
    sum += value;
    if (value > 3e6) ++beyond;
  }
  EXPECT_NEAR(sum / kDraws, 1e6, 1e4);
  EXPECT_NEAR(static_cast<double>(beyond) / kDraws, std::exp(-3.0), 2e-3);
}

TEST(Probability, ZeroNeverOneAlwaysAndTheRateBetween) {
  Rng rng(2);
  int hits = 0;
  for (int draw = 0; draw < 100000; ++draw) {
    EXPECT_FALSE(rng.chance(Probability::of(0.0)));
    EXPECT_TRUE(rng.chance(Probability::of(1.0)));
    hits += rng.chance(Probability::of(0.01)) ? 1 : 0;
  }
  EXPECT_NEAR(hits, 1000, 150);
}

TEST(Histogram, QuantilesWithinOnePercentOfSortedData) {
  Rng rng(9);
  Histogram first;
  Histogram second;
  std::vector<std::uint64_t> values;
  for (int draw = 0; draw < 20000; ++draw) {
    const auto value = static_cast<std::uint64_t>(rng.exponential(Duration(5'000'000)).count());
    values.push_back(value);
    (draw % 2 == 0 ? first : second).add(value);
  }
  first.merge(second);
  std::sort(values.begin(), values.end());
  ASSERT_EQ(first.count(), values.size());
  for (const double fraction : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(values.size()))) - 1;
    const auto exact = static_cast<double>(values[rank]);
    EXPECT_NEAR(static_cast<double>(first.quantile(fraction)), exact, exact * 0.01 + 1);
  }
}

TEST(Histogram, BucketsAreNarrowAndTile) {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 5000; ++value) histogram.add(value);
  std::uint64_t edge = 0;
  for (const auto& bucket : histogram.buckets()) {
    EXPECT_EQ(bucket.lo, edge);
    edge = bucket.hi;
    EXPECT_LE(static_cast<double>(bucket.hi - bucket.lo),
              std::max(1.0, 0.01 * static_cast<double>(bucket.lo)));
  }
}

// A naive list of (deadline, order of arming) beside the queue, over random schedules.
TEST(TimerQueue, AgreesWithANaiveList) {
  struct Owner {
    explicit Owner(std::vector<int>& log, int name)
        : timer(this,
                [](void* self, Instant) {
                  auto* owner = static_cast<Owner*>(self);
                  owner->fired.push_back(owner->id);
                }),
          fired(log),
          id(name) {}
    Timer timer;
    std::vector<int>& fired;
    int id;
  };
  struct Entry {
    std::int64_t deadline;
    int order;
    int id;
  };
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    std::vector<int> fired;
    std::vector<int> expected;
    std::deque<Owner> owners;
    for (int id = 0; id < 20; ++id) owners.emplace_back(fired, id);
    std::vector<Entry> naive;
    TimerQueue queue;
    std::int64_t now = 0;
    for (int step = 0; step < 300; ++step) {
      const int id = static_cast<int>(rng.below(20));
      const auto action = rng.below(4);
      if (action < 2) {
        const auto deadline = now + static_cast<std::int64_t>(rng.below(50));
        queue.arm(owners[static_cast<std::size_t>(id)].timer, at_ns(deadline));
        std::erase_if(naive, [&](const Entry& entry) { return entry.id == id; });
        naive.push_back({deadline, step, id});
      } else if (action == 2) {
        queue.cancel(owners[static_cast<std::size_t>(id)].timer);
        std::erase_if(naive, [&](const Entry& entry) { return entry.id == id; });
      } else {
        now += static_cast<std::int64_t>(rng.below(20));
        queue.expire(at_ns(now));
        std::sort(naive.begin(), naive.end(), [](const Entry& a, const Entry& b) {
          return a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order;
        });
        while (!naive.empty() && naive.front().deadline <= now) {
          expected.push_back(naive.front().id);
          naive.erase(naive.begin());
        }
      }
      ASSERT_EQ(fired, expected) << "seed " << seed << " step " << step;
      ASSERT_EQ(queue.size(), naive.size());
      std::int64_t earliest = to_ns(kNever);
      for (const Entry& entry : naive) earliest = std::min(earliest, entry.deadline);
      ASSERT_EQ(to_ns(queue.next_deadline()), earliest);
    }
  }
}

TEST(TimerQueue, OneRearmingAtNowFiresOncePerCall) {
  struct Rearm {
    TimerQueue queue;
    int fired = 0;
    Timer timer{this, [](void* self, Instant now) {
                  auto* owner = static_cast<Rearm*>(self);
                  ++owner->fired;
                  owner->queue.arm(owner->timer, now);
                }};
  } rearm;
  rearm.queue.arm(rearm.timer, kStart);
  rearm.queue.expire(kStart);
  EXPECT_EQ(rearm.fired, 1);
  rearm.queue.expire(kStart);
  EXPECT_EQ(rearm.fired, 2);
}

struct SampleConfig {
  std::uint32_t window_bytes = 100;
  Duration delay{5};
  static constexpr auto fields() {
    return std::tuple(
        Field{"window_bytes", "window", &SampleConfig::window_bytes,
              Limits{.unit = "bytes", .min = 1, .max = 1000}},
        Field{"delay", "delay", &SampleConfig::delay, Limits{.unit = "ns", .min = 0, .max = 10}});
  }
};

TEST(Field, EveryProblemIsNamedAtOnce) {
  SampleConfig config;
  EXPECT_TRUE(validate_fields(config).empty());
  config.window_bytes = 0;
  config.delay = Duration(11);
  const auto problems = validate_fields(config);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].field, "window_bytes");
  EXPECT_EQ(problems[0].allowed, "1 to 1000 bytes");
  EXPECT_EQ(problems[1].value, "11");
}

// Of timers due at one instant the one armed first fires first, moved or not.
TEST(TimerQueue, AResumedTimerKeepsItsPlace) {
  TimerQueue queue;
  std::vector<int> fired;
  struct Owner {
    std::vector<int>& log;
    int number;
  };
  const auto fire = [](void* owner, Instant) {
    static_cast<Owner*>(owner)->log.push_back(static_cast<Owner*>(owner)->number);
  };
  Owner first{fired, 1};
  Owner second{fired, 2};
  Timer leaving(&first, fire);
  Timer staying(&second, fire);
  queue.arm(leaving, at_ns(5));
  queue.arm(staying, at_ns(5));
  const TimerPlace place = leaving.place();
  queue.cancel(leaving);
  Timer arriving(&first, fire);
  queue.resume(arriving, place);
  queue.expire(at_ns(5));
  EXPECT_EQ(fired, (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace twinpath
