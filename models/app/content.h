// The bytes applications send, so that any receiver can tell whether it got the right ones.
//
// The block is the first 65,521 bytes of the SplitMix64 stream (models/base/rng.h) seeded with the
// ASCII codes of "twinpath", 0x7477696e70617468, each word little-endian; byte `o` of every stream
// and every HTTP body is block[o mod 65521]. The period is a prime: data that is shifted, repeated
// or lost by any amount of segments or pages no longer fits. In Python:
//
//   def block():
//       out, m = bytearray(), (1 << 64) - 1
//       for i in range(1, 8192):
//           z = (0x7477696E70617468 + i * 0x9E3779B97F4A7C15) & m
//           z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & m
//           z = (z ^ z >> 27) * 0x94D049BB133111EB & m
//           out += (z ^ z >> 31).to_bytes(8, "little")
//       return bytes(out[:65521])
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "models/base/packet_buf.h"

namespace twinpath {

inline constexpr std::uint32_t kContentPeriodBytes = 65521;
inline constexpr std::uint64_t kContentSeed = 0x7477696e70617468;

// The block itself: immutable, made on first use.
std::span<const std::byte> content_block();

struct ContentRange {
  std::uint64_t offset = 0;
  std::uint64_t len = 0;
};

// The longest run from the range's start that lies in one piece.
std::span<const std::byte> content_at(const ContentRange& range);

// Where `data`, received as the stream's bytes from `offset` on, first differs; nothing when it is
// right.
std::optional<std::uint64_t> first_difference(std::uint64_t offset,
                                              std::span<const std::byte> data);

// The content as slices, without a copy: one buffer whose bytes are the block.
class ContentSource {
 public:
  // The buffer's header is taken from `pool` now, or with the first slice when there is none to
  // spare, and goes back when the last slice is gone.
  explicit ContentSource(BufPool& pool) : pool_(pool) { take_header(); }
  // As content_at(). Empty when the pool is exhausted.
  Slice slice(const ContentRange& range);

 private:
  void take_header();

  BufPool& pool_;
  BufRef block_;
};

}  // namespace twinpath
