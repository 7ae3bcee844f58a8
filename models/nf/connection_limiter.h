// A connection limiter: each inside address (port 0) may have so many TCP and UDP flows open at
// once; what comes in through an open flow passes, other packets from outside (port 1) are dropped.
#pragma once

#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/nf/ipv4_frame.h"
#include "models/nf/network_function.h"
#include "models/nf/state/flow_table.h"
#include "models/nf/state/state_vector.h"

namespace twinpath {

struct ConnectionLimiterConfig {
  std::uint32_t flows_per_client_max = 256;
  Duration flow_timeout = std::chrono::seconds(60);
  std::uint32_t flows_max = 65536;
  std::uint32_t clients_max = 65536;
  std::uint32_t expired_per_packet_max = kEntriesMax;
  std::uint64_t seed = 1;

  static constexpr auto fields() {
    using C = ConnectionLimiterConfig;
    constexpr Limits kEntries{.min = 1, .max = double{kEntriesMax}};
    return std::tuple(Field{"flows_per_client_max", "flows a client may have open",
                            &C::flows_per_client_max, kEntries},
                      Field{"flow_timeout", "until an unused flow counts no more", &C::flow_timeout,
                            Limits{.unit = "ns", .min = 1, .max = 1e15}},
                      Field{"flows_max", "flows remembered at once", &C::flows_max, kEntries},
                      Field{"clients_max", "clients counted at once", &C::clients_max, kEntries},
                      Field{"expired_per_packet_max", "old flows forgotten for one packet",
                            &C::expired_per_packet_max, kEntries},
                      Field{"seed", "of the hashes", &C::seed});
  }
  // Everything wrong, all at once; empty when it can be used.
  [[nodiscard]] std::vector<Problem> validate() const { return validate_fields(*this); }
};

class ConnectionLimiter final : public NetworkFunction {
 public:
  static constexpr PortId kInside = 0;

  enum Outcome : std::uint32_t {
    kMalformed,
    kLimited,     // one flow too many
    kTableFull,   // of flows or of clients
    kNoFlow,      // from outside, opened by nobody
    kNotTracked,  // neither TCP nor UDP, or a fragment
    kNotIpv4,     // from here on forwarded
    kKnownFlow,
    kNewFlow,
    kNewClient,
  };
  static constexpr std::size_t kPcvVisited = FlowTable::kPcvVisited;
  static constexpr std::size_t kPcvCollisions = FlowTable::kPcvCollisions;
  static constexpr std::size_t kPcvPassed = FlowTable::kPcvPassed;
  static constexpr std::size_t kPcvExpired = FlowTable::kPcvExpired;  // flows
  static constexpr std::size_t kPcvUnpassed = FlowTable::kPcvUnpassed;
  static constexpr std::size_t kPcvClientsGone = 5;

  // Requires: config.validate() is empty.
  explicit ConnectionLimiter(const ConnectionLimiterConfig& config);

  Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) override;
  void prefetch(const PacketBuf& packet) override;
  [[nodiscard]] std::uint32_t flows() const { return flows_.size(); }
  [[nodiscard]] std::uint32_t clients() const { return clients_.size(); }

 private:
  Outcome judge(const Ipv4Frame& frame, PortId in, Instant now, Probe& probe);
  Outcome open(MapKey key, Instant now, Probe& probe);
  void expire(Instant now, Probe& probe);

  FlowTable clients_;  // live as long as a flow of theirs does
  FlowTable flows_;
  StateVector<std::uint32_t> flows_of_;  // by client
  StateVector<Index> client_of_;         // by flow
  std::uint32_t flows_per_client_max_;
};

}  // namespace twinpath
