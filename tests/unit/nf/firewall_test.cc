// The firewall with and without state.
#include "models/nf/firewall.h"

#include <map>

#include "tests/unit/nf/frames.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

constexpr FrameEnds kOut{0x0a000001, 1000, 0xcb007101, 80};

class FirewallTest : public ::testing::Test {
 protected:
  void expect(BufPtr frame, PortId in, Firewall::Outcome outcome) {
    const std::vector<std::byte> before(frame->bytes().begin(), frame->bytes().end());
    done_ = process(firewall_, *frame, in, now_);
    EXPECT_EQ(done_.probe.outcome, outcome);
    EXPECT_EQ(done_.verdict,
              outcome >= Firewall::kNotIpv4 ? Verdict::forward(in ^ 1) : Verdict::drop());
    EXPECT_TRUE(std::equal(before.begin(), before.end(), frame->bytes().begin()));
  }

  FrameMaker make_;
  Firewall firewall_{FirewallConfig{}};
  Instant now_ = kStart + 1s;
  Processed done_;
};

TEST_F(FirewallTest, WithoutStateOnlyOptionsAreRefused) {
  expect(make_.udp(kOut), 0, Firewall::kPassed);
  expect(make_.udp(kOut.turned()), 1, Firewall::kPassed);
  FrameExtras extras;
  extras.options.assign(4, std::byte{1});
  expect(make_.udp(kOut, extras), 0, Firewall::kOptions);
  BufPtr arp = make_.udp({});
  store_be16(arp->data() + 12, 0x0806);
  expect(std::move(arp), 1, Firewall::kNotIpv4);
}

TEST_F(FirewallTest, WithStateTheInsideOpensAndTheOutsideAnswers) {
  firewall_ = Firewall({.stateful = true});
  expect(make_.tcp(kOut.turned()), 1, Firewall::kNoFlow);
  expect(make_.tcp(kOut), 0, Firewall::kNewFlow);
  expect(make_.tcp(kOut.turned()), 1, Firewall::kKnownFlow);
  expect(make_.tcp(kOut), 0, Firewall::kKnownFlow);
  expect(make_.udp(kOut.turned()), 1, Firewall::kNoFlow);
  FrameEnds other = kOut.turned();
  other.src_port = 81;
  expect(make_.tcp(other), 1, Firewall::kNoFlow);
  expect(make_.echo(kOut, Icmpv4Type::kEchoRequest), 0, Firewall::kNotTracked);
  FrameExtras fragment;
  fragment.more_fragments = true;
  expect(make_.udp(kOut, fragment), 0, Firewall::kNotTracked);
}

TEST_F(FirewallTest, AnUnusedFlowCloses) {
  firewall_ = Firewall({.stateful = true, .flow_timeout = 10s});
  expect(make_.tcp(kOut), 0, Firewall::kNewFlow);
  now_ += 10s;
  expect(make_.tcp(kOut.turned()), 1, Firewall::kKnownFlow);
  now_ += 10s + 1ns;
  expect(make_.tcp(kOut.turned()), 1, Firewall::kNoFlow);
  EXPECT_EQ(done_.probe.pcv[Firewall::kPcvExpired], 1U);
}

TEST_F(FirewallTest, AFullTableOpensNothing) {
  firewall_ = Firewall({.stateful = true, .flows_max = 2});
  FrameEnds ends = kOut;
  for (int i = 0; i < 2; ++i, ++ends.src_port) expect(make_.udp(ends), 0, Firewall::kNewFlow);
  expect(make_.udp(ends), 0, Firewall::kTableFull);
  expect(make_.udp(kOut), 0, Firewall::kKnownFlow);
  EXPECT_EQ(firewall_.flows(), 2U);
}

TEST_F(FirewallTest, NothingBreaksIt) {
  firewall_ = Firewall({.stateful = true, .flows_max = 100});
  std::map<std::uint32_t, int> outcomes;
  const auto each = [&outcomes](const Processed& done, PacketBuf&) {
    ++outcomes[done.probe.outcome];
  };
  torture(firewall_, make_, *make_.tcp(kOut), each);
  EXPECT_EQ(outcomes.size(), 8U) << "all that a stateful firewall says";
}

TEST(FirewallConfig, NamesWhatIsWrong) {
  const auto problems = FirewallConfig{.flows_max = 0, .flow_timeout = Duration(0)}.validate();
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].field, "flows_max");
  EXPECT_EQ(problems[1].field, "flow_timeout");
}

}  // namespace
}  // namespace twinpath
