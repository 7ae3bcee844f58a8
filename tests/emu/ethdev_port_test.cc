// Frames between PacketBuf and DPDK devices: no copy, nothing lost, exhaustion counted.
#include "emu/ethdev_port.h"

#include <gtest/gtest.h>

#include <vector>

#include "emu/ring_pair.h"
#include "models/base/heap_pool.h"
#include "tests/emu/world.h"

namespace twinpath::emu {
namespace {

using test::Bench;

TEST(EthdevPort, AFrameKeepsItsAddressThroughTheDevice) {
  Bench loop("net_ring10");
  BufPtr sent = loop.frame(1500, 7);
  const std::byte* const bytes = sent->data();
  ASSERT_EQ(loop.port.tx_burst({&sent, 1}), 1U);
  BufPtr got;
  ASSERT_EQ(loop.port.rx_burst({&got, 1}), 1U);
  EXPECT_EQ(got->data(), bytes);
  EXPECT_EQ(got->len, 1500U);
  EXPECT_EQ(got->data()[1499], std::byte{7});

  got->push_front(14);
  ASSERT_EQ(loop.port.tx_burst({&got, 1}), 1U);
  ASSERT_EQ(loop.port.rx_burst({&got, 1}), 1U);
  EXPECT_EQ(got->data() + 14, bytes);
  EXPECT_EQ(got->len, 1514U);
}

TEST(EthdevPort, AReceivedFrameCarriesNothingOfItsFormerLife) {
  Bench loop("net_ring11");
  BufPtr sent = loop.frame(60, 1);
  sent->flow_hash = 9;
  sent->l3_offset = 14;
  sent->flags = kChecksumVerified;
  loop.port.advance(at_ns(5));
  ASSERT_EQ(loop.port.tx_burst({&sent, 1}), 1U);
  BufPtr got;
  ASSERT_EQ(loop.port.rx_burst({&got, 1}), 1U);
  EXPECT_EQ(got->flow_hash, 0U);
  EXPECT_EQ(got->l3_offset, 0U);
  EXPECT_EQ(got->flags, 0U);
  EXPECT_EQ(got->refs, 1U);
  EXPECT_EQ(got->capacity, loop.pool.capacity_bytes());
  EXPECT_EQ(got->arrived, at_ns(5));
}

TEST(EthdevPort, ACappedPortHoldsBackUntilTheWireWouldBeFree) {
  Bench loop("net_ring14");
  loop.port.set_cap(RateCap(1'000'000));  // a frame of 101 bytes with its gap takes 1 ms
  std::uint32_t accepted = 0;
  for (std::int64_t us = 0; us < 10'000; us += 10) {
    loop.port.advance(at_ns(us * 1000));
    if (loop.port.tx_room() == 0) continue;
    BufPtr one = loop.frame(101, 1);
    ASSERT_EQ(loop.port.tx_burst({&one, 1}), 1U);
    ++accepted;
    EXPECT_EQ(loop.port.next_deadline(), at_ns(us * 1000 + 1'000'000));
  }
  EXPECT_EQ(accepted, 10U);
  std::array<BufPtr, kBurst> frames;
  EXPECT_EQ(loop.port.rx_burst(frames), 10U);
}

TEST(EthdevPort, WhatTheDeviceCannotTakeWaitsAndNothingMoreIsAccepted) {
  Bench loop("net_ring12", 4095);
  std::size_t accepted = 0;
  while (loop.port.tx_room() > 0) {
    BufPtr one = loop.frame(60, 1);
    ASSERT_EQ(loop.port.tx_burst({&one, 1}), 1U) << "room was promised";
    ++accepted;
  }
  EXPECT_GE(accepted, 1023U);  // the ring of the vdev and then one burst
  EXPECT_EQ(loop.port.stats().tx_waited, kBurst);

  std::size_t received = 0;
  std::array<BufPtr, kBurst> frames;
  for (std::size_t got = 1; got > 0; received += got) {
    got = loop.port.rx_burst(frames);
    for (BufPtr& frame : frames) frame.reset();
  }
  EXPECT_EQ(received, accepted);
  EXPECT_EQ(loop.port.tx_room(), kBurst);
  EXPECT_EQ(loop.pool.outstanding(), 0U);
}

TEST(EthdevPort, AForeignFrameIsCopiedIntoThePortsPool) {
  Bench loop("net_ring13");
  HeapPool heap;
  BufPtr sent(heap.take());
  sent->push_back(100)[99] = std::byte{42};
  ASSERT_EQ(loop.port.tx_burst({&sent, 1}), 1U);
  EXPECT_EQ(heap.outstanding(), 0U);
  BufPtr got;
  ASSERT_EQ(loop.port.rx_burst({&got, 1}), 1U);
  EXPECT_EQ(got->pool, &loop.pool);
  EXPECT_EQ(got->data()[99], std::byte{42});
  EXPECT_EQ(loop.port.stats().tx_copied, 1U);
}

TEST(MbufPool, ExhaustionIsAReturnValueAndACount) {
  static_cast<void>(test::eal());
  MbufPool pool({.name = "small", .bufs = 7, .cached = 0});
  std::vector<BufPtr> held;
  for (int i = 0; i < 7; ++i) held.emplace_back(pool.take());
  EXPECT_EQ(pool.take(), nullptr);
  EXPECT_EQ(pool.exhausted(), 1U);
  held.pop_back();
  BufPtr again(pool.take());
  EXPECT_NE(again, nullptr);
  EXPECT_EQ(again->data_off, 128U);
  EXPECT_EQ(again->len, 0U);
}

TEST(MbufPool, ASharedBufferComesBackOnceAndWhole) {
  static_cast<void>(test::eal());
  MbufPool pool({.name = "shared", .bufs = 7, .cached = 0});
  {
    const BufRef first{BufPtr(pool.take())};
    const BufRef second = first;
    EXPECT_EQ(pool.outstanding(), 1U);
  }
  EXPECT_EQ(pool.outstanding(), 0U);
  const BufPtr again(pool.take());
  EXPECT_EQ(again->refs, 1U);
}

TEST(RingPair, WhatOneEndSendsTheOtherReceives) {
  RingPair pair(test::eal(), {.name = "wire"});
  Bench a(pair.end_a());
  Bench b(pair.end_b());
  BufPtr sent = a.frame(60, 3);
  ASSERT_EQ(a.port.tx_burst({&sent, 1}), 1U);
  BufPtr got;
  EXPECT_EQ(a.port.rx_burst({&got, 1}), 0U);
  ASSERT_EQ(b.port.rx_burst({&got, 1}), 1U);
  EXPECT_EQ(got->data()[0], std::byte{3});
}

}  // namespace
}  // namespace twinpath::emu
