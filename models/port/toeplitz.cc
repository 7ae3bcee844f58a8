// Toeplitz: for every bit set in the input, the 32 bits of the key that begin at that bit's
// position go into an exclusive or.
#include "models/port/toeplitz.h"

#include <algorithm>

#include "models/base/check.h"
#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"
#include "models/wire/ipv6.h"

namespace twinpath {
namespace {

constexpr std::size_t kPortsLen = 4;

std::uint32_t key_bits_from(const RssKey& key, std::size_t bit) {
  std::uint64_t window = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const std::size_t at = bit / 8 + i;
    window = window << 8 | (at < key.size() ? key[at] : 0u);
  }
  return static_cast<std::uint32_t>(window >> (8 - bit % 8));
}

void append(RssInput& input, std::span<const std::byte> bytes) {
  std::ranges::copy(bytes, input.bytes.begin() + static_cast<std::ptrdiff_t>(input.len));
  input.len += bytes.size();
}

void append_ports(RssInput& input, IpProtocol protocol, std::span<const std::byte> transport) {
  if (protocol != IpProtocol::kTcp && protocol != IpProtocol::kUdp) return;
  if (transport.size() >= kPortsLen) append(input, transport.first(kPortsLen));
}

}  // namespace

ToeplitzHash::ToeplitzHash(const RssKey& key) : tables_(kRssInputLenMax) {
  for (std::size_t position = 0; position < kRssInputLenMax; ++position) {
    for (std::size_t value = 0; value < 256; ++value) {
      std::uint32_t hash = 0;
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((value & 0x80u >> bit) != 0) hash ^= key_bits_from(key, 8 * position + bit);
      }
      tables_[position][value] = hash;
    }
  }
}

std::uint32_t ToeplitzHash::operator()(std::span<const std::byte> input) const {
  CHECK(input.size() <= tables_.size());
  std::uint32_t hash = 0;
  for (std::size_t i = 0; i < input.size(); ++i) {
    hash ^= tables_[i][static_cast<std::uint8_t>(input[i])];
  }
  return hash;
}

RssInput rss_input(std::span<const std::byte> frame) {
  RssInput input;
  const auto ethernet = EthernetView::parse(frame);
  if (!ethernet) return input;
  if (ethernet->ethertype() == EtherType::kIpv4) {
    // The card steers before anybody has verified the checksum.
    const auto ip = Ipv4View::parse(ethernet->payload(), HeaderChecksum::kDeviceVerified);
    if (!ip) return input;
    append(input, ip->header().subspan(12, 2 * Ipv4Address::kLen));
    if (!ip->is_fragment()) append_ports(input, ip->protocol(), ip->payload());
  } else if (ethernet->ethertype() == EtherType::kIpv6) {
    const auto ip = Ipv6View::parse(ethernet->payload());
    if (!ip) return input;
    append(input, ip->bytes().subspan(8, 2 * Ipv6Address::kLen));
    if (!ip->is_fragment()) append_ports(input, ip->protocol(), ip->payload());
  }
  return input;
}

}  // namespace twinpath
