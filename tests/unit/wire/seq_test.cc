// Proves: comparison wraps, agrees with 64-bit arithmetic for numbers less than 2^31 apart, and
// ranges contain what they should across the wrap.
#include "models/wire/seq.h"

#include <gtest/gtest.h>

#include "tests/unit/wire/random_bytes.h"

namespace twinpath {
namespace {

TEST(Seq, OrderAcrossTheWrap) {
  const SeqNum before(0xfffffff0);
  const SeqNum behind(0x00000010);
  EXPECT_LT(before, behind);
  EXPECT_GT(behind, before);
  EXPECT_LE(before, before);
  EXPECT_GE(before, before);
  EXPECT_EQ(behind - before, 0x20);
  EXPECT_EQ(before - behind, -0x20);
  EXPECT_EQ(before + 0x20, behind);
  EXPECT_EQ(later(before, behind), behind);
  EXPECT_EQ(earlier(before, behind), before);
}

TEST(Seq, ComparesLikeWideArithmetic) {
  Rng rng(1);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t wide_a = rng.next() >> 16;
    const std::int64_t distance =
        static_cast<std::int64_t>(rng.below((1ull << 32) - 1)) - ((1ll << 31) - 1);
    const std::uint64_t wide_b = wide_a + static_cast<std::uint64_t>(distance);
    const SeqNum a(static_cast<std::uint32_t>(wide_a));
    const SeqNum b(static_cast<std::uint32_t>(wide_b));
    ASSERT_EQ(b - a, distance);
    ASSERT_EQ(a<b, distance> 0);
    ASSERT_EQ(a > b, distance < 0);
    ASSERT_EQ(a <= b, distance >= 0);
    ASSERT_EQ(a >= b, distance <= 0);
    ASSERT_EQ(a == b, distance == 0);
  }
}

TEST(Seq, RangeAcrossTheWrap) {
  const SeqRange range{SeqNum(0xfffffffe), SeqNum(2)};
  EXPECT_EQ(range.len(), 4u);
  EXPECT_FALSE(range.contains(SeqNum(0xfffffffd)));
  EXPECT_TRUE(range.contains(SeqNum(0xfffffffe)));
  EXPECT_TRUE(range.contains(SeqNum(1)));
  EXPECT_FALSE(range.contains(SeqNum(2)));
  EXPECT_TRUE((SeqRange{SeqNum(7), SeqNum(7)}).is_empty());
}

}  // namespace
}  // namespace twinpath
