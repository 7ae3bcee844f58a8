// Proves how datagrams in pieces come together, in any order, and that nothing malicious does: no
// overlap, no more memory than allowed, no waiting for ever.
#include "models/host/reassembly.h"

#include <gtest/gtest.h>

#include <numeric>

#include "models/base/heap_pool.h"
#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"

namespace twinpath {
namespace {

using std::chrono::seconds;
using Bytes = std::vector<std::byte>;

HostConfig config() {
  HostConfig made;
  made.interfaces = {{.mac = MacAddress::from_u64(0x020000000001),
                      .addresses = {*IpPrefix::parse("198.18.0.1/24")}}};
  made.reassembly_bytes_max = 1 << 17;
  return made;
}

class ReassemblyTest : public ::testing::Test, protected ReassemblyUser {
 protected:
  ReassemblyTest() : context_(config(), pool_) {
    data_.resize(kDatagramBytes);
    for (std::size_t i = 0; i < data_.size(); ++i) data_[i] = std::byte(i * 7 + i / 251);
    head_.resize(kEthernetHeaderLen);
    Bytes ip(kIpv4HeaderLen);
    Ipv4Repr{.src = Ipv4Address(0xc6120002), .dst = Ipv4Address(0xc6120001)}.emit(ip);
    head_.insert(head_.end(), ip.begin(), ip.end());
  }

  struct Part {
    std::uint32_t from;
    std::uint32_t to;
    std::uint32_t identification = 1;
    Ecn ecn = Ecn::kNotEct;
  };
  BufPtr add(const Part& part, std::span<const std::byte> from = {}) {
    const std::span<const std::byte> source = from.empty() ? std::span(data_) : from;
    const auto bytes = source.subspan(part.from, part.to - part.from);
    return fragments_.add(now_, {.source = Ipv4Address(0xc6120002),
                                 .target = Ipv4Address(0xc6120001),
                                 .identification = part.identification,
                                 .offset_bytes = part.from,
                                 .more = part.to < kDatagramBytes,
                                 .ecn = part.ecn,
                                 .head = head_,
                                 .bytes = bytes,
                                 .packet = bytes});
  }
  void pass(Duration time) {
    now_ += time;
    context_.timers.expire(now_);
  }
  void expect_whole(const BufPtr& buf) {
    ASSERT_NE(buf, nullptr);
    ASSERT_EQ(buf->len, head_.size() + kDatagramBytes);
    EXPECT_TRUE(std::ranges::equal(buf->bytes().first(head_.size()), head_));
    EXPECT_TRUE(std::ranges::equal(buf->bytes().subspan(head_.size()), data_));
    EXPECT_EQ(fragments_.datagrams(), 0U);
    EXPECT_EQ(fragments_.held_bytes(), 0U);
  }
  std::uint64_t drops(DropReason reason) { return context_.counters.drops(reason); }
  void on_reassembly_timeout(Instant, InterfaceId, std::span<const std::byte> first) override {
    timed_out_.emplace_back(first.begin(), first.end());
  }

