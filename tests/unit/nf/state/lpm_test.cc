// Both lookups against the definition: of the prefixes that cover an address the longest.
#include "models/nf/state/lpm.h"

#include <gtest/gtest.h>

#include "models/base/rng.h"

namespace twinpath {
namespace {

NextHop naive(const std::vector<LpmRoute>& routes, std::uint32_t address) {
  const LpmRoute* best = nullptr;
  for (const LpmRoute& route : routes) {
    if (!route.prefix.contains(Ipv4Address(address))) continue;
    if (best == nullptr || route.prefix.len() >= best->prefix.len()) best = &route;
  }
  return best == nullptr ? kNoRoute : best->next_hop;
}

// Few networks, so that prefixes cover each other and are given twice.
std::vector<LpmRoute> random_routes(Rng& rng, std::size_t count) {
  std::vector<LpmRoute> routes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto high = static_cast<std::uint32_t>(rng.below(3)) << 30;
    const auto middle = static_cast<std::uint32_t>(rng.below(4)) << 14;
    const auto low = static_cast<std::uint32_t>(rng.below(1024));
    const auto len = static_cast<unsigned>(rng.below(33));
    routes.push_back(
        {Ipv4Prefix(Ipv4Address(high | middle | low), len), static_cast<NextHop>(rng.below(1000))});
  }
  return routes;
}

TEST(Lpm, BothFindTheLongestPrefix) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Rng rng(seed);
    const auto routes = random_routes(rng, 1 + rng.below(200));
    const LpmDir24 dir24(routes);
    const LpmTrie trie(routes);
    for (int i = 0; i < 5000; ++i) {
      const std::size_t near = rng.below(routes.size());
      const std::uint32_t flip = static_cast<std::uint32_t>((rng.next() >> 32) >> rng.below(33));
      const std::uint32_t address = routes[near].prefix.address().value() ^ flip;
      Probe probe;
      const NextHop expected = naive(routes, address);
      ASSERT_EQ(dir24.find(address, Pcvs(probe, 0)), expected) << seed;
      ASSERT_EQ(trie.find(address, Pcvs(probe, 1)), expected) << seed;
      ASSERT_LE(probe.pcv[0], 1U);
      ASSERT_LE(probe.pcv[1], 32U);
    }
  }
}

TEST(Lpm, CountsWhatALookupTakes) {
  const auto prefix = [](std::uint32_t address, unsigned len) {
    return Ipv4Prefix(Ipv4Address(address), len);
  };
  const std::vector<LpmRoute> routes = {{prefix(0x0a000000, 8), 0},
                                        {prefix(0x0a010100, 24), 1},
                                        {prefix(0x0a010280, 25), kNextHopMax}};
  const LpmDir24 dir24(routes);
  const LpmTrie trie(routes);
  EXPECT_EQ(LpmDir24::groups(routes), 1U);
  const auto counts = [&](std::uint32_t address, NextHop expected) {
    Probe probe;
    EXPECT_EQ(dir24.find(address, Pcvs(probe, 0)), expected);
    EXPECT_EQ(trie.find(address, Pcvs(probe, 1)), expected);
    return std::pair(probe.pcv[0], probe.pcv[1]);
  };
  EXPECT_EQ(counts(0x0a020304, 0), std::pair(0U, 14U));
  EXPECT_EQ(counts(0x0a010105, 1), std::pair(0U, 24U));
  EXPECT_EQ(counts(0x0a010285, kNextHopMax), std::pair(1U, 25U));
  EXPECT_EQ(counts(0x0a010205, 0), std::pair(1U, 24U)) << "the other half of the group";
  EXPECT_EQ(counts(0xffffffff, kNoRoute), std::pair(0U, 0U));
}

TEST(Lpm, WithoutRoutesThereIsNoWay) {
  Probe probe;
  EXPECT_EQ(LpmDir24({}).find(1, Pcvs(probe, 0)), kNoRoute);
  EXPECT_EQ(LpmTrie({}).find(1, Pcvs(probe, 0)), kNoRoute);
}

}  // namespace
}  // namespace twinpath
