// A device that is two queues in memory: a test puts in what arrives and takes out what was sent.
#pragma once

#include <algorithm>

#include "models/base/port.h"
#include "models/port/fifo.h"

namespace twinpath {

class MemoryPort final : public Port {
 public:
  explicit MemoryPort(std::size_t tx_descriptors = 1024) : sent_(tx_descriptors) {}

  [[nodiscard]] PortCaps caps() const override { return {}; }
  std::size_t rx_burst(std::span<BufPtr> out) override {
    const std::size_t count = std::min(out.size(), arriving_.size());
    for (std::size_t i = 0; i < count; ++i) out[i] = arriving_.pop_front();
    return count;
  }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    const std::size_t count = std::min(frames.size(), sent_.room());
    for (std::size_t i = 0; i < count; ++i) sent_.push_back(std::move(frames[i]));
    return count;
  }
  [[nodiscard]] std::size_t tx_room() const override { return sent_.room(); }

  void arrive(BufPtr frame) { arriving_.push_back(std::move(frame)); }
  [[nodiscard]] Fifo<BufPtr>& sent() { return sent_; }

 private:
  Fifo<BufPtr> arriving_{std::size_t{1} << 20};
  Fifo<BufPtr> sent_;
};

}  // namespace twinpath
