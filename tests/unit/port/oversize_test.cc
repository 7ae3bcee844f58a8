// Frames longer than the MTU by their IP header are seen even where only their front was captured.
#include "models/port/oversize.h"

#include <gtest/gtest.h>

#include <deque>

#include "models/base/heap_pool.h"
#include "models/wire/byte_order.h"

namespace twinpath {
namespace {

class Arriving final : public Port {
 public:
  [[nodiscard]] PortCaps caps() const override { return {.mtu_bytes = 1500}; }
  std::size_t rx_burst(std::span<BufPtr> out) override {
    std::size_t count = 0;
    for (; count < out.size() && !frames.empty(); frames.pop_front()) {
      out[count++] = std::move(frames.front());
    }
    return count;
  }
  std::size_t tx_burst(std::span<BufPtr> sent) override { return sent.size(); }
  [[nodiscard]] std::size_t tx_room() const override { return kBurst; }
  std::deque<BufPtr> frames;
};

struct Case {
  std::uint16_t ethertype;
  std::uint16_t ip_bytes;  // what the header says
  std::uint32_t longest;   // 0: not oversize
};

// Of a frame as `given` 60 bytes were captured.
BufPtr frame(HeapPool& pool, const Case& given) {
  BufPtr made(pool.take());
  std::byte* const at = made->push_back(60).data();
  store_be16(at + 12, given.ethertype);
  store_be16(at + kEthernetHeaderLen + (given.ethertype == 0x0800 ? 2 : 4), given.ip_bytes);
  return made;
}

class Oversize : public ::testing::TestWithParam<Case> {};

TEST_P(Oversize, IsJudgedByTheIpHeader) {
  HeapPool pool;
  Arriving device;
  OversizePort port(device);
  device.frames.push_back(frame(pool, GetParam()));
  std::array<BufPtr, kBurst> got;
  ASSERT_EQ(port.rx_burst(got), 1U);
  EXPECT_EQ(port.counters().longest_bytes, GetParam().longest);
  EXPECT_EQ(port.counters().frames, GetParam().longest == 0 ? 0U : 1U);
}

INSTANTIATE_TEST_SUITE_P(Lengths, Oversize,
                         ::testing::Values(Case{0x0800, 1500, 0}, Case{0x0800, 1501, 1515},
                                           Case{0x0800, 65212, 65226}, Case{0x86dd, 1460, 0},
                                           Case{0x86dd, 1461, 1515}, Case{0x0806, 65212, 0}));

TEST(OversizeFrame, TooShortToSayAnythingIsLeftAlone) {
  HeapPool pool;
  Arriving device;
  OversizePort port(device);
  BufPtr stump(pool.take());
  stump->push_back(kEthernetHeaderLen);
  device.frames.push_back(std::move(stump));
  std::array<BufPtr, kBurst> got;
  ASSERT_EQ(port.rx_burst(got), 1U);
  EXPECT_EQ(port.counters().frames, 0U);
}

}  // namespace
}  // namespace twinpath
