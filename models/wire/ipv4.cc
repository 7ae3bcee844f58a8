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
  std::byte* at = out.data();
  store_u8(at, static_cast<std::uint8_t>(0x40 | header_len() / 4));
  store_u8(at + 1, static_cast<std::uint8_t>(unsigned{dscp} << 2 | static_cast<unsigned>(ecn)));
  store_be16(at + 2, static_cast<std::uint16_t>(total_len()));
  store_be16(at + 4, identification);
  const unsigned flags = (dont_fragment ? 0x4000u : 0u) | (more_fragments ? 0x2000u : 0u);
  store_be16(at + 6, static_cast<std::uint16_t>(flags | (fragment_offset_bytes / 8 & 0x1fff)));
  store_u8(at + kTtlOffset, ttl);
  store_u8(at + 9, static_cast<std::uint8_t>(protocol));
  store_be16(at + kChecksumOffset, 0);
  src.store(at + 12);
  dst.store(at + 16);
  if (!options.empty()) std::memcpy(at + kIpv4HeaderLen, options.data(), options.size());
  store_be16(at + kChecksumOffset, sum_bytes(out.first(header_len())).checksum());
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
