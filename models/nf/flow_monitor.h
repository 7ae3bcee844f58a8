// A flow monitor: forwards everything and counts packets and bytes of each flow, either direction
// by itself. When a flow has been silent, or lasts longer than the active time-out allows, a record
// of it is exported. Read RFC 7011 §2 and RFC 5470 §5.1.1 for both time-outs.
#pragma once

#include <array>
#include <span>
#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/nf/ipv4_frame.h"
#include "models/nf/network_function.h"
#include "models/nf/state/flow_table.h"
#include "models/nf/state/state_vector.h"

namespace twinpath {

struct FlowMonitorConfig {
  std::uint32_t flows_max = 65536;
  Duration idle_timeout = std::chrono::seconds(15);
  Duration active_timeout = std::chrono::seconds(60);
  std::uint32_t records_max = 65536;
  std::uint32_t expired_per_packet_max = kEntriesMax;
  std::uint64_t seed = 1;

  static constexpr auto fields() {
    using C = FlowMonitorConfig;
    constexpr Limits kEntries{.min = 1, .max = double{kEntriesMax}};
    constexpr Limits kTimeout{.unit = "ns", .min = 1, .max = 1e15};
    return std::tuple(
        Field{"flows_max", "flows counted at once", &C::flows_max, kEntries},
        Field{"idle_timeout", "silence after which a flow is over", &C::idle_timeout, kTimeout},
        Field{"active_timeout", "after which a lasting flow is exported", &C::active_timeout,
              kTimeout},
        Field{"records_max", "exported records that wait to be taken", &C::records_max, kEntries},
        Field{"expired_per_packet_max", "silent flows exported for one packet",
              &C::expired_per_packet_max, kEntries},
        Field{"seed", "of the hash", &C::seed});
  }
  // Everything wrong, all at once; empty when it can be used.
  [[nodiscard]] std::vector<Problem> validate() const { return validate_fields(*this); }
};

struct FlowRecord {
  MapKey key;  // as Ipv4Frame::key()
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  // of IP packets
  Instant first{};
  Instant last{};

  [[nodiscard]] Ipv4Address src() const { return Ipv4Address(std::uint32_t(key.first >> 32)); }
  [[nodiscard]] Ipv4Address dst() const { return Ipv4Address(std::uint32_t(key.first)); }
  [[nodiscard]] std::uint16_t src_port() const { return std::uint16_t(key.second >> 24); }
  [[nodiscard]] std::uint16_t dst_port() const { return std::uint16_t(key.second >> 8); }
  [[nodiscard]] IpProtocol protocol() const { return IpProtocol(std::uint8_t(key.second)); }
};

class FlowMonitor final : public NetworkFunction {
 public:
  enum Outcome : std::uint32_t {
    kMalformed,  // dropped; everything else is forwarded
    kNotIpv4,
    kNotCounted,  // neither TCP nor UDP, or a fragment
    kTableFull,
    kNewFlow,
    kKnownFlow,
    kLastingFlow,  // exported, and counted anew
  };
  static constexpr std::size_t kPcvVisited = FlowTable::kPcvVisited;
  static constexpr std::size_t kPcvCollisions = FlowTable::kPcvCollisions;
  static constexpr std::size_t kPcvPassed = FlowTable::kPcvPassed;
  static constexpr std::size_t kPcvExpired = FlowTable::kPcvExpired;
  static constexpr std::size_t kPcvUnpassed = FlowTable::kPcvUnpassed;
  static constexpr std::size_t kPcvLost = 5;  // records that found no room

  // Requires: config.validate() is empty.
  explicit FlowMonitor(const FlowMonitorConfig& config);

  Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) override;
  void prefetch(const PacketBuf& packet) override;
  // The oldest records, at most as many as fit; they are taken.
  [[nodiscard]] std::size_t take(std::span<FlowRecord> out);
  [[nodiscard]] std::uint32_t flows() const { return flows_.size(); }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  Outcome count(const Ipv4Frame& frame, Instant now, Probe& probe);
  void publish(const FlowRecord& record, Probe& probe);

  FlowTable flows_;
  StateVector<FlowRecord> records_;   // by flow
  StateVector<FlowRecord> exported_;  // a ring
  std::uint32_t exported_max_;
  std::uint32_t first_ = 0;
  std::uint32_t waiting_ = 0;
  std::uint64_t lost_ = 0;
  Duration active_timeout_;
};

}  // namespace twinpath
