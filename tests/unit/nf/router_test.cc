// The router's steps, each on a frame that gets just that far.
#include "models/nf/router.h"

#include <map>

#include "tests/unit/nf/frames.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kSource = 0x0a000005;
constexpr std::uint32_t kFar = 0xcb007105;

std::byte byte(unsigned value) { return static_cast<std::byte>(value); }

RouterConfig config(LpmKind lpm) {
  RouterConfig made;
  made.interfaces = {{MacAddress::from_u64(0x02000000f000), Ipv4Address(0x0a000001)},
                     {MacAddress::from_u64(0x02000000f001), Ipv4Address(0xcb007101)}};
  made.next_hops = {{0, MacAddress::from_u64(0x02000000e000)},
                    {1, MacAddress::from_u64(0x02000000e001)}};
  made.routes = {{Ipv4Prefix(Ipv4Address(0x0a000000), 8), 0},
                 {Ipv4Prefix(Ipv4Address(0xcb007100), 24), 1},
                 {Ipv4Prefix(Ipv4Address(0xcb007180), 26), 0}};
  made.lpm = lpm;
  return made;
}

class RouterTest : public ::testing::TestWithParam<LpmKind> {
 protected:
  Verdict run(BufPtr frame, PortId in, Router::Outcome outcome) {
    done_ = process(router_, *frame, in, now_);
    EXPECT_EQ(done_.probe.outcome, outcome);
    EXPECT_EQ(done_.verdict.action == Verdict::Action::kForward, outcome >= Router::kForwarded);
    frame_ = std::move(frame);
    if (outcome >= Router::kForwarded) checked_ends(*frame_);
    return done_.verdict;
  }
  Verdict run(const FrameEnds& ends, Router::Outcome outcome, const FrameExtras& extras = {}) {
    return run(make_.udp(ends, extras), 0, outcome);
  }
  // The option as it leaves.
  std::vector<std::byte> option(std::vector<std::byte> bytes, Router::Outcome outcome) {
    FrameExtras extras;
    extras.options = std::move(bytes);
    run({kSource, 1, kFar, 2}, outcome, extras);
    const auto after = frame_->bytes().subspan(34, extras.options.size());
    return {after.begin(), after.end()};
  }

  FrameMaker make_;
  Router router_{config(GetParam())};
  Instant now_ = kStart + 1s;
  Processed done_;
  BufPtr frame_;
};

INSTANTIATE_TEST_SUITE_P(Both, RouterTest, ::testing::Values(LpmKind::kDir24, LpmKind::kTrie));

TEST_P(RouterTest, SendsByTheLongestPrefix) {
  EXPECT_EQ(run({kSource, 1, kFar, 2}, Router::kForwarded), Verdict::forward(1));
  const auto ethernet = EthernetView::parse(frame_->bytes());
  EXPECT_EQ(ethernet->dst(), MacAddress::from_u64(0x02000000e001));
  EXPECT_EQ(ethernet->src(), MacAddress::from_u64(0x02000000f001));
  EXPECT_EQ(Ipv4View::parse(ethernet->payload())->ttl(), 63);
  EXPECT_EQ(run({kSource, 1, kFar + 0x80, 2}, Router::kForwarded), Verdict::forward(0));
}

TEST_P(RouterTest, EveryTtlButTheLastGoesDownByOne) {
  for (unsigned ttl = 2; ttl < 256; ++ttl) {
    run({kSource, 1, kFar, 2}, Router::kForwarded, {.ttl = static_cast<std::uint8_t>(ttl)});
    ASSERT_EQ(Ipv4View::parse(frame_->bytes().subspan(14))->ttl(), ttl - 1);
  }
}

