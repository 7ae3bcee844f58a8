// The card: steering and descriptor rings.
#include "models/port/nic.h"

#include <algorithm>

#include "models/base/check.h"

namespace twinpath {

class NicQueue final : public Port {
 public:
  NicQueue(Nic& nic, std::uint16_t index)
      : nic_(nic),
        index_(index),
        rx_(nic.config_.rx_descriptors),
        tx_(nic.config_.tx_descriptors) {}

  [[nodiscard]] PortCaps caps() const override {
    PortCaps caps;
    caps.mtu_bytes = nic_.config_.mtu_bytes;
    caps.rx_descriptors = nic_.config_.rx_descriptors;
    caps.tx_descriptors = nic_.config_.tx_descriptors;
    caps.queue = index_;
    caps.queues = nic_.config_.queues;
    caps.rss_key = nic_.config_.rss_key;
    return caps;
  }

  std::size_t rx_burst(std::span<BufPtr> out) override {
    const std::size_t count = std::min(out.size(), rx_.size());
    for (std::size_t i = 0; i < count; ++i) out[i] = rx_.pop_front();
    return count;
  }

  std::size_t tx_burst(std::span<BufPtr> frames) override {
    const std::size_t count = std::min(frames.size(), tx_.room());
    for (std::size_t i = 0; i < count; ++i) tx_.push_back(std::move(frames[i]));
    nic_.waiting_ += count;
    return count;
  }
  [[nodiscard]] std::size_t tx_room() const override { return tx_.room(); }

  void receive(BufPtr frame) {
    if (rx_.full()) {
      ++counters_.missed;
      return;
    }
    ++counters_.received;
    rx_.push_back(std::move(frame));
  }

  BufPtr send_one() {
    if (tx_.empty()) return nullptr;
    ++counters_.sent;
    return tx_.pop_front();
  }
  [[nodiscard]] const NicQueueCounters& counters() const { return counters_; }

 private:
  Nic& nic_;
  std::uint16_t index_;
  Fifo<BufPtr> rx_;
  Fifo<BufPtr> tx_;
  NicQueueCounters counters_;
};

Nic::Nic(const NicConfig& config) : config_(config), hash_(config.rss_key) {
  CHECK(config.queues > 0);
  for (std::uint16_t i = 0; i < config.queues; ++i) {
    queues_.push_back(std::make_unique<NicQueue>(*this, i));
  }
  for (std::size_t i = 0; i < kIndirectionEntries; ++i) {
    indirection_[i] = static_cast<std::uint16_t>(i % config.queues);
  }
}

Nic::~Nic() = default;

Port& Nic::queue(std::size_t index) { return *queues_.at(index); }

const NicQueueCounters& Nic::counters(std::size_t index) const {
  return queues_.at(index)->counters();
}

std::size_t Nic::deliver(BufPtr frame) {
  frame->flow_hash = hash_(rss_input(frame->bytes()).span());
  const std::size_t index = queue_of(frame->flow_hash);
  queues_[index]->receive(std::move(frame));
  return index;
}

std::size_t Nic::transmit(std::span<BufPtr> out) {
  std::size_t count = 0;
  while (count < out.size() && waiting_ > 0) {
    BufPtr frame = queues_[next_queue_]->send_one();
    next_queue_ = (next_queue_ + 1) % queues_.size();
    if (!frame) continue;
    out[count++] = std::move(frame);
    --waiting_;
  }
  return count;
}

void Nic::set_indirection(const std::array<std::uint16_t, kIndirectionEntries>& table) {
  for (const std::uint16_t queue : table) CHECK(queue < queues_.size());
  indirection_ = table;
}

}  // namespace twinpath
