// Headers in front, a quote behind, sums over both.
#include "models/nf/icmp_reply.h"

#include <algorithm>

namespace twinpath {
namespace {

constexpr std::uint8_t kReplyTtl = 64;
constexpr std::uint8_t kInternetControl = 0xc0;  // RFC 1812 §4.3.2.5: precedence 6
constexpr std::size_t kAdded = kIpv4HeaderLen + kIcmpv4HeaderLen;

// In words of 4 bytes: IP headers and quotes are whole words, but for a quote cut by the packet.
InetSum sum_words(const std::byte* at, std::size_t len) {
  InetSum sum;
  for (std::size_t i = 0; i + 4 <= len; i += 4) sum.add_native(load_native<std::uint32_t>(at + i));
  for (std::size_t i = len & ~std::size_t{3}; i < len; ++i) {
    sum.add_u16(static_cast<std::uint16_t>(load_u8(at + i) << (i % 2 == 0 ? 8 : 0)));
  }
  return sum;
}

std::size_t quoted_len(const Ipv4Frame& frame) {
  return frame.header_len() + std::min(frame.l4_len(), kIcmpQuotedPayloadLen);
}

}  // namespace

bool header_sum_is_valid(const Ipv4Frame& frame) {
  return sum_words(frame.ip(), frame.header_len()).is_valid();
}

bool may_be_answered(const Ipv4Frame& frame) {
  const bool to_group = (load_u8(frame.ethernet()) & 1) != 0;
  if (to_group || (load_be16(frame.ip() + 6) & 0x1fff) != 0) return false;
  if (frame.protocol() != IpProtocol::kIcmp) return true;
  if (frame.l4_len() == 0) return false;
  const auto type = static_cast<Icmpv4Type>(load_u8(frame.l4()));
  return type == Icmpv4Type::kEchoRequest || type == Icmpv4Type::kEchoReply;
}

std::size_t reply_len(const Ipv4Frame& frame) {
  return kEthernetHeaderLen + kAdded + quoted_len(frame);
}

bool turn_into_reply(PacketBuf& packet, const Ipv4Frame& frame, const IcmpReply& reply, Pcvs pcvs) {
  if (packet.data_off < kAdded) return false;
  const std::size_t len = reply_len(frame);
  const std::size_t quoted = quoted_len(frame);
  const std::uint32_t back_to = frame.src();
  const MacAddress neighbour = MacAddress::load(frame.ethernet() + MacAddress::kLen);
  std::byte* at = frame.ethernet() - kAdded;
  packet.data_off -= static_cast<std::uint32_t>(kAdded);
  packet.len = static_cast<std::uint32_t>(len);

  neighbour.store(at);
  reply.own_mac.store(at + MacAddress::kLen);
  store_be16(at + 2 * MacAddress::kLen, static_cast<std::uint16_t>(EtherType::kIpv4));
  std::byte* ip = at + kEthernetHeaderLen;
  store_be32(ip, std::uint32_t{0x45} << 24 | std::uint32_t{kInternetControl} << 16 |
                     static_cast<std::uint32_t>(len - kEthernetHeaderLen));
  store_be32(ip + 4, 0x4000);  // no identification, not to be fragmented
  store_be32(ip + 8, std::uint32_t{kReplyTtl} << 24 |
                         std::uint32_t{static_cast<std::uint8_t>(IpProtocol::kIcmp)} << 16);
  reply.own_address.store(ip + 12);
  store_be32(ip + 16, back_to);
  store_be16(ip + 10, sum_words(ip, kIpv4HeaderLen).checksum());
  std::byte* icmp = ip + kIpv4HeaderLen;
  store_be64(icmp, std::uint64_t{static_cast<std::uint8_t>(reply.type)} << 56);
  store_be16(icmp + 2, sum_words(icmp, kIcmpv4HeaderLen + quoted).checksum());
  pcvs.add(0, static_cast<std::uint32_t>(quoted));
  return true;
}

}  // namespace twinpath
