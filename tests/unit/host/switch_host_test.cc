// Proves the switch: unknown targets reach every other port, known ones only theirs, and a full
// table floods instead of forgetting.
#include "models/host/switch_host.h"

#include <gtest/gtest.h>

#include <array>

#include "models/base/heap_pool.h"

namespace twinpath {
namespace {

struct Ends {
  std::uint64_t target;
  std::uint64_t source;
};

class SwitchHostTest : public ::testing::Test {
 protected:
  BufPtr frame(const Ends& ends, std::uint32_t length = 60) {
    BufPtr buf(pool_.take());
    std::byte* bytes = buf->push_back(length).data();
    if (length >= 14) {
      MacAddress::from_u64(ends.target).store(bytes);
      MacAddress::from_u64(ends.source).store(bytes + 6);
    }
    return buf;
  }
  void receive(SwitchHost& box, PortId port, BufPtr buf) {
    box.on_rx(kStart, port, std::span(&buf, 1));
  }
  // How many frames wait at each of three ports.
  std::array<std::size_t, 3> sent(SwitchHost& box) {
    std::array<std::size_t, 3> counts{};
    std::array<BufPtr, 8> out;
    for (PortId port = 0; port < 3; ++port) {
      counts[port] = box.poll_tx(kStart, port, out);
      for (BufPtr& buf : out) buf.reset();
    }
    return counts;
  }
  using Counts = std::array<std::size_t, 3>;
  HeapPool pool_;
};

constexpr std::uint64_t kA = 0x02000000000a;
constexpr std::uint64_t kB = 0x02000000000b;
constexpr std::uint64_t kAll = 0xffffffffffff;

TEST_F(SwitchHostTest, FloodsUntilItHasLearned) {
  SwitchHost box({.ports = 3}, pool_);
  receive(box, 0, frame({kB, kA}));
  EXPECT_EQ(sent(box), (Counts{0, 1, 1}));
  receive(box, 2, frame({kA, kB}));
  EXPECT_EQ(sent(box), (Counts{1, 0, 0}));
  receive(box, 0, frame({kB, kA}));
  EXPECT_EQ(sent(box), (Counts{0, 0, 1}));
  receive(box, 2, frame({kAll, kB}));
  EXPECT_EQ(sent(box), (Counts{1, 1, 0})) << "a group is everybody";
  receive(box, 1, frame({kA, kB}));  // it moved
  receive(box, 0, frame({kB, kA}));
  EXPECT_EQ(sent(box), (Counts{1, 1, 0}));
  EXPECT_EQ(box.counters().flooded, 2U);
}

TEST_F(SwitchHostTest, FiltersDropsAndCounts) {
  SwitchHost box({.ports = 3, .addresses_max = 1, .queue_frames = 2}, pool_);
  receive(box, 0, frame({kAll, kA}));
  receive(box, 0, frame({kA, kA}));
  EXPECT_EQ(box.counters().filtered, 1U);
  receive(box, 1, frame({kA, kB}));
  receive(box, 0, frame({kB, kA}));  // the table is full, so B was not learned
  EXPECT_EQ(sent(box), (Counts{1, 2, 2}));
  for (int i = 0; i < 3; ++i) receive(box, 1, frame({kA, kB}));
  EXPECT_EQ(box.counters().dropped_full, 1U);
  receive(box, 1, frame({0, 0}, 13));
  EXPECT_EQ(box.counters().dropped_short, 1U);
  EXPECT_EQ(sent(box), (Counts{2, 0, 0}));
  EXPECT_EQ(pool_.outstanding(), 0U);
}

}  // namespace
}  // namespace twinpath
