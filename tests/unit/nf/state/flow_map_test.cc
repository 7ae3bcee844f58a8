// The map against std::map, and its counts against what collision traffic must cost.
#include "models/nf/state/flow_map.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "models/base/rng.h"

namespace twinpath {
namespace {

using Naive = std::map<std::pair<std::uint64_t, std::uint64_t>, Index>;

std::pair<std::uint64_t, std::uint64_t> pair(MapKey key) { return {key.first, key.second}; }

struct Counted {
  Index index;
  std::uint32_t visited;
  std::uint32_t collisions;
};

Counted find(const FlowMap& map, MapKey key) {
  Probe probe;
  const Index index = map.find(key, Pcvs(probe, 0));
  return {index, probe.pcv[0], probe.pcv[1]};
}

std::uint32_t insert(FlowMap& map, MapKey key, Index index) {
  Probe probe;
  map.insert(key, index, Pcvs(probe, 3));
  return probe.pcv[3];
}

std::uint32_t erase(FlowMap& map, Index index) {
  Probe probe;
  map.erase(index, Pcvs(probe, 7));
  return probe.pcv[7];
}

// Keys whose best slot is `home`.
std::vector<MapKey> keys_of(const FlowMap& map, std::uint32_t home, std::size_t count) {
  std::vector<MapKey> keys;
  for (std::uint64_t i = 0; keys.size() < count; ++i) {
    if (map.home({i, 0}) == home) keys.push_back({i, 0});
  }
  return keys;
}

void expect_same(const FlowMap& map, const Naive& naive, std::uint64_t keys_max) {
  ASSERT_EQ(map.size(), naive.size());
  for (std::uint64_t i = 0; i < keys_max; ++i) {
    const auto known = naive.find({i, i % 3});
    const Index expected = known == naive.end() ? kNoIndex : known->second;
    ASSERT_EQ(find(map, {i, i % 3}).index, expected) << i;
  }
}

// Small tables, so that they are often full and often wrap; random rehashes on the way.
TEST(FlowMap, IsAMapWhateverTheOrderOfCalls) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    const auto entries = static_cast<std::uint32_t>(1 + rng.below(40));
    FlowMap map({entries, seed, true});
    Naive naive;
    std::vector<Index> free;
    for (Index i = 0; i < entries; ++i) free.push_back(i);
    const std::uint64_t keys_max = 2 * entries + 1;
    for (int step = 0; step < 5000; ++step) {
      const std::uint64_t draw = rng.below(keys_max);
      const MapKey key{draw, draw % 3};
      const auto known = naive.find(pair(key));
      if (known != naive.end()) {
        ASSERT_EQ(map.key(known->second), key);
        erase(map, known->second);
        free.push_back(known->second);
        naive.erase(known);
      } else if (!free.empty()) {
        insert(map, key, free.back());
        naive[pair(key)] = free.back();
        free.pop_back();
      }
      if (step % 500 == 0) {
        Probe probe;
        map.rehash(rng.next(), Pcvs(probe, 0));
      }
      if (step % 50 == 0) expect_same(map, naive, keys_max);
    }
  }
}

TEST(FlowMap, CountsTheSlotsItLooksAt) {
  FlowMap map({64, 5});
  const auto keys = keys_of(map, 10, 8);
  for (Index i = 0; i < 6; ++i) EXPECT_EQ(insert(map, keys[i], i), i);
  for (Index i = 0; i < 6; ++i) {
    const Counted found = find(map, keys[i]);
    EXPECT_EQ(found.index, i);
    EXPECT_EQ(found.visited, i + 1);
    EXPECT_EQ(found.collisions, 0U);
  }
  EXPECT_EQ(find(map, keys[6]).visited, 6U) << "behind the last there is nothing";
  EXPECT_EQ(erase(map, 5), 5U);
  EXPECT_EQ(find(map, keys[6]).visited, 5U);
  EXPECT_EQ(erase(map, 0), 0U);
  EXPECT_EQ(find(map, keys[4]).visited, 5U) << "a hole does not end the search";
}

// Keys equal in all 32 bits that are stored: by the birthday bound 200,000 keys have some.
TEST(FlowMap, CountsEqualHashesOfUnequalKeys) {
  FlowMap wide({1U << 20, 1});
  std::map<std::uint32_t, std::uint64_t> seen;
  FlowMap map({4, 1});
  std::size_t collisions = 0;
  for (std::uint64_t i = 0; i < 1U << 21 && collisions == 0; ++i) {
    const auto [other, fresh] = seen.emplace(wide.home({i, 0}), i);
    if (fresh) continue;
    // Equal in 21 bits; in 31 perhaps.
    insert(map, {other->second, 0}, 0);
    collisions = find(map, {i, 0}).collisions;
    EXPECT_EQ(find(map, {i, 0}).index, kNoIndex);
    erase(map, 0);
  }
  EXPECT_EQ(collisions, 1U);
}

TEST(FlowMap, AnotherSeedScattersWhatCollided) {
  FlowMap map({64, 5, true});
  const auto keys = keys_of(map, 3, 64);
  for (Index i = 0; i < 64; ++i) insert(map, keys[i], i);
  EXPECT_EQ(find(map, keys[63]).visited, 64U);
  Probe probe;
  map.rehash(6, Pcvs(probe, 0));
  EXPECT_EQ(map.size(), 64U);
  std::uint32_t visited = 0;
  for (Index i = 0; i < 64; ++i) {
    const Counted found = find(map, keys[i]);
    ASSERT_EQ(found.index, i);
    visited += found.visited;
  }
  EXPECT_LT(visited, 64U * 3);
}

// A full table of which every slot has been passed by: the search still ends.
TEST(FlowMap, ASearchEndsAfterOneRound) {
  Rng rng(3);
  FlowMap map({2, 0});
  for (int step = 0; step < 2000; ++step) {
    const auto index = static_cast<Index>(step % 2);
    if (map.size() == 2) erase(map, index);
    MapKey key{rng.next(), 1};
    insert(map, key, index);
    EXPECT_LE(find(map, {rng.next(), 2}).visited, map.slots());
  }
}

}  // namespace
}  // namespace twinpath
