// Every packet is counted in one record, and every record comes out once.
#include "models/nf/flow_monitor.h"

#include <map>

#include "models/base/rng.h"
#include "tests/unit/nf/frames.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

class FlowMonitorTest : public ::testing::Test {
 protected:
  std::uint32_t run(BufPtr frame) {
    done_ = process(monitor_, *frame, 0, now_);
    const bool passes = done_.probe.outcome != FlowMonitor::kMalformed;
    EXPECT_EQ(done_.verdict, passes ? Verdict::forward(1) : Verdict::drop());
    return done_.probe.outcome;
  }
  std::uint32_t packet(std::uint16_t flow, std::size_t payload_len = 72) {
    return run(make_.udp({1, flow, 2, 80}, {.payload_len = payload_len}));
  }
  std::vector<FlowRecord> taken() {
    std::vector<FlowRecord> records(1000);
    records.resize(monitor_.take(records));
    return records;
  }

  FrameMaker make_;
  FlowMonitor monitor_{FlowMonitorConfig{}};
  Instant now_ = kStart + 1s;
  Processed done_;
};

TEST_F(FlowMonitorTest, ASilentFlowIsExported) {
  EXPECT_EQ(packet(7), FlowMonitor::kNewFlow);
  now_ += 15s;
  EXPECT_EQ(packet(7, 22), FlowMonitor::kKnownFlow);
  EXPECT_TRUE(taken().empty());
  now_ += 15s + 1ns;
  EXPECT_EQ(packet(8), FlowMonitor::kNewFlow);
  const auto records = taken();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets, 2U);
  EXPECT_EQ(records[0].bytes, 150U);
  EXPECT_EQ(records[0].first, kStart + 1s);
  EXPECT_EQ(records[0].last, kStart + 16s);
  EXPECT_EQ(records[0].src(), Ipv4Address(1));
  EXPECT_EQ(records[0].dst(), Ipv4Address(2));
  EXPECT_EQ(records[0].src_port(), 7);
  EXPECT_EQ(records[0].dst_port(), 80);
  EXPECT_EQ(records[0].protocol(), IpProtocol::kUdp);
}

TEST_F(FlowMonitorTest, ALastingFlowIsExportedAndGoesOn) {
  for (int i = 0; i < 6; ++i, now_ += 12s) packet(7);
  EXPECT_EQ(done_.probe.outcome, std::uint32_t{FlowMonitor::kKnownFlow});
  EXPECT_EQ(packet(7), FlowMonitor::kLastingFlow);
  ASSERT_EQ(taken().size(), 1U);
  EXPECT_EQ(monitor_.flows(), 1U);
}

TEST_F(FlowMonitorTest, FullTablesCountWhatTheyLose) {
  monitor_ = FlowMonitor({.flows_max = 3, .records_max = 2});
  for (std::uint16_t flow = 0; flow < 3; ++flow) EXPECT_EQ(packet(flow), FlowMonitor::kNewFlow);
  EXPECT_EQ(packet(3), FlowMonitor::kTableFull);
  now_ += 16s;
  EXPECT_EQ(packet(3), FlowMonitor::kNewFlow);
  EXPECT_EQ(done_.probe.pcv[FlowMonitor::kPcvLost], 1U);
  EXPECT_EQ(monitor_.lost(), 1U);
  EXPECT_EQ(taken().size(), 2U);
}

// Packets and bytes in equal packets and bytes out, over records, the table and what was refused.
TEST_F(FlowMonitorTest, NothingIsCountedTwiceOrNever) {
  monitor_ = FlowMonitor({.flows_max = 20, .idle_timeout = 30ns, .active_timeout = 100ns});
  Rng rng(4);
  std::map<std::uint16_t, std::pair<std::uint64_t, std::uint64_t>> sent;
  std::map<std::uint16_t, std::pair<std::uint64_t, std::uint64_t>> seen;
  const auto collect = [&] {
    for (const FlowRecord& record : taken()) {
      seen[record.src_port()].first += record.packets;
      seen[record.src_port()].second += record.bytes;
    }
  };
  for (int i = 0; i < 20000; ++i) {
    now_ += Duration(rng.below(8));
    const auto flow = static_cast<std::uint16_t>(rng.below(30));
    const std::size_t payload_len = rng.below(100);
    if (packet(flow, payload_len) == FlowMonitor::kTableFull) continue;
    sent[flow].first += 1;
    sent[flow].second += 28 + payload_len;
    collect();
  }
  now_ += 1s;
  EXPECT_EQ(run(make_.ipv4({}, IpProtocol::kEsp, std::vector<std::byte>(20))),
            FlowMonitor::kNotCounted);
  collect();
  EXPECT_EQ(sent, seen);
  EXPECT_EQ(monitor_.flows(), 0U);
}

TEST_F(FlowMonitorTest, NothingBreaksIt) {
  torture(monitor_, make_, *make_.udp({}), [](const Processed& done, PacketBuf&) {
    ASSERT_LE(done.probe.outcome, std::uint32_t{FlowMonitor::kLastingFlow});
  });
}

TEST(FlowMonitorConfig, NamesWhatIsWrong) {
  EXPECT_EQ(FlowMonitorConfig{.records_max = 0}.validate().at(0).field, "records_max");
}

}  // namespace
}  // namespace twinpath
