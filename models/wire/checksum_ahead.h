// What a processor with wider vectors than every one has takes off the front of the two loops of
// checksum.cc. One of two files is compiled: checksum_x86.cc, or checksum_other.cc, which takes
// nothing. The sums are the same, so no result depends on the processor.
#pragma once

#include <cstddef>
#include <span>

#include "models/wire/checksum.h"

namespace twinpath {

// How many bytes of the front were taken: a multiple of 8, perhaps 0.
std::size_t sum_ahead(std::span<const std::byte> bytes, InetSum& sum);
// Requires: target.size() == source.size().
std::size_t copy_and_sum_ahead(std::span<std::byte> target, std::span<const std::byte> source,
                               InetSum& sum);

}  // namespace twinpath
