// Learn, look up, forward or flood.
#include "models/host/switch_host.h"

#include <algorithm>
#include <utility>

#include "models/wire/ethernet.h"

namespace twinpath {

void SwitchHost::on_rx(Instant, PortId port, std::span<BufPtr> frames) {
  for (BufPtr& frame : frames) {
    if (frame->len < kEthernetHeaderLen) {
      ++counters_.dropped_short;
      frame.reset();
      continue;
    }
    learn(MacAddress::load(frame->data() + MacAddress::kLen), port);
    const MacAddress target = MacAddress::load(frame->data());
    const auto known = target.is_multicast() ? table_.end() : table_.find(target.to_u64());
    if (known == table_.end()) {
      flood(port, std::move(frame));
    } else if (known->second == port) {
      ++counters_.filtered;
      frame.reset();
    } else {
      ++counters_.forwarded;
      enqueue(known->second, std::move(frame));
    }
  }
}

void SwitchHost::learn(MacAddress source, PortId port) {
  if (source.is_multicast()) return;
  const auto known = table_.find(source.to_u64());
  if (known != table_.end()) {
    known->second = port;
  } else if (table_.size() < config_.addresses_max) {
    table_.emplace(source.to_u64(), port);
  }
}

// The frame itself leaves by the last port, copies by the others.
void SwitchHost::flood(PortId from, BufPtr frame) {
  ++counters_.flooded;
  if (config_.ports == 1) return;
  const bool from_is_last = from + 1U == config_.ports;
  const auto last = static_cast<PortId>(config_.ports - (from_is_last ? 2 : 1));
  for (PortId port = 0; port < config_.ports; ++port) {
    if (port == from || port == last) continue;
    BufPtr copy(pool_.take());
    if (copy == nullptr || copy->tailroom() < frame->len) {
      ++counters_.dropped_no_buffer;
      continue;
    }
    const auto bytes = frame->bytes();
    std::copy(bytes.begin(), bytes.end(), copy->push_back(frame->len).begin());
    enqueue(port, std::move(copy));
  }
  enqueue(last, std::move(frame));
}

void SwitchHost::enqueue(PortId port, BufPtr frame) {
  if (queues_[port].size() == config_.queue_frames) {
    ++counters_.dropped_full;
    return;
  }
  queues_[port].push_back(std::move(frame));
}

std::size_t SwitchHost::poll_tx(Instant, PortId port, std::span<BufPtr> out) {
  std::deque<BufPtr>& queue = queues_[port];
  const std::size_t count = std::min(queue.size(), out.size());
  for (std::size_t index = 0; index < count; ++index) {
    out[index] = std::move(queue.front());
    queue.pop_front();
  }
  return count;
}

}  // namespace twinpath
