// Flows stay with backends that live; heartbeats say which do.
#include "models/nf/load_balancer.h"

#include <map>
#include <set>

#include "tests/unit/nf/frames.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;
using Lb = LoadBalancer;

constexpr std::uint32_t kVirtual = 0xc6336464;
constexpr std::uint32_t kClient = 0xcb007101;
constexpr std::uint32_t kBackend = 0x0a000010;
constexpr std::uint64_t kBackendMac = 0x020000005500;

class LoadBalancerTest : public ::testing::Test {
 protected:
  void run(BufPtr frame, PortId in, Lb::Outcome outcome) {
    done_ = process(lb_, *frame, in, now_);
    EXPECT_EQ(done_.probe.outcome, outcome);
    EXPECT_EQ(done_.verdict,
              outcome >= Lb::kFromBackend ? Verdict::forward(in ^ 1) : Verdict::drop());
    frame_ = std::move(frame);
    if (outcome >= Lb::kFromBackend) checked_ends(*frame_);
  }
  void beat(std::uint32_t backend, Lb::Outcome outcome) {
    run(make_.udp({kBackend + backend, 7, kVirtual, 3478},
                  {.src_mac = MacAddress::from_u64(kBackendMac + backend)}),
        Lb::kBackends, outcome);
  }
  // The number of the backend that gets it.
  std::uint64_t request(std::uint32_t flow, Lb::Outcome outcome) {
    const auto port = static_cast<std::uint16_t>(1000 + flow);
    run(make_.tcp({kClient, port, kVirtual, 80}), Lb::kClients, outcome);
    return EthernetView::parse(frame_->bytes())->dst().to_u64() - kBackendMac;
  }

  FrameMaker make_;
  Lb lb_{LoadBalancerConfig{}};
  Instant now_ = kStart + 1s;
  Processed done_;
  BufPtr frame_;
};

TEST_F(LoadBalancerTest, FlowsStayWhileMoreBackendsCome) {
  request(0, Lb::kNoBackend);
  for (std::uint32_t b = 0; b < 4; ++b) beat(b, Lb::kHeartbeatNew);
  std::map<std::uint32_t, std::uint64_t> served;
  std::set<std::uint64_t> used;
  for (std::uint32_t flow = 0; flow < 100; ++flow) {
    served[flow] = request(flow, Lb::kNewFlow);
    used.insert(served[flow]);
    EXPECT_EQ(EthernetView::parse(frame_->bytes())->src(), LoadBalancerConfig{}.own_mac);
  }
  EXPECT_EQ(used, (std::set<std::uint64_t>{0, 1, 2, 3}));
  for (std::uint32_t b = 4; b < 8; ++b) beat(b, Lb::kHeartbeatNew);
  for (std::uint32_t flow = 0; flow < 100; ++flow) {
    EXPECT_EQ(request(flow, Lb::kKnownFlow), served[flow]);
  }
}

TEST_F(LoadBalancerTest, ASilentBackendLosesItsFlowsOnly) {
  for (std::uint32_t b = 0; b < 4; ++b) beat(b, Lb::kHeartbeatNew);
  std::map<std::uint32_t, std::uint64_t> served;
  for (std::uint32_t flow = 0; flow < 100; ++flow) served[flow] = request(flow, Lb::kNewFlow);
  now_ += 2s;
  for (std::uint32_t b = 1; b < 4; ++b) beat(b, Lb::kHeartbeat);
  now_ += 1500ms;
  beat(1, Lb::kHeartbeat);
  EXPECT_EQ(done_.probe.pcv[Lb::kPcvBackendsExpired], 1U);
  EXPECT_EQ(lb_.backends(), 3U);
  for (std::uint32_t flow = 0; flow < 100; ++flow) {
    if (served[flow] != 0) {
      EXPECT_EQ(request(flow, Lb::kKnownFlow), served[flow]);
      continue;
    }
    const std::uint64_t heir = request(flow, Lb::kMovedFlow);
    EXPECT_NE(heir, 0U);
    EXPECT_EQ(request(flow, Lb::kKnownFlow), heir);
  }
}

