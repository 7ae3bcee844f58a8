// ICMP for IPv4: echo, destination unreachable (with the next-hop MTU of path MTU discovery) and
// time exceeded. Read RFC 792, RFC 1122 §3.2.2 and RFC 1191 §4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "models/wire/byte_order.h"
#include "models/wire/checksum.h"
#include "models/wire/ip.h"
#include "models/wire/parsed.h"

namespace twinpath {

inline constexpr std::size_t kIcmpv4HeaderLen = 8;
// What an error quotes at least of the offending packet: its IP header and 8 bytes (RFC 792).
inline constexpr std::size_t kIcmpQuotedPayloadLen = 8;
// RFC 1812 §4.3.2.3: as much as fits into 576 bytes.
inline constexpr std::size_t kIcmpErrorPacketLenMax = 576;

enum class Icmpv4Type : std::uint8_t {
  kEchoReply = 0,
  kUnreachable = 3,
  kEchoRequest = 8,
  kTimeExceeded = 11,
  kParameterProblem = 12,
};

enum class UnreachableCode : std::uint8_t {
  kNet = 0,
  kHost = 1,
  kProtocol = 2,
  kPort = 3,
  kFragmentationNeeded = 4,
  kAdministrative = 13,
};

enum class TimeExceededCode : std::uint8_t { kTtl = 0, kReassembly = 1 };

struct EchoIds {
  std::uint16_t identifier = 0;
  std::uint16_t sequence = 0;
  friend constexpr bool operator==(EchoIds, EchoIds) = default;
};

// The start of the packet an error of either version complains about. Its length fields speak of
// the original, most of which is missing, and its checksums may be stale, so it is no view.
struct QuotedPacket {
  IpAddress src;
  IpAddress dst;
  IpProtocol protocol = IpProtocol::kTcp;
  std::span<const std::byte> transport;  // at least kIcmpQuotedPayloadLen bytes

  std::uint16_t src_port() const { return load_be16(transport.data()); }
  std::uint16_t dst_port() const { return load_be16(transport.data() + 2); }
  std::uint32_t tcp_seq() const { return load_be32(transport.data() + 4); }
};

class Icmpv4View {
 public:
  // `message` is the whole IP payload. Types without a meaning here give kUnknownType.
  static Parsed<Icmpv4View> parse(std::span<const std::byte> message);

  Icmpv4Type type() const { return static_cast<Icmpv4Type>(load_u8(bytes_.data())); }
  std::uint8_t code() const { return load_u8(bytes_.data() + 1); }
  std::uint16_t checksum() const { return load_be16(bytes_.data() + 2); }
  bool is_error() const {
    return type() != Icmpv4Type::kEchoReply && type() != Icmpv4Type::kEchoRequest;
  }
  // Requires: !is_error().
  EchoIds echo() const { return {load_be16(bytes_.data() + 4), load_be16(bytes_.data() + 6)}; }
  // Echo data, or the quoted bytes of an error.
  std::span<const std::byte> data() const { return bytes_.subspan(kIcmpv4HeaderLen); }
  // RFC 1191 §4. 0 from routers older than that. Requires: code kFragmentationNeeded.
  std::uint16_t next_hop_mtu_bytes() const { return load_be16(bytes_.data() + 6); }
  // Checked by parse(). Requires: is_error().
  const QuotedPacket& quoted() const { return quoted_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit Icmpv4View(std::span<const std::byte> bytes) : bytes_(bytes) {}
  DropReason parse_quoted();

  std::span<const std::byte> bytes_;
  QuotedPacket quoted_;
};

struct Icmpv4Repr {
  Icmpv4Type type = Icmpv4Type::kEchoReply;
  std::uint8_t code = 0;
  EchoIds echo{};                        // echo only
  std::uint16_t next_hop_mtu_bytes = 0;  // fragmentation needed only
  std::span<const std::byte> data{};     // echo data, or the quoted packet

  std::size_t len() const { return kIcmpv4HeaderLen + data.size(); }
  // Writes the whole message with its checksum. Requires: out.size() >= len().
  void emit(std::span<std::byte> out) const;

  static Icmpv4Repr echo_reply(const Icmpv4View& request);
  // `offending` is the IP packet complained about, cut to what an error may quote.
  static Icmpv4Repr unreachable(UnreachableCode code, std::span<const std::byte> offending);
  static Icmpv4Repr fragmentation_needed(std::uint16_t mtu_bytes,
                                         std::span<const std::byte> offending);
  static Icmpv4Repr time_exceeded(TimeExceededCode code, std::span<const std::byte> offending);
};

}  // namespace twinpath
