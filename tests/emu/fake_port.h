// A port of plain memory and a clock set by hand, so that workers run without DPDK.
#pragma once

#include <deque>
#include <vector>

#include "emu/clock.h"
#include "models/base/heap_pool.h"
#include "models/base/port.h"

namespace twinpath::emu::test {

struct SentFrame {
  Instant at;
  std::vector<std::byte> bytes;
  friend bool operator==(const SentFrame&, const SentFrame&) = default;
};

inline BufPtr make_frame(BufPool& pool, std::span<const std::byte> bytes) {
  BufPtr frame(pool.take());
  std::copy(bytes.begin(), bytes.end(),
            frame->push_back(static_cast<std::uint32_t>(bytes.size())).begin());
  return frame;
}

// An Ethernet frame of `length` bytes whose last byte is `mark`.
inline BufPtr marked_frame(BufPool& pool, std::size_t length, std::uint8_t mark) {
  std::vector<std::byte> bytes(length);
  bytes.back() = std::byte{mark};
  return make_frame(pool, bytes);
}

class FakePort final : public Port {
 public:
  [[nodiscard]] PortCaps caps() const override { return {}; }
  std::size_t rx_burst(std::span<BufPtr> out) override {
    const std::size_t count = std::min(out.size(), arriving.size());
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = std::move(arriving.front());
      arriving.pop_front();
    }
    return count;
  }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    const std::size_t count = std::min(frames.size(), room);
    for (BufPtr& frame : frames.first(count)) {
      sent.push_back({now, {frame->bytes().begin(), frame->bytes().end()}});
      frame.reset();
    }
    return count;
  }
  [[nodiscard]] std::size_t tx_room() const override { return room; }

  std::deque<BufPtr> arriving;
  std::vector<SentFrame> sent;
  std::size_t room = kBurst;
  Instant now{};
};

// Goes on by `step` with every reading.
class SteppedClock final : public Clock {
 public:
  [[nodiscard]] Instant now() override { return at += step; }
  Instant at{};
  Duration step{100};
};

}  // namespace twinpath::emu::test