// The error goes back, quotes the packet as it came, and its sums are right.
TEST_P(RouterTest, TheLastHopIsTold) {
  const BufPtr original = make_.udp({kSource, 1, kFar, 2}, {.ttl = 1});
  EXPECT_EQ(run({kSource, 1, kFar, 2}, Router::kTimeExceeded, {.ttl = 1}), Verdict::forward(0));
  EXPECT_EQ(done_.probe.pcv[Router::kPcvQuoted], 28U);
  const auto ethernet = EthernetView::parse(frame_->bytes());
  EXPECT_EQ(ethernet->dst(), FrameExtras{}.src_mac);
  EXPECT_EQ(ethernet->src(), MacAddress::from_u64(0x02000000f000));
  const auto ip = Ipv4View::parse(ethernet->payload());
  EXPECT_EQ(ip->src(), Ipv4Address(0x0a000001));
  EXPECT_EQ(ip->dst(), Ipv4Address(kSource));
  const auto icmp = Icmpv4View::parse(ip->payload());
  ASSERT_TRUE(icmp.has_value()) << name(icmp.reason());
  EXPECT_EQ(icmp->type(), Icmpv4Type::kTimeExceeded);
  const auto quote = icmp->data();
  ASSERT_EQ(quote.size(), 28U);
  EXPECT_TRUE(std::equal(quote.begin(), quote.end(), original->bytes().begin() + 14));
}

TEST_P(RouterTest, WithoutARouteTheSenderIsTold) {
  EXPECT_EQ(run({kSource, 1, 0x08080808, 2}, Router::kUnreachable), Verdict::forward(0));
  const auto ip = Ipv4View::parse(frame_->bytes().subspan(14));
  EXPECT_EQ(Icmpv4View::parse(ip->payload())->type(), Icmpv4Type::kUnreachable);
}

// RFC 1812 §4.3.2.7.
TEST_P(RouterTest, NoErrorAboutErrorsGroupsAndFragments) {
  const BufPtr quoted = make_.udp({kFar, 2, kSource, 1});
  BufPtr error = make_.unreachable({kSource, 0, 0x08080808, 0}, *quoted, 28);
  run(std::move(error), 0, Router::kErrorUnsent);
  run(make_.echo({kSource, 9, 0x08080808, 0}, Icmpv4Type::kEchoRequest), 0, Router::kUnreachable);
  run({kSource, 1, 0x08080808, 2}, Router::kErrorUnsent, {.dst_mac = MacAddress::broadcast()});
  BufPtr later = make_.udp({kSource, 1, 0x08080808, 2});
  const FieldChange<std::uint16_t> change{load_be16(later->data() + 20), 0x0010};
  store_be16(later->data() + 20, change.after);
  store_be16(later->data() + 24, updated_checksum(load_be16(later->data() + 24), change));
  run(std::move(later), 0, Router::kErrorUnsent);
}

TEST_P(RouterTest, ErrorsAreLimitedAndNeedHeadroom) {
  RouterConfig limited = config(GetParam());
  limited.error_bytes_per_s = 70;
  limited.error_burst_bytes = 140;
  router_ = Router(limited);
  const FrameEnds nowhere{kSource, 1, 0x08080808, 2};
  run(nowhere, Router::kUnreachable);
  run(nowhere, Router::kUnreachable);
  run(nowhere, Router::kErrorUnsent);
  now_ += 1s;
  run(nowhere, Router::kUnreachable);
  now_ += 10s;
  BufPtr frame = make_.udp(nowhere);
  frame->room += frame->data_off - 27;
  frame->data_off = 27;
  done_ = process(router_, *frame, 0, now_);
  EXPECT_EQ(done_.probe.outcome, std::uint32_t{Router::kErrorUnsent});
  frame->room -= 128 - 27;  // as the pool gave it
  frame->data_off = 128;
}

TEST_P(RouterTest, DropsWhatItMayNotForward) {
  run({0x7f000001, 1, kFar, 2}, Router::kBadAddress);
  run({0xe0000001, 1, kFar, 2}, Router::kBadAddress);
  run({kSource, 1, 0xe0000001, 2}, Router::kBadAddress);
  run({kSource, 1, 0xffffffff, 2}, Router::kBadAddress);
  run({0, 1, kFar, 2}, Router::kBadAddress);
  run({kSource, 1, 0x0a000001, 2}, Router::kForRouter);
  run({kSource, 1, 0xcb007101, 2}, Router::kForRouter);
  BufPtr wrong = make_.udp({kSource, 1, kFar, 2});
  store_u8(wrong->data() + 22, 99);
  run(std::move(wrong), 0, Router::kBadChecksum);
  run(make_.udp({kSource, 1, kFar, 2}), 2, Router::kMalformed);
  BufPtr arp = make_.udp({});
  store_be16(arp->data() + 12, 0x0806);
  run(std::move(arp), 0, Router::kNotIpv4);
}

