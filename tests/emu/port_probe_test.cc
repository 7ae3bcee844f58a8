// Cables, full frames, latency and capacity of ports, on heap pools and fake ports.
#include "emu/port_probe.h"

#include <gtest/gtest.h>

#include "emu/rate_cap.h"
#include "models/wire/arp.h"
#include "models/wire/ethernet.h"
#include "tests/emu/fake_port.h"

namespace twinpath::emu {
namespace {

using namespace std::chrono_literals;
using test::SteppedClock;

// What is sent arrives at the other end; frames longer than `passes` do not.
class CabledPort final : public Port {
 public:
  explicit CabledPort(std::uint32_t passes = 2048) : passes_(passes) {}
  void cable(CabledPort& other) { other_ = &other; }
  [[nodiscard]] PortCaps caps() const override { return {.mtu_bytes = 1500}; }
  std::size_t rx_burst(std::span<BufPtr> out) override {
    std::size_t count = 0;
    for (; count < out.size() && !arrived_.empty(); arrived_.pop_front()) {
      out[count++] = std::move(arrived_.front());
    }
    return count;
  }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    for (BufPtr& frame : frames) {
      sent_bytes.push_back({frame->bytes().begin(), frame->bytes().end()});
      if (other_ != nullptr && frame->len <= passes_) other_->arrived_.push_back(std::move(frame));
      frame.reset();
    }
    return frames.size();
  }
  [[nodiscard]] std::size_t tx_room() const override { return kBurst; }
  void arrive(BufPtr frame) { arrived_.push_back(std::move(frame)); }

  std::vector<std::vector<std::byte>> sent_bytes;

 private:
  std::uint32_t passes_;
  CabledPort* other_ = nullptr;
  std::deque<BufPtr> arrived_;
};

struct Bench {
  HeapPool pool;
  SteppedClock clock;
  CabledPort a;
  CabledPort b;
  CabledPort alone;
  ProbedPort probed(CabledPort& port) {
    return {.port = &port, .clocked = nullptr, .pool = &pool, .mac = MacAddress::from_u64(2)};
  }
  Bench() { clock.step = 10us; }
  PortProbe probe() { return {clock, {probed(a), probed(b), probed(alone)}}; }
};

TEST(PortProbe, FindsWhereACableEndsInBothDirections) {
  Bench bench;
  bench.a.cable(bench.b);
  bench.b.cable(bench.a);
  PortProbe probe = bench.probe();
  const std::vector<CableSeen> seen = probe.find_cables();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].from, 0U);
  EXPECT_EQ(seen[0].to, 1U);
  EXPECT_EQ(seen[1].from, 1U);
  EXPECT_EQ(seen[1].to, 0U);
  EXPECT_EQ(seen[0].small, PortProbe::kTags);
  EXPECT_EQ(seen[0].full, PortProbe::kTags);
}

TEST(PortProbe, ACableThatDropsFullFramesIsSeen) {
  Bench bench;
  CabledPort narrow(1000);
  narrow.cable(bench.b);
  PortProbe probe(bench.clock, {bench.probed(narrow), bench.probed(bench.b)});
  const std::vector<CableSeen> seen = probe.find_cables();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].small, PortProbe::kTags);
  EXPECT_EQ(seen[0].full, 0U);
}

TEST(PortProbe, FramesOfOthersAreCountedAndNotTakenForOurs) {
  Bench bench;
  bench.alone.arrive(test::marked_frame(bench.pool, 60, 1));
  PortProbe probe = bench.probe();
  EXPECT_TRUE(probe.find_cables().empty());
  EXPECT_EQ(probe.strangers()[2], 1U);
  EXPECT_EQ(probe.strangers()[0], 0U);
}

TEST(PortProbe, MeasuresLatencyAndCapacityOfAPath) {
  Bench bench;
  bench.a.cable(bench.b);
  PortProbe probe = bench.probe();
  const Histogram times = probe.latency({0, 1});
  EXPECT_EQ(times.count(), PortProbe::kRoundsMax);
  EXPECT_GE(times.quantile(0), 10'000U);
  const ProbeCapacity capacity = probe.capacity({0, 1}, 10ms);
  EXPECT_GT(capacity.sent, 0U);
  EXPECT_EQ(capacity.received, capacity.sent);
  EXPECT_GT(capacity.took, Duration(0));
}

TEST(PortProbe, NothingArrivesWithoutACable) {
  Bench bench;
  PortProbe probe = bench.probe();
  EXPECT_EQ(probe.latency({0, 1}).count(), 0U);
  EXPECT_EQ(probe.capacity({0, 1}, 1ms).received, 0U);
}

TEST(PortProbe, AsksWhoHasAnAddressWithoutClaimingOne) {
  Bench bench;
  PortProbe probe = bench.probe();
  const Ipv4Address address(0xc6120002);
  const MacAddress owner = MacAddress::from_u64(0x020000000009);
  BufPtr reply(bench.pool.take());
  const std::span<std::byte> bytes = reply->push_back(60);
  EthernetRepr{.dst = owner, .src = owner, .ethertype = EtherType::kArp}.emit(bytes);
  ArpPacket answer;
  answer.operation = ArpOperation::kReply;
  answer.sender_mac = owner;
  answer.sender_ip = address;
  answer.emit(bytes.subspan(kEthernetHeaderLen));
  bench.a.arrive(std::move(reply));
  EXPECT_EQ(probe.ask(0, address), owner);
  EXPECT_EQ(probe.ask(1, address), std::nullopt);
  const auto asked = ArpPacket::parse(
      std::span<const std::byte>(bench.a.sent_bytes.at(0)).subspan(kEthernetHeaderLen));
  ASSERT_TRUE(asked);
  EXPECT_TRUE(asked->is_probe());
  EXPECT_EQ(asked->target_ip, address);
}

TEST(RateCap, IsOpenAgainWhenTheWireWouldBe) {
  RateCap cap(1'000'000'000);
  const Instant now = at_ns(1000);
  EXPECT_TRUE(cap.is_open(now));
  cap.spend(now, 1226);  // 1250 bytes with preamble, check sequence and gap: 10 us at 1 Gbit/s
  EXPECT_FALSE(cap.is_open(now + 9'999ns));
  EXPECT_TRUE(cap.is_open(now + 10us));
  EXPECT_EQ(cap.opens_at(), now + 10us);
}

TEST(RateCap, WithoutALimitStaysOpen) {
  EXPECT_FALSE(RateCap().is_set());
  EXPECT_TRUE(RateCap().is_open(kStart));
}

}  // namespace
}  // namespace twinpath::emu
