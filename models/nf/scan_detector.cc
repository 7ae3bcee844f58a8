// Targets counted for each source.
#include "models/nf/scan_detector.h"

namespace twinpath {

ScanDetector::ScanDetector(const ScanDetectorConfig& config)
    : sources_({config.sources_max, config.seed, config.window}),
      targets_({config.targets_max, config.seed, config.window, config.expired_per_packet_max}),
      targets_of_(config.sources_max),
      source_of_(config.targets_max),
      targets_per_source_max_(config.targets_per_source_max) {}

void ScanDetector::expire(Instant now, Probe& probe) {
  targets_.expire(now, probe, [this, &probe](Index target) {
    const Index source = source_of_[target];
    if (--targets_of_[source] > 0) return;
    probe.count(kPcvSourcesGone);
    sources_.remove(source, probe);
  });
}

Verdict ScanDetector::process(Instant now, PortId in, PacketBuf& packet, Probe& probe) {
  expire(now, probe);
  const Ipv4Frame frame(packet);
  Outcome outcome = kNotIpv4;
  if (frame.kind() == Ipv4Frame::Kind::kMalformed) {
    outcome = kMalformed;
  } else if (frame.kind() == Ipv4Frame::Kind::kIpv4) {
    outcome = in == kInside ? kOutbound : judge(frame, now, probe);
  }
  probe.outcome = outcome;
  return outcome < kNotIpv4 ? Verdict::drop() : Verdict::forward(in ^ 1);
}

ScanDetector::Outcome ScanDetector::judge(const Ipv4Frame& frame, Instant now, Probe& probe) {
  if (!frame.has_ports()) return kNotTracked;
  const MapKey target_key{std::uint64_t{frame.src()} << 32 | frame.dst(), frame.ports() & 0xffff};
  const Index known = targets_.find(target_key, probe);
  if (known != kNoIndex) {
    targets_.touch(known, now);
    return kKnownTarget;
  }
  const MapKey source_key{frame.src(), 0};
  Index source = sources_.find(source_key, probe);
  const bool is_new = source == kNoIndex;
  if (!is_new && targets_of_[source] >= targets_per_source_max_) return kScan;
  if (targets_.is_full()) return kTableFull;
  if (is_new) {
    source = sources_.add(source_key, now, probe);
    if (source == kNoIndex) return kTableFull;
    targets_of_[source] = 0;
  }
  source_of_[targets_.add(target_key, now, probe)] = source;
  ++targets_of_[source];
  return is_new ? kNewSource : kNewTarget;
}

void ScanDetector::prefetch(const PacketBuf& packet) {
  constexpr std::size_t kPortsEnd = kEthernetHeaderLen + kIpv4HeaderLen + 4;
  if (packet.len < kPortsEnd) return;
  const std::byte* ip = packet.data() + kEthernetHeaderLen;
  targets_.prefetch({load_be64(ip + 12), load_be16(ip + kIpv4HeaderLen + 2)});
}

}  // namespace twinpath
