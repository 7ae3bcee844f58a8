// A bump in the wire between two ports that refuses IPv4 packets by their options. Read RFC 791
// §3.1 (their form) and RFC 7126 (which of them a network should let through).
#pragma once

#include <cstdint>

#include "models/nf/network_function.h"

namespace twinpath {

class Ipv4OptionsFilter final : public NetworkFunction {
 public:
  enum Outcome : std::uint32_t { kNotIpv4, kNoOptions, kAllowed, kRefused, kMalformed };
  static constexpr std::size_t kPcvOptions = 0;  // options looked at

  // One bit per option number, the low five bits of the type octet (RFC 791 §3.1). RFC 7126 §4.2 to
  // §4.8: end of list, no operation and router alert (RFC 2113) pass; source routes, record route
  // and time stamp do not.
  static constexpr std::uint32_t kAllowedDefault = 1U << 0 | 1U << 1 | 1U << 20;

  explicit Ipv4OptionsFilter(std::uint32_t allowed = kAllowedDefault) : allowed_(allowed) {}

  Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) override;
  void prefetch(const PacketBuf& packet) override { __builtin_prefetch(packet.data()); }

 private:
  [[nodiscard]] Outcome judge(std::span<const std::byte> options, Probe& probe) const;

  std::uint32_t allowed_;
};

}  // namespace twinpath
