// Network address and port translation for IPv4: TCP, UDP and ICMP, errors included. Port 0 is
// inside, port 1 outside. Read RFC 3022 §2.2 and §4, RFC 4787 (UDP), RFC 5382 (TCP), RFC 5508
// (ICMP).
//
// Mapping does not depend on the destination (RFC 4787 REQ-1), ports are preserved where possible,
// hairpinning works (REQ-9). It is a bump in the wire: frames leave with configured link addresses
// and an unchanged TTL; a router stands before or behind it.
//
// Deviates from RFC 4787 §11: fragments are dropped, not reassembled or tracked.
#pragma once

#include <array>
#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/nf/nat_packet.h"
#include "models/nf/network_function.h"
#include "models/wire/prefix.h"

namespace twinpath {

// RFC 4787 §5: whose packets may come in through a mapping.
enum class NatFiltering : std::uint8_t {
  kEndpointIndependent,   // anybody's
  kAddressDependent,      // those of addresses the inside has sent to
  kAddressPortDependent,  // those of addresses and ports the inside has sent to
};
inline constexpr const char* kNatFilteringNames[] = {"endpoint_independent", "address_dependent",
                                                     "address_and_port_dependent"};

struct NatConfig {
  Ipv4Prefix external{Ipv4Address(0xc6336401), 32};  // 198.51.100.1/32; /26 to /32
  std::array<MacAddress, 2> own_macs{MacAddress::from_u64(0x020000000001),
                                     MacAddress::from_u64(0x020000000002)};
  std::array<MacAddress, 2> next_macs{MacAddress::from_u64(0x020000000003),
                                      MacAddress::from_u64(0x020000000004)};
  std::uint32_t mappings_max = 65536;
  std::uint32_t sessions_max = 65536;
  NatFiltering filtering = NatFiltering::kEndpointIndependent;
  Duration udp_timeout = std::chrono::minutes(5);             // RFC 4787 REQ-5
  Duration tcp_timeout = std::chrono::minutes(124);           // RFC 5382 REQ-5
  Duration tcp_transitory_timeout = std::chrono::minutes(4);  // RFC 5382 REQ-5
  Duration icmp_timeout = std::chrono::seconds(60);           // RFC 5508 REQ-1
  std::uint32_t expired_per_packet_max = kEntriesMax;
  std::uint64_t seed = 1;

  static constexpr auto fields() {
    using C = NatConfig;
    constexpr Limits kEntries{.min = 1, .max = double{kEntriesMax}};
    constexpr Limits kTimeout{.unit = "ns", .min = 1, .max = 1e15};
    return std::tuple(
        Field{"mappings_max", "internal ends mapped at once", &C::mappings_max, kEntries},
        Field{"sessions_max", "remote ends remembered, for filtering", &C::sessions_max, kEntries},
        Field{"filtering", "whose packets may come in", &C::filtering,
              Limits{.choices = kNatFilteringNames}},
        Field{"udp_timeout", "until an unused UDP mapping goes", &C::udp_timeout, kTimeout},
        Field{"tcp_timeout", "until an unused TCP mapping goes", &C::tcp_timeout, kTimeout},
        Field{"tcp_transitory_timeout", "the same while it opens or closes",
              &C::tcp_transitory_timeout, kTimeout},
        Field{"icmp_timeout", "until an unused ICMP query mapping goes", &C::icmp_timeout,
              kTimeout},
        Field{"expired_per_packet_max", "old mappings taken back for one packet",
              &C::expired_per_packet_max, kEntries},
        Field{"seed", "of hashes and port choice", &C::seed});
  }
  // Everything wrong, all at once; empty when it can be used.
  [[nodiscard]] std::vector<Problem> validate() const;
};

class Nat final : public NetworkFunction {
 public:
  static constexpr PortId kInside = 0;
  static constexpr PortId kOutside = 1;

  enum Outcome : std::uint32_t {
    kNotIpv4,
    kMalformed,
    kFragment,
    kOtherProtocol,
    kTableFull,  // no mapping, port or session left
    kInboundUnknown,
    kFiltered,
    kErrorUnknown,
    kOutboundNew,  // from here on forwarded
    kOutboundKnown,
    kInboundKnown,
    kHairpin,
    kErrorTranslated,
  };
  static constexpr std::size_t kPcvVisited = NatTable::kPcvVisited;
  static constexpr std::size_t kPcvCollisions = NatTable::kPcvCollisions;
  static constexpr std::size_t kPcvPassed = NatTable::kPcvPassed;
  static constexpr std::size_t kPcvExpired = NatTable::kPcvExpired;
  static constexpr std::size_t kPcvUnpassed = NatTable::kPcvUnpassed;
  static constexpr std::size_t kPcvPortTries = NatTable::kPcvPortTries;
  static constexpr std::size_t kPcvSessionsExpired = 6;

  // Requires: config.validate() is empty.
  explicit Nat(const NatConfig& config);

  Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) override;
  void prefetch(const PacketBuf& packet) override;
  [[nodiscard]] std::uint32_t mappings() const { return table_.size(); }

 private:
  Outcome translate(NatPacket& packet, PortId in);
  Outcome outbound(NatPacket& packet);
  Outcome inbound(NatPacket& packet);
  Outcome hairpin(NatPacket& packet);
  Outcome error_from_outside(NatPacket& packet);
  Outcome error_from_inside(NatPacket& packet);
  void touch(const NatPacket& packet, Index index, PortId from);
  // Sessions: which remote ends a mapping has sent to.
  [[nodiscard]] bool filters() const { return filtering_ != NatFiltering::kEndpointIndependent; }
  [[nodiscard]] MapKey session(Index index, const NatEnd& remote) const;
  [[nodiscard]] Index find_session(NatPacket& packet, MapKey key);
  [[nodiscard]] bool remember(NatPacket& packet, Index index);
  void expire_sessions(Instant now, Probe& probe);

  static constexpr std::uint8_t kSessionChains = 3;  // by protocol

  NatTable table_;
  FlowMap sessions_;
  DoubleChain session_chain_;
  NatFiltering filtering_;
  std::array<Duration, kSessionChains> timeouts_;
  std::array<MacAddress, 2> own_macs_;
  std::array<MacAddress, 2> next_macs_;
  std::uint32_t expired_max_;
};

}  // namespace twinpath
