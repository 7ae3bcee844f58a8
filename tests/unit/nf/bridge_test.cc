// The bridge learns and forgets; an attacker who knows its first seed makes it change the hash.
#include "models/nf/bridge.h"

#include <map>

#include "models/base/rng.h"
#include "tests/unit/nf/frames.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kA = 0x020000000a00;
constexpr std::uint64_t kB = 0x020000000b00;
constexpr std::uint64_t kC = 0x020000000c00;
constexpr std::uint64_t kAll = 0xffffffffffff;

struct Crossing {
  std::uint64_t src;
  std::uint64_t dst;
  PortId in;
};

class BridgeTest : public ::testing::Test {
 protected:
  Processed run(const Crossing& crossing) {
    BufPtr frame = make_.udp({}, {.src_mac = MacAddress::from_u64(crossing.src),
                                  .dst_mac = MacAddress::from_u64(crossing.dst)});
    return process(bridge_, *frame, crossing.in, now_);
  }
  void expect(const Crossing& crossing, Bridge::Forwarding forwarding, Bridge::Learning learning) {
    const Processed done = run(crossing);
    EXPECT_EQ(done.probe.outcome, Bridge::outcome(forwarding, learning));
    const bool crosses = forwarding == Bridge::kUnicast || forwarding == Bridge::kFlooded ||
                         forwarding == Bridge::kGroup;
    EXPECT_EQ(done.verdict, crosses ? Verdict::forward(crossing.in ^ 1) : Verdict::drop());
  }

  FrameMaker make_;
  Bridge bridge_{BridgeConfig{}};
  Instant now_ = kStart + 1000s;
};

TEST_F(BridgeTest, LearnsWhereStationsAre) {
  expect({kA, kB, 0}, Bridge::kFlooded, Bridge::kNew);
  expect({kB, kA, 1}, Bridge::kUnicast, Bridge::kNew);
  expect({kA, kB, 0}, Bridge::kUnicast, Bridge::kKnown);
  expect({kC, kA, 0}, Bridge::kSamePort, Bridge::kNew);
  expect({kA, kAll, 0}, Bridge::kGroup, Bridge::kKnown);
  EXPECT_EQ(bridge_.table().size(), 3U);
}

TEST_F(BridgeTest, AStationMayMove) {
  expect({kA, kB, 0}, Bridge::kFlooded, Bridge::kNew);
  expect({kA, kB, 1}, Bridge::kFlooded, Bridge::kKnown);
  expect({kB, kA, 1}, Bridge::kSamePort, Bridge::kNew);
}

TEST_F(BridgeTest, SilentStationsAreForgotten) {
  expect({kA, kB, 0}, Bridge::kFlooded, Bridge::kNew);
  now_ += 300s;
  expect({kB, kA, 1}, Bridge::kUnicast, Bridge::kNew);
  now_ += 1ns;
  const Processed done = run({kB, kA, 1});
  EXPECT_EQ(done.probe.outcome, Bridge::outcome(Bridge::kFlooded, Bridge::kKnown));
  EXPECT_EQ(done.probe.pcv[Bridge::kPcvExpired], 1U);
}

TEST_F(BridgeTest, AFullTableFloods) {
  bridge_ = Bridge({.stations_max = 2});
  expect({kA, kB, 0}, Bridge::kFlooded, Bridge::kNew);
  expect({kB, kA, 1}, Bridge::kUnicast, Bridge::kNew);
  expect({kC, kA, 1}, Bridge::kUnicast, Bridge::kFull);
  expect({kA, kC, 0}, Bridge::kFlooded, Bridge::kKnown);
}

TEST_F(BridgeTest, DropsWhatNoBridgeForwards) {
  expect({kA, 0x0180c2000000, 0}, Bridge::kReserved, Bridge::kNew);
  expect({kA, 0x0180c200000f, 0}, Bridge::kReserved, Bridge::kKnown);
  expect({kA, 0x0180c2000010, 0}, Bridge::kGroup, Bridge::kKnown);
  expect({kAll, kA, 0}, Bridge::kBadSource, Bridge::kKnown);
  auto cut = make_.bytes(std::vector<std::byte>(13));
  EXPECT_EQ(process(bridge_, *cut, 0, now_).probe.outcome,
            Bridge::outcome(Bridge::kTruncated, Bridge::kKnown));
}

// Stations that all want one slot: the threshold is passed once, then they are scattered.
TEST_F(BridgeTest, CollidingStationsAreRehashed) {
  bridge_ = Bridge({.stations_max = 1024, .rehash_threshold = 6});
  const FlowMap& map = bridge_.table().map();
  const std::uint32_t home = map.home({kA, 0});
  std::vector<std::uint64_t> colliding;
  for (std::uint64_t mac = kA; colliding.size() < 64; ++mac) {
    if (map.home({mac, 0}) == home) colliding.push_back(mac);
  }
  for (std::size_t i = 0; i < colliding.size(); ++i) {
    const Processed done = run({colliding[i], kAll, 0});
    const bool rehashed = i == 7;  // the eighth passes seven others
    ASSERT_EQ(done.probe.outcome,
              Bridge::outcome(Bridge::kGroup, rehashed ? Bridge::kNewRehashed : Bridge::kNew));
    ASSERT_EQ(done.probe.pcv[Bridge::kPcvMoved], rehashed ? 8U : 0U);
  }
  EXPECT_EQ(bridge_.table().rehashes(), 1U);
  for (const std::uint64_t mac : colliding) {
    expect({kB, mac, 1}, Bridge::kUnicast, mac == colliding[0] ? Bridge::kNew : Bridge::kKnown);
  }
}

TEST_F(BridgeTest, AgreesWithAMapOfPorts) {
  Rng rng(5);
  bridge_ = Bridge({.stations_max = 64, .ageing_time = 100ns, .rehash_threshold = 2});
  std::map<std::uint64_t, std::pair<PortId, Instant>> seen;
  for (int step = 0; step < 20000; ++step) {
    now_ += Duration(rng.below(4));
    const std::uint64_t src = kA + rng.below(50);
    const std::uint64_t dst = kA + rng.below(50);
    const auto in = static_cast<PortId>(rng.below(2));
    std::erase_if(seen, [&](const auto& entry) { return entry.second.second < now_ - 100ns; });
    seen[src] = {in, now_};
    const auto known = seen.find(dst);
    const bool stays = known != seen.end() && known->second.first == in;
    ASSERT_EQ(run({src, dst, in}).verdict, stays ? Verdict::drop() : Verdict::forward(in ^ 1));
    ASSERT_EQ(bridge_.table().size(), seen.size());
  }
  EXPECT_GT(bridge_.table().rehashes(), 0U);
}

TEST_F(BridgeTest, NothingBreaksIt) {
  torture(bridge_, make_, *make_.udp({}), [](const Processed& done, PacketBuf&) {
    ASSERT_LT(done.probe.outcome, Bridge::kTruncated * Bridge::kLearnings + Bridge::kLearnings);
  });
}

TEST(BridgeConfig, NamesWhatIsWrong) {
  const auto problems = BridgeConfig{.stations_max = 0, .rehash_threshold = 0}.validate();
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].field, "stations_max");
  EXPECT_EQ(problems[1].field, "rehash_threshold");
}

}  // namespace
}  // namespace twinpath
