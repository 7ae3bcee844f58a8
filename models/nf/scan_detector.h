// A port-scan detector: a source that tries too many different ports and addresses within a window
// may try no further ones; what it already uses goes on. From outside (port 1) to inside (port 0);
// what goes out passes. After Vigor's (Zaostrovnykh et al., SOSP'19 §5).
#pragma once

#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/nf/ipv4_frame.h"
#include "models/nf/network_function.h"
#include "models/nf/state/flow_table.h"
#include "models/nf/state/state_vector.h"

namespace twinpath {

struct ScanDetectorConfig {
  std::uint32_t targets_per_source_max = 64;
  Duration window = std::chrono::seconds(60);
  std::uint32_t sources_max = 65536;
  std::uint32_t targets_max = 262144;
  std::uint32_t expired_per_packet_max = kEntriesMax;
  std::uint64_t seed = 1;

  static constexpr auto fields() {
    using C = ScanDetectorConfig;
    constexpr Limits kEntries{.min = 1, .max = double{kEntriesMax}};
    return std::tuple(
        Field{"targets_per_source_max", "address and port pairs a source may use at once",
              &C::targets_per_source_max, kEntries},
        Field{"window", "until an unused pair counts no more", &C::window,
              Limits{.unit = "ns", .min = 1, .max = 1e15}},
        Field{"sources_max", "sources watched at once", &C::sources_max, kEntries},
        Field{"targets_max", "pairs remembered at once, of all sources", &C::targets_max, kEntries},
        Field{"expired_per_packet_max", "old pairs forgotten for one packet",
              &C::expired_per_packet_max, kEntries},
        Field{"seed", "of the hashes", &C::seed});
  }
  // Everything wrong, all at once; empty when it can be used.
  [[nodiscard]] std::vector<Problem> validate() const { return validate_fields(*this); }
};

class ScanDetector final : public NetworkFunction {
 public:
  static constexpr PortId kInside = 0;

  enum Outcome : std::uint32_t {
    kMalformed,
    kScan,       // one target too many
    kTableFull,  // of sources or of targets
    kNotIpv4,    // from here on forwarded
    kOutbound,
    kNotTracked,  // neither TCP nor UDP, or a fragment
    kKnownTarget,
    kNewTarget,
    kNewSource,
  };
  static constexpr std::size_t kPcvVisited = FlowTable::kPcvVisited;
  static constexpr std::size_t kPcvCollisions = FlowTable::kPcvCollisions;
  static constexpr std::size_t kPcvPassed = FlowTable::kPcvPassed;
  static constexpr std::size_t kPcvExpired = FlowTable::kPcvExpired;  // targets
  static constexpr std::size_t kPcvUnpassed = FlowTable::kPcvUnpassed;
  static constexpr std::size_t kPcvSourcesGone = 5;

  // Requires: config.validate() is empty.
  explicit ScanDetector(const ScanDetectorConfig& config);

  Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) override;
  void prefetch(const PacketBuf& packet) override;
  [[nodiscard]] std::uint32_t sources() const { return sources_.size(); }

 private:
  Outcome judge(const Ipv4Frame& frame, Instant now, Probe& probe);
  void expire(Instant now, Probe& probe);

  FlowTable sources_;  // live as long as a target of theirs does
  FlowTable targets_;
  StateVector<std::uint32_t> targets_of_;  // by source
  StateVector<Index> source_of_;           // by target
  std::uint32_t targets_per_source_max_;
};

}  // namespace twinpath
