// The two functions that count entries of one table by those of another: port-scan detector and
// connection limiter.
#include <map>
#include <set>

#include "models/base/rng.h"
#include "models/nf/connection_limiter.h"
#include "models/nf/scan_detector.h"
#include "tests/unit/nf/frames.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kOutsideHost = 0xcb007101;
constexpr std::uint32_t kInsideHost = 0x0a000001;

struct Probing {
  std::uint32_t source;
  std::uint16_t port;
};

class ScanDetectorTest : public ::testing::Test {
 protected:
  std::uint32_t run(BufPtr frame, PortId in) {
    done_ = process(detector_, *frame, in, now_);
    const bool passes = done_.probe.outcome >= ScanDetector::kNotIpv4;
    EXPECT_EQ(done_.verdict, passes ? Verdict::forward(in ^ 1) : Verdict::drop());
    return done_.probe.outcome;
  }
  std::uint32_t probe(const Probing& probing) {
    return run(make_.tcp({kOutsideHost + probing.source, 999, kInsideHost, probing.port}, kSyn), 1);
  }

  FrameMaker make_;
  ScanDetector detector_{{.targets_per_source_max = 3, .window = 10s}};
  Instant now_ = kStart + 1s;
  Processed done_;
};

TEST_F(ScanDetectorTest, ASourceGetsSoManyTargets) {
  EXPECT_EQ(probe({0, 80}), ScanDetector::kNewSource);
  EXPECT_EQ(probe({0, 81}), ScanDetector::kNewTarget);
  EXPECT_EQ(probe({0, 80}), ScanDetector::kKnownTarget);
  EXPECT_EQ(probe({0, 82}), ScanDetector::kNewTarget);
  EXPECT_EQ(probe({0, 83}), ScanDetector::kScan);
  EXPECT_EQ(probe({0, 80}), ScanDetector::kKnownTarget) << "what it uses goes on";
  EXPECT_EQ(probe({1, 83}), ScanDetector::kNewSource);
  EXPECT_EQ(run(make_.tcp({}), 0), ScanDetector::kOutbound);
  EXPECT_EQ(run(make_.echo({}, Icmpv4Type::kEchoRequest), 1), ScanDetector::kNotTracked);
}

TEST_F(ScanDetectorTest, UnusedTargetsCountNoMore) {
  for (std::uint16_t port = 80; port < 83; ++port) probe({0, port});
  now_ += 10s;
  EXPECT_EQ(probe({0, 80}), ScanDetector::kKnownTarget);
  now_ += 1ns;
  EXPECT_EQ(probe({0, 90}), ScanDetector::kNewTarget);
  EXPECT_EQ(done_.probe.pcv[ScanDetector::kPcvExpired], 2U);
  now_ += 20s;
  EXPECT_EQ(probe({1, 90}), ScanDetector::kNewSource);
  EXPECT_EQ(done_.probe.pcv[ScanDetector::kPcvSourcesGone], 1U);
  EXPECT_EQ(detector_.sources(), 1U);
}

TEST_F(ScanDetectorTest, FullTablesRefuse) {
  detector_ = ScanDetector(
      {.targets_per_source_max = 3, .window = 10s, .sources_max = 2, .targets_max = 3});
  EXPECT_EQ(probe({0, 80}), ScanDetector::kNewSource);
  EXPECT_EQ(probe({1, 80}), ScanDetector::kNewSource);
  EXPECT_EQ(probe({2, 80}), ScanDetector::kTableFull) << "sources";
  EXPECT_EQ(probe({0, 81}), ScanDetector::kNewTarget);
  EXPECT_EQ(probe({0, 82}), ScanDetector::kTableFull) << "targets";
}

// Against sets of live targets, with sources that come and go.
TEST_F(ScanDetectorTest, AgreesWithSets) {
  detector_ = ScanDetector({.targets_per_source_max = 3, .window = 50ns});
  Rng rng(9);
  std::map<std::uint32_t, std::map<std::uint16_t, Instant>> live;
  for (int step = 0; step < 20000; ++step) {
    now_ += Duration(rng.below(10));
    const Probing next{static_cast<std::uint32_t>(rng.below(5)),
                       static_cast<std::uint16_t>(80 + rng.below(6))};
    for (auto& [source, targets] : live) {
      std::erase_if(targets, [&](const auto& target) { return target.second < now_ - 50ns; });
    }
    std::erase_if(live, [](const auto& entry) { return entry.second.empty(); });
    auto& targets = live[next.source];
    const bool is_known = targets.count(next.port) == 1;
    std::uint32_t expected = ScanDetector::kNewTarget;
    if (targets.empty()) expected = ScanDetector::kNewSource;
    if (targets.size() == 3) expected = ScanDetector::kScan;
    if (is_known) expected = ScanDetector::kKnownTarget;
    ASSERT_EQ(probe(next), expected) << step;
    if (expected != ScanDetector::kScan) targets[next.port] = now_;
    ASSERT_EQ(detector_.sources(), live.size());
  }
}

