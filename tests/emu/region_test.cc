// Memory between processes: descriptors through a ring, peers that lie, peers that die.
#include "emu/region.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "emu/lender.h"
#include "emu/setup_error.h"

namespace twinpath::emu {
namespace {

constexpr std::uint32_t kSlots = 64;
constexpr std::size_t kBufsAt = ring_bytes(kSlots);
constexpr std::uint32_t kBufs = 8;
constexpr PeerId kPeer = 1;
constexpr PeerId kOther = 2;

Region make_region() { return Region::create("tp-test", kBufsAt + kBufs * 2048); }
Lender make_lender() {
  return Lender({.region = 7, .first_offset = kBufsAt, .buf_bytes = 2048, .bufs = kBufs});
}

TEST(Region, AnotherProcessSendsBytesByDescriptor) {
  const Region region = make_region();
  Lender lender = make_lender();
  const Descriptor lent = *lender.lend(kPeer);
  const pid_t child = fork();
  if (child == 0) {
    const Region theirs = Region::map(region.fd());
    std::memcpy(theirs.bytes().data() + lent.offset, "hello", 5);
    RingProducer<Descriptor> ring(ring_at(theirs, 0, kSlots));
    Descriptor sent = lent;
    sent.len = 5;
    if (ring.room() > 0) ring.push(sent);
    ring.publish();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  RingConsumer<Descriptor> ring(ring_at(region, 0, kSlots));
  ASSERT_EQ(ring.available(), 1U);
  const Descriptor got = ring.pop();
  std::array<std::byte, 16> room{};
  ASSERT_EQ(copy_out(got, region, room), 5U);
  EXPECT_EQ(std::memcmp(room.data(), "hello", 5), 0);
  EXPECT_TRUE(lender.take_back(got, kPeer));
  EXPECT_EQ(lender.free_bufs(), kBufs);
}

TEST(Region, APeerWhoseIndexIsNonsenseIsCutOffForGood) {
  const Region region = make_region();
  const auto span = ring_at(region, 0, kSlots);
  RingConsumer<Descriptor> ring(span);
  span.produced->store(kSlots + 1);
  EXPECT_EQ(ring.available(), 0U);
  EXPECT_TRUE(ring.cut_off());
  span.produced->store(1);
  EXPECT_EQ(ring.available(), 0U);
}

TEST(Region, ADescriptorOutsideTheRegionCopiesNothing) {
  const Region region = make_region();
  std::array<std::byte, 64> room{};
  const auto size = static_cast<std::uint32_t>(region.bytes().size());
  EXPECT_FALSE(copy_out({7, size, 1, 0}, region, room));
  EXPECT_FALSE(copy_out({7, size - 4, 8, 0}, region, room));
  EXPECT_FALSE(copy_out({7, 0xffffffff, 0xffffffff, 0}, region, room));
  EXPECT_FALSE(copy_out({7, 0, 65, 0}, region, room)) << "longer than the room";
  EXPECT_EQ(copy_out({7, size - 4, 4, 0}, region, room), 4U);
}

TEST(Region, MemoryThatCouldShrinkIsRefused) {
  const int fd = memfd_create("tp-unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_EQ(ftruncate(fd, 4096), 0);
  EXPECT_THROW(static_cast<void>(Region::map(fd)), SetupError);
  close(fd);
}

TEST(Lender, WhatADeadPeerHeldComesBackAndItsDescriptorsAreStale) {
  Lender lender = make_lender();
  const Descriptor first = *lender.lend(kPeer);
  static_cast<void>(lender.lend(kPeer));
  static_cast<void>(lender.lend(kOther));
  EXPECT_EQ(lender.reclaim(kPeer), 2U);
  EXPECT_EQ(lender.held_by(kPeer), 0U);
  EXPECT_EQ(lender.held_by(kOther), 1U);
  EXPECT_EQ(lender.free_bufs(), kBufs - 1);
  EXPECT_FALSE(lender.take_back(first, kPeer));
}

TEST(Lender, ABufferCannotBeReturnedTwiceNorByAnother) {
  Lender lender = make_lender();
  const Descriptor lent = *lender.lend(kPeer);
  EXPECT_FALSE(lender.take_back(lent, kOther));
  EXPECT_TRUE(lender.take_back(lent, kPeer));
  EXPECT_FALSE(lender.take_back(lent, kPeer));
  EXPECT_EQ(lender.free_bufs(), kBufs);
}

TEST(Lender, APartOfABufferNamesItAndNonsenseNamesNothing) {
  Lender lender = make_lender();
  const Descriptor lent = *lender.lend(kPeer);
  Descriptor part = lent;
  part.offset += 100;
  part.len = 50;
  Descriptor beyond = lent;
  beyond.offset += 100;
  Descriptor before = lent;
  before.offset = 0;
  Descriptor elsewhere = lent;
  elsewhere.region = 8;
  EXPECT_FALSE(lender.take_back(beyond, kPeer)) << "reaches into the next buffer";
  EXPECT_FALSE(lender.take_back(before, kPeer));
  EXPECT_FALSE(lender.take_back(elsewhere, kPeer));
  EXPECT_TRUE(lender.take_back(part, kPeer));
}

TEST(Lender, WhenAllAreLentThereIsNothing) {
  Lender lender = make_lender();
  for (std::uint32_t i = 0; i < kBufs; ++i) EXPECT_TRUE(lender.lend(kPeer));
  EXPECT_FALSE(lender.lend(kPeer));
  EXPECT_EQ(lender.held_by(kPeer), kBufs);
}

TEST(Lender, ABufferPassedOnBelongsToItsNewHolder) {
  Lender lender = make_lender();
  const Descriptor lent = *lender.lend(kPeer);
  EXPECT_FALSE(lender.pass_on(lent, kOther, kPeer));
  EXPECT_TRUE(lender.pass_on(lent, kPeer, kOther));
  EXPECT_EQ(lender.reclaim(kPeer), 0U);
  EXPECT_TRUE(lender.take_back(lent, kOther));
}

}  // namespace
}  // namespace twinpath::emu