// Its place in the table may be another's by then: the flows know whom they were sent to.
TEST_F(LoadBalancerTest, ANewBackendInheritsNoFlows) {
  beat(0, Lb::kHeartbeatNew);
  request(0, Lb::kNewFlow);
  now_ += 4s;
  beat(1, Lb::kHeartbeatNew);
  EXPECT_EQ(request(0, Lb::kMovedFlow), 1U);
}

TEST_F(LoadBalancerTest, ABackendMayChangeItsLinkAddress) {
  beat(0, Lb::kHeartbeatNew);
  run(make_.udp({kBackend, 7, kVirtual, 3478}, {.src_mac = MacAddress::from_u64(kBackendMac + 9)}),
      Lb::kBackends, Lb::kHeartbeat);
  EXPECT_EQ(request(0, Lb::kNewFlow), 9U);
}

TEST_F(LoadBalancerTest, FullTables) {
  lb_ = Lb({.flows_max = 2, .backends_max = 2});
  beat(0, Lb::kHeartbeatNew);
  beat(1, Lb::kHeartbeatNew);
  beat(2, Lb::kHeartbeatFull);
  request(0, Lb::kNewFlow);
  request(1, Lb::kNewFlow);
  const std::uint64_t served = request(2, Lb::kUnrememberedFlow);
  EXPECT_EQ(request(2, Lb::kUnrememberedFlow), served) << "by hash alone, but the same";
  request(0, Lb::kKnownFlow);
  now_ += 2s;
  beat(0, Lb::kHeartbeat);
}

TEST_F(LoadBalancerTest, UnusedFlowsAreForgotten) {
  lb_ = Lb({.backend_timeout = 1000s});
  beat(0, Lb::kHeartbeatNew);
  request(0, Lb::kNewFlow);
  now_ += 60s;
  request(0, Lb::kKnownFlow);
  now_ += 60s + 1ns;
  request(0, Lb::kNewFlow);
  EXPECT_EQ(done_.probe.pcv[Lb::kPcvExpired], 1U);
}

TEST_F(LoadBalancerTest, OnlyTheVirtualAddressIsServed) {
  beat(0, Lb::kHeartbeatNew);
  run(make_.tcp({kClient, 1, kVirtual + 1, 80}), Lb::kClients, Lb::kOtherAddress);
  run(make_.echo({kClient, 1, kVirtual, 0}, Icmpv4Type::kEchoRequest), Lb::kClients,
      Lb::kOtherProtocol);
  run(make_.udp({kClient, 1, kVirtual, 3478}), Lb::kClients, Lb::kNewFlow);
  run(make_.tcp({kVirtual, 80, kClient, 1000}), Lb::kBackends, Lb::kFromBackend);
}

TEST_F(LoadBalancerTest, NothingBreaksIt) {
  beat(0, Lb::kHeartbeatNew);
  const auto each = [](const Processed& done, PacketBuf&) {
    ASSERT_LE(done.probe.outcome, std::uint32_t{Lb::kUnrememberedFlow});
  };
  torture(lb_, make_, *make_.tcp({kClient, 1, kVirtual, 80}), each);
  torture(lb_, make_, *make_.udp({kBackend, 7, kVirtual, 3478}), each);
  EXPECT_LE(lb_.backends(), 16U);
}

TEST(LoadBalancerConfig, NamesWhatIsWrong) {
  const auto problems =
      LoadBalancerConfig{.virtual_address = Ipv4Address(0), .flows_max = 0, .buckets = 1000}
          .validate();
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(problems[0].field, "flows_max");
  EXPECT_EQ(problems[1].field, "buckets");
  EXPECT_EQ(problems[2].field, "virtual_address");
}

}  // namespace
}  // namespace twinpath
