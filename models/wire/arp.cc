// ARP: parse and emit.
#include "models/wire/arp.h"

namespace twinpath {
namespace {

// Hardware type Ethernet (1), protocol type IPv4, address lengths 6 and 4.
constexpr std::uint64_t kFixedPart = 0x0001'0800'0604;

}  // namespace

Parsed<ArpPacket> ArpPacket::parse(std::span<const std::byte> bytes) {
  if (bytes.size() < kArpLen) return DropReason::kTruncated;
  const std::byte* at = bytes.data();
  if (load_be64(at) >> 16 != kFixedPart) return DropReason::kUnknownType;
  const std::uint16_t operation = load_be16(at + 6);
  if (operation != 1 && operation != 2) return DropReason::kUnknownType;
  ArpPacket packet;
  packet.operation = static_cast<ArpOperation>(operation);
  packet.sender_mac = MacAddress::load(at + 8);
  packet.sender_ip = Ipv4Address::load(at + 14);
  packet.target_mac = MacAddress::load(at + 18);
  packet.target_ip = Ipv4Address::load(at + 24);
  // A group address cannot be a station's own (IEEE 802 §8.2.2); believing it would turn unicast
  // into multicast.
  if (packet.sender_mac.is_multicast()) return DropReason::kBadAddress;
  return packet;
}

void ArpPacket::emit(std::span<std::byte> out) const {
  CHECK(out.size() >= kArpLen);
  std::byte* at = out.data();
  store_be64(at, kFixedPart << 16 | static_cast<std::uint16_t>(operation));
  sender_mac.store(at + 8);
  sender_ip.store(at + 14);
  target_mac.store(at + 18);
  target_ip.store(at + 24);
}

}  // namespace twinpath
