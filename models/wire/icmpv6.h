// ICMP for IPv6: echo and the four errors. Read RFC 4443; Neighbour Discovery, which travels in
// the same messages, is in neighbour_discovery.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "models/wire/byte_order.h"
#include "models/wire/checksum.h"
#include "models/wire/icmpv4.h"
#include "models/wire/ip.h"
#include "models/wire/parsed.h"

namespace twinpath {

inline constexpr std::size_t kIcmpv6HeaderLen = 8;

enum class Icmpv6Type : std::uint8_t {
  kUnreachable = 1,
  kPacketTooBig = 2,
  kTimeExceeded = 3,
  kParameterProblem = 4,
  kEchoRequest = 128,
  kEchoReply = 129,
  kRouterSolicitation = 133,
  kRouterAdvertisement = 134,
  kNeighbourSolicitation = 135,
  kNeighbourAdvertisement = 136,
  kRedirect = 137,
};

enum class Unreachable6Code : std::uint8_t {
  kNoRoute = 0,
  kAdministrative = 1,
  kBeyondScope = 2,
  kAddress = 3,
  kPort = 4,
  kPolicy = 5,
  kReject = 6,
};

enum class ParameterCode : std::uint8_t {
  kHeader = 0,           // a field with a wrong value
  kNextHeader = 1,       // a header nobody here knows
  kOption = 2,           // an option nobody here knows
  kIncompleteChain = 3,  // RFC 7112 §5: the first fragment lacks some of the headers
};

class Icmpv6View {
 public:
  // `message` is the IP payload behind all extension headers, `pseudo` its pseudo-header's sum or
  // nothing when the device verified the checksum. Types without a meaning here give kUnknownType.
  static Parsed<Icmpv6View> parse(std::span<const std::byte> message,
                                  std::optional<InetSum> pseudo);

  Icmpv6Type type() const { return static_cast<Icmpv6Type>(load_u8(bytes_.data())); }
  std::uint8_t code() const { return load_u8(bytes_.data() + 1); }
  // RFC 4443 §2.1: types below 128 are errors.
  bool is_error() const { return load_u8(bytes_.data()) < 128; }
  // Requires: an echo request or reply.
  EchoIds echo() const { return {load_be16(bytes_.data() + 4), load_be16(bytes_.data() + 6)}; }
  // Requires: kPacketTooBig.
  std::uint32_t mtu_bytes() const { return load_be32(bytes_.data() + 4); }
  // Offset of what is wrong in the packet quoted. Requires: kParameterProblem.
  std::uint32_t pointer() const { return load_be32(bytes_.data() + 4); }
  std::span<const std::byte> data() const { return bytes_.subspan(kIcmpv6HeaderLen); }
  // Checked by parse(). Requires: is_error().
  const QuotedPacket& quoted() const { return quoted_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit Icmpv6View(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
  QuotedPacket quoted_;
};

struct Icmpv6Repr {
  Icmpv6Type type = Icmpv6Type::kEchoReply;
  std::uint8_t code = 0;
  std::uint32_t word = 0;             // echo: identifier and sequence; MTU; pointer; else 0
  std::span<const std::byte> data{};  // echo data, or the packet quoted

  std::size_t len() const { return kIcmpv6HeaderLen + data.size(); }
  // Writes the whole message with its checksum. Requires: out.size() >= len().
  void emit(std::span<std::byte> out, const IpAddress& source, const IpAddress& target) const;

  // `offending` is the IP packet complained about, cut to what an error may quote.
  static Icmpv6Repr error(Icmpv6Type type, std::uint8_t code, std::span<const std::byte> offending);
};

}  // namespace twinpath
