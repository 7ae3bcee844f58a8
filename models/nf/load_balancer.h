// A load balancer for one virtual address, after Maglev (NSDI'16) as Vigor has it: clients at port
// 0, backends at port 1. A flow stays with its backend while both live; a new flow's backend is
// chosen by consistent hashing. Backends say that they live by heartbeats, UDP datagrams to a port
// of the virtual address; one that falls silent is out. Answers of backends pass to the clients
// unchanged: backends own the virtual address too (direct server return, NSDI'16 §3.1).
#pragma once

#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/nf/ipv4_frame.h"
#include "models/nf/network_function.h"
#include "models/nf/state/backend_ring.h"
#include "models/nf/state/flow_table.h"
#include "models/nf/state/state_vector.h"

namespace twinpath {

struct LoadBalancerConfig {
  Ipv4Address virtual_address{0xc6336464};                    // 198.51.100.100
  MacAddress own_mac = MacAddress::from_u64(0x020000000002);  // towards backends
  std::uint16_t heartbeat_port = 3478;
  std::uint32_t flows_max = 65536;
  Duration flow_timeout = std::chrono::seconds(60);
  std::uint32_t backends_max = 16;
  std::uint32_t buckets = 1021;
  Duration backend_timeout = std::chrono::seconds(3);
  std::uint32_t expired_per_packet_max = kEntriesMax;
  std::uint64_t seed = 1;

  static constexpr auto fields() {
    using C = LoadBalancerConfig;
    constexpr Limits kEntries{.min = 1, .max = double{kEntriesMax}};
    constexpr Limits kTimeout{.unit = "ns", .min = 1, .max = 1e15};
    return std::tuple(
        Field{"heartbeat_port", "UDP port at which backends report", &C::heartbeat_port,
              Limits{.min = 1, .max = 65535}},
        Field{"flows_max", "flows remembered at once", &C::flows_max, kEntries},
        Field{"flow_timeout", "until an unused flow is forgotten", &C::flow_timeout, kTimeout},
        Field{"backends_max", "backends at once", &C::backends_max,
              Limits{.min = 1, .max = double{BackendRing::kBackendsMax}}},
        Field{"buckets", "of the consistent hash; a prime, best 100 times backends_max",
              &C::buckets, Limits{.min = 2, .max = double{BackendRing::kBucketsMax}}},
        Field{"backend_timeout", "until a silent backend is out", &C::backend_timeout, kTimeout},
        Field{"expired_per_packet_max", "old flows, and old backends, forgotten for one packet",
              &C::expired_per_packet_max, kEntries},
        Field{"seed", "of hashes", &C::seed});
  }
  // Everything wrong, all at once; empty when it can be used.
  [[nodiscard]] std::vector<Problem> validate() const;
};

class LoadBalancer final : public NetworkFunction {
 public:
  static constexpr PortId kClients = 0;
  static constexpr PortId kBackends = 1;

  enum Outcome : std::uint32_t {
    kNotIpv4,
    kMalformed,
    kOtherAddress,   // of a client, not to the virtual address
    kOtherProtocol,  // neither TCP nor UDP, or a fragment
    kNoBackend,      // none is alive
    kHeartbeat,      // of a known backend; taken
    kHeartbeatNew,   // a new backend; taken
    kHeartbeatFull,  // there is no place for one more
    kFromBackend,    // from here on forwarded
    kKnownFlow,      // its backend lives
    kMovedFlow,      // its backend is out: another one
    kNewFlow,
    kUnrememberedFlow,  // new, and the table is full: chosen by hash alone
  };
  static constexpr std::size_t kPcvVisited = FlowTable::kPcvVisited;
  static constexpr std::size_t kPcvCollisions = FlowTable::kPcvCollisions;
  static constexpr std::size_t kPcvPassed = FlowTable::kPcvPassed;
  static constexpr std::size_t kPcvExpired = FlowTable::kPcvExpired;  // flows
  static constexpr std::size_t kPcvUnpassed = FlowTable::kPcvUnpassed;
  static constexpr std::size_t kPcvTried = 5;            // backends looked at
  static constexpr std::size_t kPcvBackendsExpired = 6;  // fallen silent

  // Requires: config.validate() is empty.
  explicit LoadBalancer(const LoadBalancerConfig& config);

  Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) override;
  void prefetch(const PacketBuf& packet) override;
  [[nodiscard]] std::uint32_t backends() const { return backends_.size(); }

 private:
  struct Backend {
    MacAddress mac;
    std::uint32_t serial = 0;  // of all backends there ever were; 0 is nobody's
  };
  struct Flow {
    Index backend = 0;
    std::uint32_t serial = 0;  // the backend's when the flow came to it
  };
  struct Passage {
    Instant now;
    Ipv4Frame frame;
    Probe& probe;
  };

  Outcome from_client(const Passage& passage);
  Outcome from_backend(const Passage& passage);
  Outcome heartbeat(const Passage& passage);
  void expire(Instant now, Probe& probe);
  [[nodiscard]] Index choose(const Passage& passage) const;
  void send_to(const Passage& passage, Index backend) const;

  FlowTable flows_;
  FlowTable backends_;
  BackendRing ring_;
  StateVector<Flow> flow_;
  StateVector<Backend> backend_;
  Ipv4Address virtual_address_;
  MacAddress own_mac_;
  std::uint16_t heartbeat_port_;
  std::uint32_t serials_ = 0;
  std::uint64_t seed_;
};

}  // namespace twinpath