TEST_F(ScanDetectorTest, NothingBreaksIt) {
  torture(detector_, make_, *make_.tcp({kOutsideHost, 9, kInsideHost, 80}),
          [](const Processed& done, PacketBuf&) {
            ASSERT_LE(done.probe.outcome, std::uint32_t{ScanDetector::kNewSource});
          });
}

class ConnectionLimiterTest : public ::testing::Test {
 protected:
  std::uint32_t run(BufPtr frame, PortId in) {
    done_ = process(limiter_, *frame, in, now_);
    const bool passes = done_.probe.outcome >= ConnectionLimiter::kNotIpv4;
    EXPECT_EQ(done_.verdict, passes ? Verdict::forward(in ^ 1) : Verdict::drop());
    return done_.probe.outcome;
  }
  static FrameEnds ends(const Probing& flow) {
    return {kInsideHost + flow.source, flow.port, kOutsideHost, 80};
  }
  std::uint32_t open(const Probing& flow) { return run(make_.tcp(ends(flow)), 0); }
  std::uint32_t answer(const Probing& flow) { return run(make_.tcp(ends(flow).turned()), 1); }

  FrameMaker make_;
  ConnectionLimiter limiter_{{.flows_per_client_max = 2, .flow_timeout = 10s}};
  Instant now_ = kStart + 1s;
  Processed done_;
};

TEST_F(ConnectionLimiterTest, AClientGetsSoManyFlows) {
  EXPECT_EQ(open({0, 1}), ConnectionLimiter::kNewClient);
  EXPECT_EQ(open({0, 2}), ConnectionLimiter::kNewFlow);
  EXPECT_EQ(open({0, 3}), ConnectionLimiter::kLimited);
  EXPECT_EQ(open({0, 1}), ConnectionLimiter::kKnownFlow);
  EXPECT_EQ(answer({0, 1}), ConnectionLimiter::kKnownFlow);
  EXPECT_EQ(answer({0, 3}), ConnectionLimiter::kNoFlow);
  EXPECT_EQ(open({1, 3}), ConnectionLimiter::kNewClient);
  now_ += 10s;
  EXPECT_EQ(answer({0, 1}), ConnectionLimiter::kKnownFlow);
  now_ += 1ns;
  EXPECT_EQ(open({0, 3}), ConnectionLimiter::kNewFlow);
  EXPECT_EQ(done_.probe.pcv[ConnectionLimiter::kPcvExpired], 2U);
  EXPECT_EQ(done_.probe.pcv[ConnectionLimiter::kPcvClientsGone], 1U);
  EXPECT_EQ(limiter_.clients(), 1U);
}

TEST_F(ConnectionLimiterTest, FullTablesRefuse) {
  limiter_ = ConnectionLimiter({.flows_per_client_max = 9, .flows_max = 3, .clients_max = 2});
  EXPECT_EQ(open({0, 1}), ConnectionLimiter::kNewClient);
  EXPECT_EQ(open({1, 1}), ConnectionLimiter::kNewClient);
  EXPECT_EQ(open({2, 1}), ConnectionLimiter::kTableFull) << "clients";
  EXPECT_EQ(open({0, 2}), ConnectionLimiter::kNewFlow);
  EXPECT_EQ(open({0, 3}), ConnectionLimiter::kTableFull) << "flows";
  EXPECT_EQ(limiter_.flows(), 3U);
}

TEST_F(ConnectionLimiterTest, NothingBreaksIt) {
  torture(limiter_, make_, *make_.tcp(ends({0, 1})), [](const Processed& done, PacketBuf&) {
    ASSERT_LE(done.probe.outcome, std::uint32_t{ConnectionLimiter::kNewClient});
  });
}

TEST(CountingConfigs, NameWhatIsWrong) {
  EXPECT_EQ(ScanDetectorConfig{.window = Duration(0)}.validate().at(0).field, "window");
  EXPECT_EQ(ConnectionLimiterConfig{.clients_max = 0}.validate().at(0).field, "clients_max");
}

}  // namespace
}  // namespace twinpath
