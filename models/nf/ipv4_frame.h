// An Ethernet frame with an IPv4 packet as network functions look at it: few branches, nothing
// copied, rewrites in place. Frames with VLAN tags count as not IPv4. The header's checksum is not
// verified: incremental updates (RFC 1624 §3) keep a wrong sum wrong, and who the packet is for
// will see it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/base/packet_buf.h"
#include "models/nf/state/flow_map.h"
#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"
#include "models/wire/tcp.h"
#include "models/wire/udp.h"

namespace twinpath {

// Words rewritten in place, and what that does to checksums over them: the sum of ~m + m' of RFC
// 1624 §3.
class Rewrite {
 public:
  template <typename Integer>
  void set(std::byte* at, Integer after) {
    const auto native = network_order(after);
    change_.add_native(static_cast<Integer>(~load_native<Integer>(at))).add_native(native);
    store_native(at, native);
  }
  void add(const Rewrite& other) { change_.add(other.change_); }
  void apply(std::byte* checksum) const { store_be16(checksum, updated(load_be16(checksum))); }
  // RFC 768: zero says that there is none, and a sum of zero is sent as 0xffff.
  void apply_udp(std::byte* checksum) const {
    const std::uint16_t before = load_be16(checksum);
    if (before == 0) return;
    const std::uint16_t after = updated(before);
    store_be16(checksum, after == 0 ? std::uint16_t{0xffff} : after);
  }
  // The same where the checksum is itself part of what `around` is about.
  void apply(std::byte* checksum, Rewrite& around) const {
    around.set(checksum, updated(load_be16(checksum)));
  }
  void apply_udp(std::byte* checksum, Rewrite& around) const {
    const std::uint16_t before = load_be16(checksum);
    apply_udp(checksum);
    around.change_.add_u16(static_cast<std::uint16_t>(~before)).add_u16(load_be16(checksum));
  }

 private:
  [[nodiscard]] std::uint16_t updated(std::uint16_t checksum) const {
    InetSum sum = change_;
    return sum.add_u16(static_cast<std::uint16_t>(~checksum)).checksum();
  }
  InetSum change_;
};

class Ipv4Frame {
 public:
  enum class Kind : std::uint8_t { kIpv4, kOther, kMalformed };

  explicit Ipv4Frame(PacketBuf& packet) : data_(packet.data()), kind_(look(packet.len)) {}

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::byte* ethernet() const { return data_; }

  // Requires of all below: kind() is kIpv4.
  [[nodiscard]] std::byte* ip() const { return data_ + kEthernetHeaderLen; }
  [[nodiscard]] std::size_t header_len() const { return header_len_; }
  [[nodiscard]] bool has_options() const { return header_len_ > kIpv4HeaderLen; }
  [[nodiscard]] std::size_t total_len() const { return total_len_; }
  [[nodiscard]] std::byte* src_at() const { return ip() + 12; }
  [[nodiscard]] std::byte* dst_at() const { return ip() + 16; }
  [[nodiscard]] std::byte* checksum_at() const { return ip() + 10; }
  [[nodiscard]] std::uint32_t src() const { return load_be32(src_at()); }
  [[nodiscard]] std::uint32_t dst() const { return load_be32(dst_at()); }
  [[nodiscard]] std::uint8_t ttl() const { return load_u8(ip() + 8); }
  [[nodiscard]] IpProtocol protocol() const { return static_cast<IpProtocol>(load_u8(ip() + 9)); }
  [[nodiscard]] bool is_fragment() const { return (load_be16(ip() + 6) & 0x3fff) != 0; }
  [[nodiscard]] std::byte* l4() const { return ip() + header_len_; }
  [[nodiscard]] std::size_t l4_len() const { return total_len_ - header_len_; }

  // Whether ports() may be asked for: a whole TCP or UDP header of a whole packet.
  [[nodiscard]] bool has_ports() const {
    if (is_fragment()) return false;
    if (protocol() == IpProtocol::kTcp) return l4_len() >= kTcpHeaderLen;
    return protocol() == IpProtocol::kUdp && l4_len() >= kUdpHeaderLen;
  }
  [[nodiscard]] std::uint32_t ports() const { return load_be32(l4()); }  // source in the high half
  [[nodiscard]] std::uint8_t tcp_flags() const { return load_u8(l4() + 13); }

  // The flow, and the same flow seen from the other end.
  [[nodiscard]] MapKey key() const {
    return {std::uint64_t{src()} << 32 | dst(), std::uint64_t{ports()} << 8 | load_u8(ip() + 9)};
  }
  [[nodiscard]] MapKey reverse_key() const {
    const std::uint32_t turned = ports() << 16 | ports() >> 16;
    return {std::uint64_t{dst()} << 32 | src(), std::uint64_t{turned} << 8 | load_u8(ip() + 9)};
  }

 private:
  [[nodiscard]] Kind look(std::size_t len) {
    if (len < kEthernetHeaderLen) return Kind::kMalformed;
    if (load_be16(data_ + 12) != static_cast<std::uint16_t>(EtherType::kIpv4)) return Kind::kOther;
    if (len < kEthernetHeaderLen + kIpv4HeaderLen) return Kind::kMalformed;
    const std::uint8_t first = load_u8(ip());
    header_len_ = std::size_t{first & 0x0fU} * 4U;
    total_len_ = load_be16(ip() + 2);
    const bool bad = (first >> 4 != 4) | (header_len_ < kIpv4HeaderLen) |
                     (total_len_ < header_len_) | (total_len_ > len - kEthernetHeaderLen);
    return bad ? Kind::kMalformed : Kind::kIpv4;
  }

  std::byte* data_;
  std::size_t header_len_ = 0;
  std::size_t total_len_ = 0;
  Kind kind_;
};

// What key() will be if the packet is whole and has no options: for prefetching. Requires: the
// frame reaches to the ports.
inline MapKey flow_key_ahead(const PacketBuf& packet) {
  const std::byte* ip = packet.data() + kEthernetHeaderLen;
  return {load_be64(ip + 12), std::uint64_t{load_be32(ip + kIpv4HeaderLen)} << 8 | load_u8(ip + 9)};
}

}  // namespace twinpath
