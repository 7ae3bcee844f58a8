// The two loops that touch every payload byte. Plain 64-bit additions: four independent
// accumulators hide the latency of add-with-carry, and each carry is added back as 0 or 1, which
// compilers turn into one adc. Vector code is not used: baseline x86-64 has no 64-bit vector carry,
// and the sum of halves in SSE2 measured no faster.
#include "models/wire/checksum.h"

#include "models/base/check.h"

namespace twinpath {
namespace {

constexpr std::size_t kBlockBytes = 32;

// One of four sums that run side by side through a block.
inline void add_carrying(std::uint64_t& sum, std::uint64_t word) {
  sum += word;
  sum += sum < word ? 1 : 0;
}

// The last 0 to 7 bytes as one word, padded with zeros (RFC 1071 §1: an odd byte is padded).
inline std::uint64_t load_tail(const std::byte* at, std::size_t count) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, count);
  return word;
}

struct Lanes {
  std::uint64_t lane[4] = {};

  InetSum total() const {
    InetSum sum;
    return sum.add_native(lane[0]).add_native(lane[1]).add_native(lane[2]).add_native(lane[3]);
  }
};

}  // namespace

InetSum sum_bytes(std::span<const std::byte> bytes) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  Lanes lanes;
  for (; left >= kBlockBytes; left -= kBlockBytes, at += kBlockBytes) {
    for (std::size_t i = 0; i < 4; ++i) {
      add_carrying(lanes.lane[i], load_native<std::uint64_t>(at + 8 * i));
    }
  }
  InetSum sum = lanes.total();
  for (; left >= 8; left -= 8, at += 8) sum.add_native(load_native<std::uint64_t>(at));
  if (left > 0) sum.add_native(load_tail(at, left));
  return sum;
}

InetSum copy_and_sum(std::span<std::byte> target, std::span<const std::byte> source) {
  CHECK(target.size() == source.size());
  const std::byte* from = source.data();
  std::byte* to = target.data();
  std::size_t left = source.size();
  Lanes lanes;
  for (; left >= kBlockBytes; left -= kBlockBytes, from += kBlockBytes, to += kBlockBytes) {
    for (std::size_t i = 0; i < 4; ++i) {
      const auto word = load_native<std::uint64_t>(from + 8 * i);
      store_native(to + 8 * i, word);
      add_carrying(lanes.lane[i], word);
    }
  }
  InetSum sum = lanes.total();
  for (; left >= 8; left -= 8, from += 8, to += 8) {
    const auto word = load_native<std::uint64_t>(from);
    store_native(to, word);
    sum.add_native(word);
  }
  if (left > 0) {
    sum.add_native(load_tail(from, left));
    std::memcpy(to, from, left);
  }
  return sum;
}

}  // namespace twinpath
