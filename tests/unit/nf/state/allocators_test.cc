// Both allocators against naive models: who is free, who is oldest, who is old.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "models/base/rng.h"
#include "models/nf/state/double_chain.h"
#include "models/nf/state/sweep_pool.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

struct Use {
  Instant when;
  int order;
  std::uint8_t chain;
};

// The one to expire: of its chain the oldest, and of equals the first to be used.
Index oldest(const std::map<Index, Use>& used, std::uint8_t chain, Instant before) {
  Index found = kNoIndex;
  int order = 0;
  for (const auto& [index, use] : used) {
    if (use.chain != chain) continue;
    if (found == kNoIndex || use.order < order) {
      found = index;
      order = use.order;
    }
  }
  return found != kNoIndex && used.at(found).when < before ? found : kNoIndex;
}

TEST(DoubleChain, GivesBackTheOldestOfEachChain) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    const auto entries = static_cast<std::uint32_t>(1 + rng.below(30));
    DoubleChain chain({entries, 3});
    std::map<Index, Use> used;
    Instant now = kStart;
    for (int step = 0; step < 5000; ++step) {
      now += Duration(rng.below(3));
      const auto which = static_cast<std::uint8_t>(rng.below(3));
      const auto index = static_cast<Index>(rng.below(entries));
      switch (rng.below(4)) {
        case 0: {
          const Index fresh = chain.allocate(now, ChainId{which});
          ASSERT_EQ(fresh == kNoIndex, used.size() == entries);
          if (fresh == kNoIndex) break;
          ASSERT_TRUE(used.emplace(fresh, Use{now, step, which}).second);
          break;
        }
        case 1:
          if (used.count(index) == 0) break;
          chain.rejuvenate(index, now, ChainId{which});
          used[index] = {now, step, which};
          break;
        case 2: {
          const Instant before = now - Duration(rng.below(20));
          const Index expected = oldest(used, which, before);
          ASSERT_EQ(chain.expire_one(before, ChainId{which}), expected);
          used.erase(expected);
          break;
        }
        default:
          if (used.erase(index) == 1) chain.release(index);
      }
      ASSERT_EQ(chain.size(), used.size());
    }
  }
}

TEST(DoubleChain, AnEmptyChainHasNothingOld) {
  DoubleChain chain({4, 2});
  EXPECT_EQ(chain.expire_one(at_ns(1'000'000'000'000)), kNoIndex);
  ASSERT_EQ(chain.allocate(kStart, ChainId{1}), 0U);
  EXPECT_EQ(chain.expire_one(kStart + 1s, ChainId{0}), kNoIndex);
  EXPECT_EQ(chain.expire_one(kStart, ChainId{1}), kNoIndex) << "used at that moment is not before";
  EXPECT_EQ(chain.expire_one(kStart + 1s, ChainId{1}), 0U);
}

TEST(SweepPool, GivesBackOnlyWhatIsOld) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    const auto entries = static_cast<std::uint32_t>(1 + rng.below(30));
    SweepPool pool(entries);
    std::map<Index, Instant> used;
    Instant now = kStart;
    for (int step = 0; step < 5000; ++step) {
      now += Duration(rng.below(3));
      const auto index = static_cast<Index>(rng.below(entries));
      switch (rng.below(3)) {
        case 0: {
          const Index fresh = pool.allocate(now);
          ASSERT_EQ(fresh == kNoIndex, used.size() == entries);
          if (fresh != kNoIndex) used[fresh] = now;
          break;
        }
        case 1:
          if (used.count(index) == 0) break;
          pool.rejuvenate(index, now);
          used[index] = now;
          break;
        default: {
          const Instant before = now - Duration(rng.below(20));
          bool some_old = false;
          for (const auto& [other, when] : used) some_old |= when < before;
          const bool is_full = used.size() == entries;
          Probe probe;
          const Index gone = pool.expire_one(before, Pcvs(probe, 0));
          EXPECT_LE(probe.pcv[0], is_full ? entries : 1U);
          ASSERT_EQ(is_full && some_old && gone == kNoIndex, false) << "all are looked at";
          if (gone == kNoIndex) break;
          ASSERT_EQ(used.count(gone), 1U);
          ASSERT_LT(used[gone], before);
          used.erase(gone);
        }
      }
      ASSERT_EQ(pool.size(), used.size());
    }
  }
}

TEST(SweepPool, AFullPoolPaysForTheSweep) {
  SweepPool pool(100);
  for (int i = 0; i < 100; ++i) ASSERT_NE(pool.allocate(kStart + 1s), kNoIndex);
  pool.rejuvenate(42, kStart + 2s);
  Probe probe;
  EXPECT_EQ(pool.expire_one(kStart + 1s, Pcvs(probe, 0)), kNoIndex);
  EXPECT_EQ(probe.pcv[0], 100U);
  EXPECT_EQ(pool.expire_one(kStart + 2s, Pcvs(probe, 1)), 0U) << "the hand is where it was";
  EXPECT_EQ(probe.pcv[1], 1U);
}

}  // namespace
}  // namespace twinpath
