// A firewall between two ports: drops IPv4 packets with options and, if it keeps state, whatever
// comes from outside (port 1) unless the inside (port 0) has opened the flow. Read RFC 7126 §3.2
// (options) and RFC 6092 §3 (what simple security lets through). What is not IPv4 passes: a bump in
// the wire must not cut off ARP.
#pragma once

#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/nf/ipv4_frame.h"
#include "models/nf/network_function.h"
#include "models/nf/state/flow_table.h"

namespace twinpath {

struct FirewallConfig {
  bool stateful = false;
  std::uint32_t flows_max = 65536;
  Duration flow_timeout = std::chrono::minutes(5);
  std::uint32_t expired_per_packet_max = kEntriesMax;
  std::uint64_t seed = 1;

  static constexpr auto fields() {
    using C = FirewallConfig;
    constexpr Limits kEntries{.min = 1, .max = double{kEntriesMax}};
    return std::tuple(
        Field{"stateful", "from outside only what belongs to a flow from inside", &C::stateful},
        Field{"flows_max", "flows remembered at once", &C::flows_max, kEntries},
        Field{"flow_timeout", "until an unused flow is forgotten", &C::flow_timeout,
              Limits{.unit = "ns", .min = 1, .max = 1e15}},
        Field{"expired_per_packet_max", "old flows forgotten for one packet",
              &C::expired_per_packet_max, kEntries},
        Field{"seed", "of the hash", &C::seed});
  }
  // Everything wrong, all at once; empty when it can be used.
  [[nodiscard]] std::vector<Problem> validate() const { return validate_fields(*this); }
};

class Firewall final : public NetworkFunction {
 public:
  static constexpr PortId kInside = 0;

  enum Outcome : std::uint32_t {
    kMalformed,
    kOptions,
    kNoFlow,      // from outside, opened by nobody
    kNotTracked,  // neither TCP nor UDP, or a fragment: no flow to belong to
    kTableFull,   // a new flow from inside finds no place
    kNotIpv4,     // from here on forwarded
    kPassed,      // without state
    kNewFlow,
    kKnownFlow,
  };
  static constexpr std::size_t kPcvVisited = FlowTable::kPcvVisited;
  static constexpr std::size_t kPcvCollisions = FlowTable::kPcvCollisions;
  static constexpr std::size_t kPcvPassed = FlowTable::kPcvPassed;
  static constexpr std::size_t kPcvExpired = FlowTable::kPcvExpired;
  static constexpr std::size_t kPcvUnpassed = FlowTable::kPcvUnpassed;

  // Requires: config.validate() is empty.
  explicit Firewall(const FirewallConfig& config);

  Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) override;
  void prefetch(const PacketBuf& packet) override;
  [[nodiscard]] std::uint32_t flows() const { return flows_.size(); }

 private:
  Outcome judge(const Ipv4Frame& frame, PortId in, Instant now, Probe& probe);

  FlowTable flows_;
  bool stateful_;
};

}  // namespace twinpath
