// Proves: the byte hash sees every bit, length and position; chains see order and time; the run's
// fingerprint does not see in which order ports are listed. The stored values pin the definition:
// changing it changes every fingerprint users have kept.
#include "models/port/fingerprint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/unit/wire/random_bytes.h"

namespace twinpath {
namespace {

TEST(HashBytes, SeesEveryBitOfEveryLength) {
  Rng rng(1);
  for (const std::size_t len : {1u, 8u, 15u, 16u, 17u, 60u, 64u, 65u, 127u, 200u}) {
    auto bytes = random_bytes(rng, len);
    std::set<std::uint64_t> seen{hash_bytes(bytes)};
    for (std::size_t bit = 0; bit < 8 * len; ++bit) {
      bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      seen.insert(hash_bytes(bytes));
      bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    }
    EXPECT_EQ(seen.size(), 8 * len + 1) << len;
  }
}

TEST(HashBytes, PairsOfBitsDoNotCancel) {
  std::vector<std::byte> bytes(256);
  std::set<std::uint64_t> seen;
  std::size_t tried = 0;
  for (std::size_t a = 0; a < 2048; a += 7) {
    for (std::size_t b = a + 1; b < 2048; b += 13) {
      bytes[a / 8] ^= static_cast<std::byte>(1u << a % 8);
      bytes[b / 8] ^= static_cast<std::byte>(1u << b % 8);
      seen.insert(hash_bytes(bytes));
      ++tried;
      bytes[a / 8] ^= static_cast<std::byte>(1u << a % 8);
      bytes[b / 8] ^= static_cast<std::byte>(1u << b % 8);
    }
  }
  EXPECT_EQ(seen.size(), tried);
}

TEST(HashBytes, SeesLengthOfZerosAndOrder) {
  std::set<std::uint64_t> seen;
  for (std::size_t len = 0; len < 300; ++len) seen.insert(hash_bytes(std::vector<std::byte>(len)));
  EXPECT_EQ(seen.size(), 300u);
  Rng rng(2);
  auto bytes = random_bytes(rng, 128);
  const std::uint64_t before = hash_bytes(bytes);
  std::rotate(bytes.begin(), bytes.begin() + 16, bytes.end());
  EXPECT_NE(hash_bytes(bytes), before);
  std::rotate(bytes.begin(), bytes.begin() + 48, bytes.end());
  EXPECT_NE(hash_bytes(bytes), before);
}

TEST(HashBytes, FlipsHalfTheBits) {
  Rng rng(3);
  double flipped = 0;
  for (int i = 0; i < 1000; ++i) {
    auto bytes = random_bytes(rng, 100);
    const std::uint64_t before = hash_bytes(bytes);
    bytes[rng.below(100)] ^= std::byte{1};
    flipped += std::popcount(before ^ hash_bytes(bytes));
  }
  EXPECT_NEAR(flipped / 1000, 32, 1);
}

TEST(HashBytes, IsPinned) {
  std::vector<std::byte> bytes(100);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(fingerprint_text(hash_bytes(bytes)), "db31499ebb1d10b5");
  FrameChain chain;
  chain.add(at_ns(12345), bytes);
  chain.add(at_ns(67890), std::span(bytes).first(60));
  EXPECT_EQ(fingerprint_text(chain.value()), "a15529121f5ab64d");
}

TEST(FrameChain, SeesTimeOrderAndContent) {
  const std::vector<std::byte> a(60);
  const std::vector<std::byte> b(61);
  const auto chain_of =
      [](std::initializer_list<std::pair<int, const std::vector<std::byte>*>> list) {
        FrameChain chain;
        for (const auto& [ns, frame] : list) chain.add(at_ns(ns), *frame);
        return chain.value();
      };
  const std::set<std::uint64_t> all{chain_of({{1, &a}, {2, &b}}),
                                    chain_of({{1, &b}, {2, &a}}),
                                    chain_of({{1, &a}, {3, &b}}),
                                    chain_of({{1, &a}}),
                                    chain_of({}),
                                    chain_of({{1, &a}, {1, &a}})};
  EXPECT_EQ(all.size(), 6u);
}

TEST(FrameChain, ChunksTellWhereRunsPart) {
  const std::vector<std::byte> frame(60);
  FrameChain one;
  FrameChain two;
  for (int i = 0; i < 35'000; ++i) {
    one.add(at_ns(i), frame);
    two.add(at_ns(i == 25'000 ? i + 1 : i), frame);
  }
  ASSERT_EQ(one.chunks().size(), 3u);
  EXPECT_EQ(one.chunks()[1], two.chunks()[1]);
  EXPECT_NE(one.chunks()[2].value, two.chunks()[2].value);
  EXPECT_EQ(two.chunks()[2].at, at_ns(29'999));
  EXPECT_EQ(one.last(), (FrameChunk{at_ns(34'999), one.value()}));
  EXPECT_EQ(FrameChain().last(), (FrameChunk{kStart, 0}));
}

TEST(RunFingerprint, DoesNotDependOnTheOrderOfPorts) {
  std::vector<PortFingerprint> ports{{"b/eth0", Direction::kReceive, 1, 11},
                                     {"a/eth0", Direction::kTransmit, 2, 22},
                                     {"a/eth0", Direction::kReceive, 3, 33}};
  const std::uint64_t value = run_fingerprint(ports);
  std::ranges::reverse(ports);
  EXPECT_EQ(run_fingerprint(ports), value);
  ports[0].chain ^= 1;
  EXPECT_NE(run_fingerprint(ports), value);
}

TEST(ContentHash, SeesWhatAndWhereButNotInWhichOrder) {
  const ContentItem first{"tcp.data", 1, 0, 100};
  const ContentItem second{"tcp.data", 1, 100, 50};
  const ContentItem other{"tcp.data", 2, 0, 10};
  const auto hash_of = [](std::initializer_list<ContentItem> items) {
    ContentHash hash;
    for (const ContentItem& item : items) hash.add(item);
    return hash.value();
  };
  EXPECT_EQ(hash_of({first, second, other}), hash_of({other, second, first}));
  const std::set<std::uint64_t> all{hash_of({}),
                                    hash_of({first}),
                                    hash_of({first, first}),
                                    hash_of({first, second}),
                                    hash_of({{"tcp.fin", 1, 0, 100}}),
                                    hash_of({{"tcp.data", 2, 0, 100}}),
                                    hash_of({{"tcp.data", 1, 1, 100}}),
                                    hash_of({{"tcp.data", 1, 0, 101}})};
  EXPECT_EQ(all.size(), 8u);
}

TEST(ContentHash, SeesWhichPlaceAPartStandsAt) {
  ContentHash some;
  some.add({"tcp.data", 1, 0, 100});
  const ContentHash none;
  const auto placed = [](const ContentHash& client, const ContentHash& server) {
    ContentHash hash;
    hash.add("client", client);
    hash.add("server", server);
    return hash.value();
  };
  EXPECT_NE(placed(some, none), placed(none, some));
}

}  // namespace
}  // namespace twinpath
