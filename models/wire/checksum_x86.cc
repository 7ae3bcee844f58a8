// AVX2, where the processor has it: 64 bytes a turn instead of 32.
#include <cstdint>
#include <cstring>

#include "models/wire/checksum_ahead.h"

namespace twinpath {
namespace {

using Words [[gnu::vector_size(32)]] = std::uint64_t;

constexpr std::size_t kBlockBytes = 2 * sizeof(Words);
constexpr std::size_t kBytesMin = 4 * kBlockBytes;  // below, it does not pay
constexpr Words kLowerHalves = {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};

const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;

// The whole blocks. Written out: what takes such vectors as arguments is not inlined.
template <bool kCopies>
[[gnu::target("avx2")]] std::size_t take_blocks(std::span<const std::byte> source,
                                                [[maybe_unused]] std::byte* to, InetSum& sum) {
  Words even{};
  Words odd{};
  const std::byte* from = source.data();
  const std::size_t count = source.size() / kBlockBytes * kBlockBytes;
  const std::byte* const end = from + count;
  for (; from != end; from += kBlockBytes) {
    Words first;
    Words second;
    std::memcpy(&first, from, sizeof first);
    std::memcpy(&second, from + sizeof first, sizeof second);
    if constexpr (kCopies) {
      std::memcpy(to, &first, sizeof first);
      std::memcpy(to + sizeof first, &second, sizeof second);
      to += kBlockBytes;
    }
    even += (first & kLowerHalves) + (first >> 32);
    odd += (second & kLowerHalves) + (second >> 32);
  }
  even += odd;
  sum.add_native(even[0]).add_native(even[1]).add_native(even[2]).add_native(even[3]);
  return count;
}

}  // namespace

std::size_t sum_ahead(std::span<const std::byte> bytes, InetSum& sum) {
  if (!kHasAvx2 || bytes.size() < kBytesMin) return 0;
  return take_blocks<false>(bytes, nullptr, sum);
}

std::size_t copy_and_sum_ahead(std::span<std::byte> target, std::span<const std::byte> source,
                               InetSum& sum) {
  if (!kHasAvx2 || source.size() < kBytesMin) return 0;
  return take_blocks<true>(source, target.data(), sum);
}

}  // namespace twinpath
