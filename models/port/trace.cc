// Recording what passes a Port.
#include "models/port/trace.h"

#include <algorithm>

#include "models/base/check.h"

namespace twinpath {

std::size_t TracePort::rx_burst(std::span<BufPtr> out) {
  const std::size_t count = inner().rx_burst(out);
  for (std::size_t i = 0; i < count; ++i) record(Direction::kReceive, *out[i]);
  return count;
}

std::size_t TracePort::tx_burst(std::span<BufPtr> frames) {
  const std::size_t count = std::min(frames.size(), inner().tx_room());
  for (std::size_t i = 0; i < count; ++i) record(Direction::kTransmit, *frames[i]);
  CHECK(inner().tx_burst(frames.first(count)) == count);
  return count;
}

void TracePort::record(Direction direction, const PacketBuf& frame) {
  const std::uint64_t hash = hash_bytes(frame.bytes());
  FrameChain& chain = direction == Direction::kReceive ? received_ : sent_;
  chain.add_hashed(now(), frame.len, hash);
  if (records_.size() < records_max_)
    records_.push_back({to_ns(now()), direction, frame.len, hash});
}

void TracePort::append_to(std::vector<PortFingerprint>& ports, const std::string& path) const {
  for (const Direction direction : {Direction::kReceive, Direction::kTransmit}) {
    ports.push_back({path, direction, chain(direction).frames(), chain(direction).value()});
  }
}

std::string trace_text(std::span<const TraceRecord> records) {
  std::string text;
  for (const TraceRecord& record : records) {
    text += std::to_string(record.at_ns);
    text += record.direction == Direction::kReceive ? " rx " : " tx ";
    text += std::to_string(record.len) + " " + fingerprint_text(record.hash) + "\n";
  }
  return text;
}

}  // namespace twinpath
