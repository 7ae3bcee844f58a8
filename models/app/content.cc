// Content is compared with memcmp against the block: a tenth of the cost of generating it again.
#include "models/app/content.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "models/base/rng.h"

namespace twinpath {

namespace {

using Block = std::array<std::byte, kContentPeriodBytes>;

Block make_block() {
  Block block{};
  const Rng stream(kContentSeed);
  for (std::uint32_t at = 0; at < kContentPeriodBytes; ++at) {
    block[at] = static_cast<std::byte>(stream.at(at / 8) >> (8 * (at % 8)));
  }
  return block;
}

}  // namespace

std::span<const std::byte> content_block() {
  static const Block kBlock = make_block();
  return kBlock;
}

std::span<const std::byte> content_at(const ContentRange& range) {
  const auto rest = content_block().subspan(range.offset % kContentPeriodBytes);
  return rest.first(std::min<std::uint64_t>(rest.size(), range.len));
}

std::optional<std::uint64_t> first_difference(std::uint64_t offset,
                                              std::span<const std::byte> data) {
  while (!data.empty()) {
    const auto expected = content_at({offset, data.size()});
    if (std::memcmp(expected.data(), data.data(), expected.size()) != 0) {
      const auto differ = std::mismatch(expected.begin(), expected.end(), data.begin());
      return offset + static_cast<std::uint64_t>(differ.first - expected.begin());
    }
    offset += expected.size();
    data = data.subspan(expected.size());
  }
  return std::nullopt;
}

void ContentSource::take_header() {
  BufPtr buf(pool_.take());
  if (buf == nullptr) return;
  // Only the header is used; the pool sets the storage up again at the next take(). The block is
  // never written through it: shared buffers are not, and this one has no room left.
  buf->room = const_cast<std::byte*>(content_block().data());
  buf->data_off = 0;
  buf->len = buf->capacity = kContentPeriodBytes;
  block_ = BufRef(std::move(buf));
}

Slice ContentSource::slice(const ContentRange& range) {
  if (!block_) take_header();
  if (!block_) return {};
  const std::uint64_t start = range.offset % kContentPeriodBytes;
  const std::uint64_t len = std::min<std::uint64_t>(kContentPeriodBytes - start, range.len);
  return {block_, static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(len)};
}

}  // namespace twinpath