  static constexpr std::uint32_t kDatagramBytes = 4000;
  HeapPool pool_;
  HostContext context_;
  Reassembler fragments_{context_, *this};
  Bytes data_;
  Bytes head_;
  std::vector<Bytes> timed_out_;
  Instant now_ = kStart;
};

TEST_F(ReassemblyTest, AnyOrderGivesTheSameDatagram) {
  std::vector<Part> parts = {{0, 1480}, {1480, 2960}, {2960, 4000}};
  std::vector<int> order = {0, 1, 2};
  std::uint32_t identification = 0;
  do {
    ++identification;
    BufPtr whole;
    for (const int index : order) {
      Part part = parts[static_cast<std::size_t>(index)];
      part.identification = identification;
      EXPECT_EQ(whole, nullptr);
      whole = add(part);
    }
    expect_whole(whole);
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(context_.counters.datagrams_reassembled, 6U);
}

TEST_F(ReassemblyTest, ExactDuplicatesAreHarmless) {
  add({0, 1480});
  add({0, 1480});
  add({2960, 4000});
  add({2960, 4000});
  expect_whole(add({1480, 2960}));
}

TEST_F(ReassemblyTest, OverlapRefusesTheWholeDatagramAndWhatFollows) {
  add({0, 1480});
  EXPECT_EQ(add({1472, 2960}), nullptr);
  EXPECT_EQ(drops(DropReason::kFragmentOverlap), 2U) << "the one there and the one that came";
  EXPECT_EQ(add({0, 1480}), nullptr);
  EXPECT_EQ(add({1480, 4000}), nullptr);
  EXPECT_EQ(drops(DropReason::kFragmentOverlap), 4U);
  pass(seconds(30));
  EXPECT_EQ(fragments_.datagrams(), 0U);
  EXPECT_TRUE(timed_out_.empty()) << "RFC 5722 §4: without a word";
  add({0, 1480});
  expect_whole(add({1480, 4000}));
}

TEST_F(ReassemblyTest, EveryKindOfContradictionIsAnOverlap) {
  Bytes other = data_;
  other[8] ^= std::byte{1};
  std::uint32_t identification = 0;
  const auto refuses = [&](const Part& first, const Part& second,
                           std::span<const std::byte> with = {}) {
    ++identification;
    const std::uint64_t before = drops(DropReason::kFragmentOverlap);
    add({first.from, first.to, identification});
    EXPECT_EQ(add({second.from, second.to, identification}, with), nullptr);
    return drops(DropReason::kFragmentOverlap) == before + 2;
  };
  EXPECT_TRUE(refuses({0, 1480}, {0, 1480}, other)) << "the same place, other bytes";
  EXPECT_TRUE(refuses({0, 1480}, {8, 16})) << "inside";
  EXPECT_TRUE(refuses({8, 16}, {0, 1480})) << "around";
  EXPECT_TRUE(refuses({1480, 2960}, {0, 1488})) << "into the next";
  EXPECT_TRUE(refuses({2960, 4000}, {1480, 2968}));
  EXPECT_TRUE(refuses({2960, 4000}, {2968, 4000})) << "the end, again";
}

TEST_F(ReassemblyTest, NothingLiesBehindTheEnd) {
  const Bytes longer(8000);
  add({2960, 4000});
  const FragmentArrival beyond{.source = Ipv4Address(0xc6120002),
                               .target = Ipv4Address(0xc6120001),
                               .identification = 1,
                               .offset_bytes = 4000,
                               .more = true,
                               .bytes = std::span(longer).first(800),
                               .packet = longer};
  EXPECT_EQ(fragments_.add(now_, beyond), nullptr);
  EXPECT_EQ(drops(DropReason::kFragmentOverlap), 2U);
  FragmentArrival over = beyond;
  over.offset_bytes = 65528;
  EXPECT_EQ(fragments_.add(now_, over), nullptr);
  EXPECT_EQ(drops(DropReason::kBadFragment), 1U) << "more than a datagram can be";
}

TEST_F(ReassemblyTest, TheRestIsNotWaitedForLonger) {
  add({0, 1480});
  add({2960, 4000, 2});
  pass(seconds(29));
  EXPECT_EQ(fragments_.datagrams(), 2U);
  pass(seconds(1));
  EXPECT_EQ(fragments_.datagrams(), 0U);
  EXPECT_EQ(fragments_.held_bytes(), 0U);
  EXPECT_EQ(drops(DropReason::kFragmentTimeout), 2U);
  ASSERT_EQ(timed_out_.size(), 1U) << "only who sent the first fragment is told";
  EXPECT_EQ(timed_out_[0].size(), 1280U);
}

TEST_F(ReassemblyTest, MemoryIsBoundedAndTheOldestGoesFirst) {
  for (std::uint32_t id = 1; id <= 500; ++id) {
    add({1480, 2960, id});
    EXPECT_LE(fragments_.held_bytes(), context_.config.reassembly_bytes_max + 512);
  }
  EXPECT_GT(drops(DropReason::kFragmentMemory), 400U);
  add({0, 1480, 500});
  EXPECT_NE(add({2960, 4000, 500}), nullptr) << "the newest is still there";
}

TEST_F(ReassemblyTest, ManyTinyPiecesAreBounded) {
  const std::uint64_t before = fragments_.held_bytes();
  for (std::uint32_t at = 0; at + 16 <= 4000; at += 16) add({at, at + 8});
  EXPECT_LE(fragments_.held_bytes(), before + context_.config.reassembly_bytes_max);
  EXPECT_EQ(fragments_.datagrams(), 1U);
}

TEST_F(ReassemblyTest, OneMarkedFragmentMarksTheWhole) {
  add({0, 1480, 1, Ecn::kEct0});
  const BufPtr whole = add({1480, 4000, 1, Ecn::kCe});
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(load_u8(whole->data() + kEthernetHeaderLen + 1) & 3, 3);
  add({0, 1480, 2, Ecn::kNotEct});
  EXPECT_EQ(add({1480, 4000, 2, Ecn::kCe}), nullptr) << "RFC 3168 §5.3";
}

}  // namespace
}  // namespace twinpath
