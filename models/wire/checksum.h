// The Internet checksum. Read RFC 1071 §2 (order independence, deferred carries) and RFC 1624 §3
// (incremental update).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "models/wire/byte_order.h"

namespace twinpath {

// A one's complement sum in progress. Words are added as they lie in memory: RFC 1071 §2(B) shows
// that the sum of byte-swapped words is the byte-swapped sum, so no word is swapped on the way and
// the result is swapped once. 64-bit words are sums of four 16-bit ones because 2^16 = 1 modulo
// 2^16 - 1, and the carry out of 2^64 comes back in as 1 for the same reason.
class InetSum {
 public:
  constexpr InetSum() = default;

  constexpr InetSum& add_native(std::uint64_t word) {
    sum_ += word;
    sum_ += sum_ < word ? 1 : 0;
    return *this;
  }
  constexpr InetSum& add_u16(std::uint16_t value) { return add_native(network_order(value)); }
  constexpr InetSum& add_u32(std::uint32_t value) { return add_native(network_order(value)); }
  // Requires: the bytes begin at an even offset of the summed data.
  InetSum& add_bytes(std::span<const std::byte> bytes);
  constexpr InetSum& add(InetSum other) { return add_native(other.sum_); }
  // Adds the sum of a piece that lies at `offset` of the summed data. At an odd offset each of its
  // bytes falls into the other half of a word, so its sum counts swapped.
  constexpr InetSum& add_piece(InetSum piece, std::size_t offset) {
    return offset % 2 == 0 ? add(piece) : add_native(byte_swap(piece.folded_native()));
  }

  // The 16-bit sum, as a value.
  constexpr std::uint16_t folded() const { return network_order(folded_native()); }
  // What goes into a checksum field: the complement of the sum.
  constexpr std::uint16_t checksum() const { return static_cast<std::uint16_t>(~folded()); }
  // True for data whose own checksum field was included and right.
  constexpr bool is_valid() const { return folded_native() == 0xffff; }

 private:
  constexpr std::uint16_t folded_native() const {
    std::uint64_t sum = (sum_ >> 32) + (sum_ & 0xffffffff);  // at most 33 bits
    sum = (sum >> 32) + (sum & 0xffffffff);                  // at most 32 bits
    sum = (sum >> 16) + (sum & 0xffff);                      // at most 17 bits
    sum = (sum >> 16) + (sum & 0xffff);                      // at most 16 bits
    return static_cast<std::uint16_t>(sum);
  }

  std::uint64_t sum_ = 0;
};

// Sum of `bytes`, taken as starting at an even offset.
InetSum sum_bytes(std::span<const std::byte> bytes);

// Copies and sums in one pass over memory, for the transmit path that must do both.
// Requires: target and source have the same size and do not overlap.
InetSum copy_and_sum(std::span<std::byte> target, std::span<const std::byte> source);

inline InetSum& InetSum::add_bytes(std::span<const std::byte> bytes) {
  return add(sum_bytes(bytes));
}

// The value of a field before and after a rewrite.
template <typename Integer>
struct FieldChange {
  Integer before;
  Integer after;
};

// RFC 1624 §3, equation 3: HC' = ~(~HC + ~m + m'). Equation 2 of RFC 1141 is rejected because it
// can turn a checksum of 0xffff out of data whose recomputed checksum is 0x0000. Requires: the
// field lies at an even offset of the checksummed data.
template <typename Integer>
constexpr std::uint16_t updated_checksum(std::uint16_t checksum, FieldChange<Integer> change) {
  InetSum sum;
  sum.add_u16(static_cast<std::uint16_t>(~checksum));
  if constexpr (sizeof(Integer) == 2) {
    sum.add_u16(static_cast<std::uint16_t>(~change.before)).add_u16(change.after);
  } else {
    static_assert(sizeof(Integer) == 4);
    sum.add_u32(~change.before).add_u32(change.after);
  }
  return sum.checksum();
}

}  // namespace twinpath