TEST_P(RouterTest, RecordsTheRoute) {
  const auto after = option({byte(7), byte(11), byte(4), byte(0), byte(0), byte(0), byte(0),
                             byte(9), byte(9), byte(9), byte(9), byte(0)},
                            Router::kForwardedOptions);
  EXPECT_EQ(after[2], byte(8));
  EXPECT_EQ(load_be32(&after[3]), 0x0a000001U);
  EXPECT_EQ(load_be32(&after[7]), 0x09090909U);
  EXPECT_EQ(done_.probe.pcv[Router::kPcvOptions], 2U);
  const auto odd = option({byte(1), byte(7), byte(7), byte(4), byte(0), byte(0), byte(0), byte(0)},
                          Router::kForwardedOptions);
  EXPECT_EQ(load_be32(&odd[4]), 0x0a000001U);
  const auto full = option({byte(7), byte(7), byte(8), byte(1), byte(2), byte(3), byte(4), byte(0)},
                           Router::kForwardedOptions);
  EXPECT_EQ(load_be32(&full[3]), 0x01020304U);
}

TEST_P(RouterTest, StampsTheTime) {
  std::vector<std::byte> stamp(12, byte(0));
  stamp[0] = byte(68);
  stamp[1] = byte(12);
  stamp[2] = byte(5);
  stamp[3] = byte(1);
  auto after = option(stamp, Router::kForwardedOptions);
  EXPECT_EQ(after[2], byte(13));
  EXPECT_EQ(load_be32(&after[4]), 0x0a000001U);
  EXPECT_EQ(load_be32(&after[8]), 0x80000000U | (1'000'000'000U >> 20));
  after = option(after, Router::kForwardedOptions);
  EXPECT_EQ(after[3], byte(0x11)) << "one that found no room";
  after[3] = byte(0xf1);
  option(after, Router::kBadOptions);
  stamp[3] = byte(3);
  EXPECT_EQ(option(stamp, Router::kForwardedOptions), stamp) << "asked of others";
}

TEST_P(RouterTest, RefusesSourceRoutesAndBadOptions) {
  option({byte(131), byte(3), byte(4), byte(0)}, Router::kBadOptions);
  option({byte(1), byte(137), byte(3), byte(4)}, Router::kBadOptions);
  option({byte(1), byte(1), byte(1), byte(148)}, Router::kBadOptions);
  option({byte(148), byte(1), byte(0), byte(0)}, Router::kBadOptions);
  option({byte(148), byte(5), byte(0), byte(0)}, Router::kBadOptions);
  option({byte(7), byte(3), byte(3), byte(0)}, Router::kBadOptions);
  option({byte(148), byte(4), byte(0), byte(0)}, Router::kForwardedOptions);
}

TEST_P(RouterTest, NothingBreaksIt) {
  std::map<std::uint32_t, int> outcomes;
  const auto each = [&outcomes](const Processed& done, PacketBuf& frame) {
    ++outcomes[done.probe.outcome];
    EXPECT_TRUE(done.verdict == Verdict::drop() || done.verdict.out < 2);
    if (done.probe.outcome >= Router::kForwarded) {
      EXPECT_TRUE(Ipv4View::parse(frame.bytes().subspan(14)).has_value());
    }
  };
  torture(router_, make_, *make_.udp({kSource, 1, kFar, 2}), each);
  EXPECT_GT(outcomes[Router::kMalformed], 100);
  EXPECT_GT(outcomes[Router::kBadChecksum], 100);
}

TEST(RouterConfig, NamesWhatIsWrong) {
  RouterConfig bad = config(LpmKind::kDir24);
  bad.next_hops[1].port = 2;
  bad.routes[0].next_hop = 7;
  bad.error_burst_bytes = 0;
  auto problems = bad.validate();
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(problems[0].field, "error_burst_bytes");
  EXPECT_EQ(problems[1].field, "next_hops[1]");
  EXPECT_EQ(problems[2].field, "routes[0]");
  problems = RouterConfig{}.validate();
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(problems[0].allowed, "1 to 64 entries");
}

}  // namespace
}  // namespace twinpath
