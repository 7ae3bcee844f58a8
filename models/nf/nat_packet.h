// A packet as the NAT sees it: two ends, and the places where they stand. In an ICMP error those
// are the ends of the packet it quotes. Rewrites carry every checksum along, by difference.
#pragma once

#include "models/nf/ipv4_frame.h"
#include "models/nf/nat_table.h"

namespace twinpath {

struct NatPacket {
  enum class Kind : std::uint8_t { kFlow, kError, kMalformed, kOther };

  Instant now;
  Ipv4Frame frame;
  Probe& probe;
  NatEnd src{};
  NatEnd dst{};

  // Reads both ends. Requires: the frame is IPv4 and no fragment.
  Kind read_ends();
  // Of a flow.
  void rewrite_src(const NatEnd& to);
  void rewrite_dst(const NatEnd& to);
  // Of an error: the quoted source and the error's destination, or the other way round.
  void rewrite_quoted_src(const NatEnd& to);
  void rewrite_quoted_dst(const NatEnd& to);
  [[nodiscard]] NatProtocol protocol() const { return src.protocol; }

 private:
  // Where the header lies whose ends are src and dst, with what is there of its payload.
  struct Packet {
    std::byte* ip;
    std::byte* l4;
    std::size_t l4_len;
  };
  [[nodiscard]] Packet whole() const { return {frame.ip(), frame.l4(), frame.l4_len()}; }
  [[nodiscard]] Packet quoted() const;
  Kind read(const Packet& packet);
  Kind read_error();
  struct End {
    std::size_t address_at;  // from the IP header
    std::size_t port_at;     // from the transport header
    NatEnd to;
  };
  [[nodiscard]] End src_end(const NatEnd& to) const;
  [[nodiscard]] End dst_end(const NatEnd& to) const;
  static Rewrite rewrite(const Packet& packet, const End& end);
  void rewrite_quoted(const End& quoted_end, std::byte* address);
};

}  // namespace twinpath
