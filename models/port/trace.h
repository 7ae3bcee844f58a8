// Records what passed a Port: for the twin tests, which compare such traces byte for byte across
// drivers, and for the fingerprint of a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/port/decorator.h"
#include "models/port/fingerprint.h"

namespace twinpath {

struct TraceRecord {
  std::int64_t at_ns = 0;
  Direction direction = Direction::kReceive;
  std::uint32_t len = 0;
  std::uint64_t hash = 0;  // hash_bytes() of the frame
  friend bool operator==(const TraceRecord&, const TraceRecord&) = default;
};

class TracePort final : public PortDecorator {
 public:
  // Keeps the first `records_max` records; the chains cover all frames.
  template <typename PortType>
  explicit TracePort(PortType& inner_port, std::size_t records_max = 0)
      : PortDecorator(inner_port), records_max_(records_max) {}

  std::size_t rx_burst(std::span<BufPtr> out) override;
  std::size_t tx_burst(std::span<BufPtr> frames) override;

  [[nodiscard]] const std::vector<TraceRecord>& records() const { return records_; }
  [[nodiscard]] const FrameChain& chain(Direction direction) const {
    return direction == Direction::kReceive ? received_ : sent_;
  }
  // Both directions, for run_fingerprint().
  void append_to(std::vector<PortFingerprint>& ports, const std::string& path) const;

 private:
  void record(Direction direction, const PacketBuf& frame);

  std::size_t records_max_;
  std::vector<TraceRecord> records_;
  FrameChain received_;
  FrameChain sent_;
};

// One line per record: "time_ns direction length hash".
std::string trace_text(std::span<const TraceRecord> records);

}  // namespace twinpath
