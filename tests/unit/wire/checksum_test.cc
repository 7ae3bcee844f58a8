// Proves: the fast sums equal the definition of RFC 1071 for every length and alignment, copying
// copies, pieces combine at odd offsets, and an incremental update equals a recomputation.
#include "models/wire/checksum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/wire/random_bytes.h"

namespace twinpath {
namespace {

// RFC 1071 §1, word by word.
std::uint16_t naive_sum(std::span<const std::byte> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const unsigned high = static_cast<unsigned>(bytes[i]);
    const unsigned low = i + 1 < bytes.size() ? static_cast<unsigned>(bytes[i + 1]) : 0;
    sum += high << 8 | low;
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

TEST(Checksum, ExampleOfRfc1071Section3) {
  const std::vector<std::byte> bytes{std::byte{0x00}, std::byte{0x01}, std::byte{0xf2},
                                     std::byte{0x03}, std::byte{0xf4}, std::byte{0xf5},
                                     std::byte{0xf6}, std::byte{0xf7}};
  EXPECT_EQ(sum_bytes(bytes).folded(), 0xddf2);
  EXPECT_EQ(sum_bytes(bytes).checksum(), 0x220d);
}

TEST(Checksum, EveryShortLengthAtEveryAlignment) {
  Rng rng(1);
  const auto bytes = random_bytes(rng, 400);
  for (std::size_t offset = 0; offset < 16; ++offset) {
    for (std::size_t len = 0; len < 300; ++len) {
      const auto piece = std::span(bytes).subspan(offset, len);
      ASSERT_EQ(sum_bytes(piece).folded(), naive_sum(piece)) << offset << " " << len;
    }
  }
}

TEST(Checksum, AllOnesCarryAllTheWay) {
  const std::vector<std::byte> ones(65535, std::byte{0xff});
  EXPECT_EQ(sum_bytes(ones).folded(), naive_sum(ones));
}

TEST(Checksum, CopyAndSumDoesBoth) {
  Rng rng(2);
  for (int i = 0; i < 2000; ++i) {
    const auto source = random_bytes(rng, rng.below(3000));
    std::vector<std::byte> target(source.size() + 2, std::byte{0xa5});
    const auto window = std::span(target).subspan(1, source.size());
    ASSERT_EQ(copy_and_sum(window, source).folded(), naive_sum(source));
    ASSERT_TRUE(std::ranges::equal(window, source));
    ASSERT_EQ(target.front(), std::byte{0xa5});
    ASSERT_EQ(target.back(), std::byte{0xa5});
  }
}

TEST(Checksum, PiecesCombineAtAnyOffset) {
  Rng rng(3);
  for (int i = 0; i < 2000; ++i) {
    const auto bytes = random_bytes(rng, 1 + rng.below(500));
    InetSum sum;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t len = 1 + rng.below(bytes.size() - at);
      sum.add_piece(sum_bytes(std::span(bytes).subspan(at, len)), at);
      at += len;
    }
    ASSERT_EQ(sum.folded() % 0xffff, naive_sum(bytes) % 0xffff);
    ASSERT_EQ(sum.checksum(), static_cast<std::uint16_t>(~naive_sum(bytes)));
  }
}

template <typename Integer>
void check_updates(std::uint64_t seed) {
  Rng rng(seed);
  for (int i = 0; i < 5000; ++i) {
    auto bytes = random_bytes(rng, 20 + 2 * rng.below(40));
    const std::size_t at = 2 * rng.below((bytes.size() - sizeof(Integer)) / 2 + 1);
    const std::uint16_t before = sum_bytes(bytes).checksum();
    const FieldChange<Integer> change{network_order(load_native<Integer>(&bytes[at])),
                                      random_value<Integer>(rng)};
    store_native(&bytes[at], network_order(change.after));
    ASSERT_EQ(updated_checksum(before, change), sum_bytes(bytes).checksum());
  }
}

TEST(Checksum, UpdateEqualsRecomputation16) { check_updates<std::uint16_t>(4); }
TEST(Checksum, UpdateEqualsRecomputation32) { check_updates<std::uint32_t>(5); }

TEST(Checksum, UpdateExampleOfRfc1624Section4) {
  // A sum of 0xdd2f with 0x5555 replaced by 0x3285: the older equation gives 0xffff, the right
  // answer is 0x0000.
  EXPECT_EQ(updated_checksum<std::uint16_t>(0xdd2f, {.before = 0x5555, .after = 0x3285}), 0x0000);
}

}  // namespace
}  // namespace twinpath
