// Congestion experienced.
#include "models/wire/congestion_mark.h"

#include "models/wire/byte_order.h"
#include "models/wire/checksum.h"
#include "models/wire/ethernet.h"
#include "models/wire/ip.h"

namespace twinpath {
namespace {

constexpr std::size_t kIpv4HeaderLenMin = 20;
constexpr std::size_t kIpv4ChecksumAt = 10;
constexpr std::size_t kIpv6HeaderLenMin = 40;
constexpr std::uint16_t kEcnBits = 3;

// `word` holds the ECN field `shift` bits from its end.
CongestionMark mark_word(std::uint16_t& word, unsigned shift) {
  if ((word >> shift & kEcnBits) == static_cast<std::uint16_t>(Ecn::kNotEct)) {
    return CongestionMark::kRefused;
  }
  word = static_cast<std::uint16_t>(word | kEcnBits << shift);
  return CongestionMark::kMarked;
}

// The second octet of the header (RFC 3168 §5); its word is the first of the checksum.
CongestionMark mark_ipv4(std::span<std::byte> packet) {
  if (packet.size() < kIpv4HeaderLenMin) return CongestionMark::kRefused;
  const std::uint16_t before = load_be16(packet.data());
  std::uint16_t after = before;
  if (mark_word(after, 0) == CongestionMark::kRefused) return CongestionMark::kRefused;
  if (after == before) return CongestionMark::kMarked;
  store_be16(packet.data(), after);
  std::byte* checksum = packet.data() + kIpv4ChecksumAt;
  const FieldChange<std::uint16_t> change{before, after};
  store_be16(checksum, updated_checksum(load_be16(checksum), change));
  return CongestionMark::kMarked;
}

// The last two bits of the traffic class, which begins behind the version's four.
CongestionMark mark_ipv6(std::span<std::byte> packet) {
  constexpr unsigned kShift = 4;
  if (packet.size() < kIpv6HeaderLenMin) return CongestionMark::kRefused;
  std::uint16_t word = load_be16(packet.data());
  if (mark_word(word, kShift) == CongestionMark::kRefused) return CongestionMark::kRefused;
  store_be16(packet.data(), word);
  return CongestionMark::kMarked;
}

}  // namespace

CongestionMark mark_congestion(std::span<std::byte> frame) {
  const auto ethernet = EthernetView::parse(frame);
  if (!ethernet) return CongestionMark::kRefused;
  const auto packet = frame.subspan(ethernet->header_len());
  switch (ethernet->ethertype()) {
    case EtherType::kIpv4:
      return mark_ipv4(packet);
    case EtherType::kIpv6:
      return mark_ipv6(packet);
    default:
      return CongestionMark::kRefused;
  }
}

}  // namespace twinpath
