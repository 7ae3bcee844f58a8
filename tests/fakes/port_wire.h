// Two ports joined by a wire of memory: what one sends the other receives, at once and in order.
// One thread.
#pragma once

#include <array>

#include "tests/fakes/memory_port.h"

namespace twinpath {

class PortWire {
 public:
  PortWire() : ends_{End(ways_[0], ways_[1]), End(ways_[1], ways_[0])} {}
  PortWire(const PortWire&) = delete;
  PortWire& operator=(const PortWire&) = delete;
  [[nodiscard]] Port& end(std::size_t index) { return ends_[index]; }
  [[nodiscard]] std::uint64_t frames() const { return ends_[0].sent() + ends_[1].sent(); }

 private:
  using Way = Fifo<BufPtr>;
  static constexpr std::size_t kDescriptors = 1024;

  class End final : public Port {
   public:
    End(Way& out, Way& in) : out_(out), in_(in) {}
    [[nodiscard]] PortCaps caps() const override { return {}; }
    std::size_t rx_burst(std::span<BufPtr> out) override {
      const std::size_t count = std::min(out.size(), in_.size());
      for (std::size_t i = 0; i < count; ++i) out[i] = in_.pop_front();
      return count;
    }
    std::size_t tx_burst(std::span<BufPtr> frames) override {
      const std::size_t count = std::min(frames.size(), out_.room());
      for (std::size_t i = 0; i < count; ++i) out_.push_back(std::move(frames[i]));
      sent_ += count;
      return count;
    }
    [[nodiscard]] std::size_t tx_room() const override { return out_.room(); }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }

   private:
    Way& out_;
    Way& in_;
    std::uint64_t sent_ = 0;
  };

  std::array<Way, 2> ways_{Way(kDescriptors), Way(kDescriptors)};
  std::array<End, 2> ends_;
};

}  // namespace twinpath
