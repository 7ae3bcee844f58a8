// Proves that both ends of a transfer, and a Python peer, mean the same bytes.
#include "models/app/content.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "models/app/sha256.h"
#include "models/base/heap_pool.h"

namespace twinpath {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string digest(std::string_view text, std::size_t piece = 1 << 20) {
  Sha256 sum;
  for (std::size_t at = 0; at < text.size(); at += piece) sum.add(bytes_of(text.substr(at, piece)));
  return hex(sum.finish());
}

TEST(Sha256Test, ExamplesOfTheStandard) {
  EXPECT_EQ(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, PiecesDoNotMatter) {
  const std::string text(1000, 'x');
  for (std::size_t piece : std::initializer_list<std::size_t>{1, 3, 55, 56, 63, 64, 65, 999}) {
    EXPECT_EQ(digest(text, piece), digest(text)) << piece;
  }
}

// The expected values come from the Python text in content.h.
TEST(ContentTest, IsWhatThePythonOfItsHeaderMakes) {
  EXPECT_EQ(content_block().size(), 65521U);
  Sha256 sum;
  sum.add(content_block());
  EXPECT_EQ(hex(sum.finish()), "3feeb4acfc98d0dfd783d9679f63f46d4839364d08efba62e4fc6cec99fb76ae");
}

TEST(ContentTest, AnyShiftIsADifference) {
  const auto block = content_block();
  EXPECT_EQ(first_difference(0, block), std::nullopt);
  EXPECT_EQ(first_difference(kContentPeriodBytes * 3ULL, block), std::nullopt);
  for (std::uint64_t shift :
       std::initializer_list<std::uint64_t>{1, 88, 536, 1448, 1460, 4096, 8960, 65520}) {
    EXPECT_TRUE(first_difference(shift, block.first(1000)).has_value()) << shift;
  }
  std::vector<std::byte> copy(block.begin(), block.end());
  copy[777] ^= std::byte{4};
  EXPECT_EQ(first_difference(0, copy), 777U);
}

TEST(ContentTest, SlicesAreTheContentAndGiveTheirBufferBack) {
  HeapPool pool({.bufs_max = 1});
  {
    ContentSource source(pool);
    const Slice piece = source.slice({65000, 5000});
    EXPECT_EQ(piece.len, 521U) << "up to the end of the block";
    EXPECT_EQ(first_difference(65000, piece.bytes()), std::nullopt);
    ContentSource starved(pool);
    EXPECT_EQ(starved.slice({0, 10}).len, 0U);
  }
  EXPECT_EQ(pool.outstanding(), 0U);
}

}  // namespace
}  // namespace twinpath
