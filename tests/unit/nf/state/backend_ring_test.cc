// Maglev's two properties: an even load, and little that moves when a backend goes.
#include "models/nf/state/backend_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "models/base/rng.h"

namespace twinpath {
namespace {

struct Found {
  Index backend;
  std::uint32_t tried;
};

Found find(const BackendRing& ring, std::uint32_t hash) {
  Probe probe;
  const Index backend = ring.find(hash, Pcvs(probe, 2));
  return {backend, probe.pcv[2]};
}

TEST(BackendRing, EveryBackendGetsItsShare) {
  const BackendRing ring({10, 1021, 3});
  std::map<Index, int> share;
  for (std::uint32_t bucket = 0; bucket < 1021; ++bucket) ++share[ring.favourite(bucket)];
  ASSERT_EQ(share.size(), 10U);
  for (const auto& [backend, buckets] : share) EXPECT_NEAR(buckets, 102, 45) << backend;
}

TEST(BackendRing, OnlyTheFlowsOfADeadBackendMove) {
  BackendRing ring({8, 1021, 1});
  for (Index i = 0; i < 8; ++i) ring.set_alive(i, true);
  std::vector<Found> before;
  Rng rng(1);
  for (int i = 0; i < 5000; ++i) {
    before.push_back(find(ring, static_cast<std::uint32_t>(rng.at(i))));
    ASSERT_EQ(before.back().tried, 1U);
  }
  ring.set_alive(3, false);
  std::set<Index> heirs;
  for (int i = 0; i < 5000; ++i) {
    const Found after = find(ring, static_cast<std::uint32_t>(rng.at(i)));
    if (before[i].backend != 3) {
      ASSERT_EQ(after.backend, before[i].backend);
    } else {
      heirs.insert(after.backend);
      ASSERT_EQ(after.tried, 2U);
    }
  }
  EXPECT_EQ(heirs.size(), 7U) << "the load of the dead is shared";
}

TEST(BackendRing, SaysWhenNobodyIsAlive) {
  BackendRing ring({4, 5, 1});
  EXPECT_EQ(find(ring, 1).backend, kNoIndex);
  EXPECT_EQ(find(ring, 1).tried, 4U);
  ring.set_alive(2, true);
  for (const std::uint32_t hash : std::array<std::uint32_t, 3>{0, 0x80000000, 0xffffffff}) {
    EXPECT_EQ(find(ring, hash).backend, 2U);
  }
}

TEST(BackendRing, KnowsPrimes) {
  for (const std::uint32_t prime : std::array<std::uint32_t, 4>{2, 3, 1021, 65537}) {
    EXPECT_TRUE(BackendRing::is_prime(prime));
  }
  for (const std::uint32_t other : std::array<std::uint32_t, 5>{0, 1, 4, 1023, 65536}) {
    EXPECT_FALSE(BackendRing::is_prime(other));
  }
}

}  // namespace
}  // namespace twinpath
