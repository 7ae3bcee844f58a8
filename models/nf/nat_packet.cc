// Where addresses, ports, identifiers and checksums stand, and what follows from changing them.
#include "models/nf/nat_packet.h"

namespace twinpath {
namespace {

constexpr std::size_t kSrcAt = 12;
constexpr std::size_t kDstAt = 16;
constexpr std::size_t kIpChecksumAt = 10;
constexpr std::size_t kIcmpHeaderLen = 8;
constexpr std::size_t kIcmpChecksumAt = 2;
constexpr std::size_t kIcmpIdentifierAt = 4;
constexpr std::size_t kQuotedPayloadLen = 8;  // RFC 792: what an error quotes at least

enum IcmpType : std::uint8_t {
  kEchoReply = 0,
  kUnreachable = 3,
  kEchoRequest = 8,
  kTimeExceeded = 11,
  kParameterProblem = 12,
};

bool is_query(std::uint8_t type) { return type == kEchoRequest || type == kEchoReply; }
bool is_error(std::uint8_t type) {
  return type == kUnreachable || type == kTimeExceeded || type == kParameterProblem;
}

}  // namespace

NatPacket::Kind NatPacket::read(const Packet& packet) {
  const auto protocol = static_cast<IpProtocol>(load_u8(packet.ip + 9));
  NatProtocol kind = NatProtocol::kTcp;
  std::size_t src_at = 0;
  std::size_t dst_at = 2;
  if (protocol == IpProtocol::kUdp) {
    kind = NatProtocol::kUdp;
  } else if (protocol == IpProtocol::kIcmp) {
    if (!is_query(load_u8(packet.l4))) return Kind::kOther;
    kind = NatProtocol::kIcmp;
    src_at = dst_at = kIcmpIdentifierAt;
  } else if (protocol != IpProtocol::kTcp) {
    return Kind::kOther;
  }
  src = {load_be32(packet.ip + kSrcAt), load_be16(packet.l4 + src_at), kind};
  dst = {load_be32(packet.ip + kDstAt), load_be16(packet.l4 + dst_at), kind};
  return Kind::kFlow;
}

NatPacket::Kind NatPacket::read_ends() {
  const Packet packet = whole();
  if (packet.l4_len < kUdpHeaderLen) return Kind::kMalformed;
  const IpProtocol protocol = frame.protocol();
  if (protocol == IpProtocol::kTcp && packet.l4_len < kTcpHeaderLen) return Kind::kMalformed;
  if (protocol == IpProtocol::kIcmp && is_error(load_u8(packet.l4))) return read_error();
  return read(packet);
}

NatPacket::Packet NatPacket::quoted() const {
  std::byte* ip = frame.l4() + kIcmpHeaderLen;
  const std::size_t header_len = std::size_t{load_u8(ip) & 0x0fU} * 4U;
  return {ip, ip + header_len, frame.l4_len() - kIcmpHeaderLen - header_len};
}

NatPacket::Kind NatPacket::read_error() {
  if (frame.l4_len() < kIcmpHeaderLen + kIpv4HeaderLen + kQuotedPayloadLen) {
    return Kind::kMalformed;
  }
  const std::byte* ip = frame.l4() + kIcmpHeaderLen;
  const std::uint8_t first = load_u8(ip);
  const std::size_t header_len = std::size_t{first & 0x0fU} * 4U;
  const std::size_t needed = kIcmpHeaderLen + header_len + kQuotedPayloadLen;
  if (first >> 4 != 4 || header_len < kIpv4HeaderLen || frame.l4_len() < needed) {
    return Kind::kMalformed;
  }
  // The middle of a datagram names no ports.
  if ((load_be16(ip + 6) & 0x1fff) != 0) return Kind::kOther;
  const Kind kind = read(quoted());
  return kind == Kind::kFlow ? Kind::kError : kind;
}

NatPacket::End NatPacket::src_end(const NatEnd& to) const {
  return {kSrcAt, src.protocol == NatProtocol::kIcmp ? kIcmpIdentifierAt : 0, to};
}

NatPacket::End NatPacket::dst_end(const NatEnd& to) const {
  return {kDstAt, dst.protocol == NatProtocol::kIcmp ? kIcmpIdentifierAt : 2, to};
}

// Changes one end and the checksums of both headers; what it returns is what that does to a
// checksum over all of them. A quoted TCP header may end before its checksum.
Rewrite NatPacket::rewrite(const Packet& packet, const End& end) {
  Rewrite address;
  address.set(packet.ip + end.address_at, end.to.address);
  Rewrite port;
  port.set(packet.l4 + end.port_at, end.to.port);
  Rewrite all = address;
  all.add(port);
  address.apply(packet.ip + kIpChecksumAt, all);
  switch (end.to.protocol) {
    case NatProtocol::kUdp:
      port.add(address);
      port.apply_udp(packet.l4 + kUdpChecksumOffset, all);
      break;
    case NatProtocol::kTcp:
      port.add(address);
      if (packet.l4_len >= kTcpChecksumOffset + 2) {
        port.apply(packet.l4 + kTcpChecksumOffset, all);
      }
      break;
    case NatProtocol::kIcmp:
      port.apply(packet.l4 + kIcmpChecksumAt, all);
      break;
  }
  return all;
}

void NatPacket::rewrite_src(const NatEnd& to) { rewrite(whole(), src_end(to)); }

void NatPacket::rewrite_dst(const NatEnd& to) { rewrite(whole(), dst_end(to)); }

// RFC 5508 §4.2 and §4.3: inside the quote, around it, and the error's own checksum.
void NatPacket::rewrite_quoted(const End& quoted_end, std::byte* address) {
  const Rewrite inner = rewrite(quoted(), quoted_end);
  inner.apply(frame.l4() + kIcmpChecksumAt);
  Rewrite outer;
  outer.set(address, quoted_end.to.address);
  outer.apply(frame.checksum_at());
}

void NatPacket::rewrite_quoted_src(const NatEnd& to) {
  rewrite_quoted(src_end(to), frame.dst_at());
}

void NatPacket::rewrite_quoted_dst(const NatEnd& to) {
  rewrite_quoted(dst_end(to), frame.src_at());
}

}  // namespace twinpath
