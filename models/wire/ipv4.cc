// IPv4: emission, option check and the in-place rewrites of forwarders and address translators.
#include "models/wire/ipv4.h"

#include <cstring>

#include "models/base/check.h"

namespace twinpath {
namespace {

constexpr std::size_t kTtlOffset = 8;
constexpr std::size_t kChecksumOffset = 10;

// Replaces the 16-bit word at an even `offset` and carries the change into the checksum.
void rewrite_word(std::span<std::byte> header, std::size_t offset, std::uint16_t after) {
  const FieldChange<std::uint16_t> change{load_be16(header.data() + offset), after};
  store_be16(header.data() + offset, after);
  std::byte* checksum = header.data() + kChecksumOffset;
  store_be16(checksum, updated_checksum(load_be16(checksum), change));
}

void rewrite_address(std::span<std::byte> header, std::size_t offset, Ipv4Address after) {
  const FieldChange<std::uint32_t> change{load_be32(header.data() + offset), after.value()};
  after.store(header.data() + offset);
  std::byte* checksum = header.data() + kChecksumOffset;
  store_be16(checksum, updated_checksum(load_be16(checksum), change));
}

}  // namespace

bool Ipv4View::options_are_well_formed() const {
  constexpr std::uint8_t kEndOfOptions = 0;
  constexpr std::uint8_t kNoOperation = 1;
  const auto bytes = options();
  for (std::size_t i = 0; i < bytes.size();) {
    const std::uint8_t kind = load_u8(&bytes[i]);
    if (kind == kEndOfOptions) return true;
    if (kind == kNoOperation) {
      ++i;
      continue;
    }
    if (i + 1 >= bytes.size()) return false;
    const std::size_t len = load_u8(&bytes[i + 1]);
    if (len < 2 || len > bytes.size() - i) return false;
    i += len;
  }
  return true;
}

void Ipv4Repr::emit(std::span<std::byte> out) const {
  CHECK(out.size() >= header_len() && total_len() <= kIpv4TotalLenMax);
  CHECK(options.size() % 4 == 0 && header_len() <= kIpv4HeaderLenMax);
  const unsigned tos = unsigned{dscp} << 2 | static_cast<unsigned>(ecn);
  const unsigned fragment = (dont_fragment ? 0x4000u : 0u) | (more_fragments ? 0x2000u : 0u) |
                            (fragment_offset_bytes / 8 & 0x1fff);
  // Each word is summed on its way to memory; the checksum's own field counts as zero.
  InetSum sum;
  const auto put = [&](std::size_t offset, auto word) {
    const auto native = network_order(word);
    store_native(out.data() + offset, native);
    sum.add_native(native);
  };
  put(0, (std::uint64_t{0x40 | header_len() / 4} << 56) | (std::uint64_t{tos & 0xff} << 48) |
             (std::uint64_t{total_len()} << 32) | (std::uint64_t{identification} << 16) | fragment);
  put(8, (std::uint64_t{ttl} << 56) | (std::uint64_t{static_cast<std::uint8_t>(protocol)} << 48) |
             src.value());
  put(16, dst.value());
  if (!options.empty()) {
    const auto rest = out.subspan(kIpv4HeaderLen, options.size());
    std::memcpy(rest.data(), options.data(), options.size());
    sum.add_bytes(rest);
  }
  store_be16(out.data() + kChecksumOffset, sum.checksum());
}

void decrement_ttl(std::span<std::byte> header) {
  // TTL is the upper half of its word, so the word falls by 0x0100.
  const std::uint16_t word = load_be16(header.data() + kTtlOffset);
  rewrite_word(header, kTtlOffset, static_cast<std::uint16_t>(word - 0x0100));
}

void rewrite_src(std::span<std::byte> header, Ipv4Address src) { rewrite_address(header, 12, src); }

void rewrite_dst(std::span<std::byte> header, Ipv4Address dst) { rewrite_address(header, 16, dst); }

void rewrite_ecn(std::span<std::byte> header, Ecn ecn) {
  const unsigned word = load_be16(header.data());
  rewrite_word(header, 0, static_cast<std::uint16_t>((word & ~3u) | static_cast<unsigned>(ecn)));
}

}  // namespace twinpath
