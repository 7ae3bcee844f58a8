// Counting, and the ring of records.
#include "models/nf/flow_monitor.h"

namespace twinpath {

FlowMonitor::FlowMonitor(const FlowMonitorConfig& config)
    : flows_({config.flows_max, config.seed, config.idle_timeout, config.expired_per_packet_max}),
      records_(config.flows_max),
      exported_(config.records_max),
      exported_max_(config.records_max),
      active_timeout_(config.active_timeout) {}

void FlowMonitor::publish(const FlowRecord& record, Probe& probe) {
  if (waiting_ == exported_max_) {
    ++lost_;
    probe.count(kPcvLost);
    return;
  }
  const std::uint32_t end = first_ + waiting_;
  exported_[end < exported_max_ ? end : end - exported_max_] = record;
  ++waiting_;
}

std::size_t FlowMonitor::take(std::span<FlowRecord> out) {
  std::size_t taken = 0;
  for (; taken < out.size() && waiting_ > 0; ++taken, --waiting_) {
    out[taken] = exported_[first_];
    first_ = first_ + 1 == exported_max_ ? 0 : first_ + 1;
  }
  return taken;
}

Verdict FlowMonitor::process(Instant now, PortId in, PacketBuf& packet, Probe& probe) {
  flows_.expire(now, probe, [this, &probe](Index flow) { publish(records_[flow], probe); });
  const Ipv4Frame frame(packet);
  Outcome outcome = kNotIpv4;
  if (frame.kind() == Ipv4Frame::Kind::kMalformed) {
    outcome = kMalformed;
  } else if (frame.kind() == Ipv4Frame::Kind::kIpv4) {
    outcome = count(frame, now, probe);
  }
  probe.outcome = outcome;
  return outcome == kMalformed ? Verdict::drop() : Verdict::forward(in ^ 1);
}

FlowMonitor::Outcome FlowMonitor::count(const Ipv4Frame& frame, Instant now, Probe& probe) {
  if (!frame.has_ports()) return kNotCounted;
  const MapKey key = frame.key();
  Outcome outcome = kKnownFlow;
  Index flow = flows_.find(key, probe);
  if (flow == kNoIndex) {
    flow = flows_.add(key, now, probe);
    if (flow == kNoIndex) return kTableFull;
    records_[flow] = {.key = key, .first = now};
    outcome = kNewFlow;
  } else {
    flows_.touch(flow, now);
    if (now - records_[flow].first > active_timeout_) {
      publish(records_[flow], probe);
      records_[flow] = {.key = key, .first = now};
      outcome = kLastingFlow;
    }
  }
  FlowRecord& record = records_[flow];
  ++record.packets;
  record.bytes += frame.total_len();
  record.last = now;
  return outcome;
}

void FlowMonitor::prefetch(const PacketBuf& packet) {
  constexpr std::size_t kPortsEnd = kEthernetHeaderLen + kIpv4HeaderLen + 4;
  if (packet.len >= kPortsEnd) flows_.prefetch(flow_key_ahead(packet));
}

}  // namespace twinpath
