// The NAT's behaviour, requirement by requirement, on frames whose every checksum is checked.
#include "models/nf/nat.h"

#include <array>
#include <map>
#include <set>

#include "tests/unit/nf/frames.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kExternal = 0xc6336401;
constexpr std::uint32_t kHost = 0x0a000001;
constexpr std::uint32_t kOther = 0x0a000002;
constexpr std::uint32_t kRemote = 0xcb007101;
constexpr PortId kInside = Nat::kInside;
constexpr PortId kOutside = Nat::kOutside;

class NatTest : public ::testing::Test {
 protected:
  // The ends after translation; nothing but the outcome is expected of a drop.
  FrameEnds run(BufPtr frame, PortId in, Nat::Outcome outcome) {
    done_ = process(nat_, *frame, in, now_);
    EXPECT_EQ(done_.probe.outcome, outcome);
    EXPECT_EQ(done_.verdict.action == Verdict::Action::kForward, outcome >= Nat::kOutboundNew);
    frame_ = std::move(frame);
    return outcome >= Nat::kOutboundNew ? checked_ends(*frame_) : FrameEnds{};
  }
  FrameEnds out(const FrameEnds& ends, Nat::Outcome outcome = Nat::kOutboundNew) {
    return run(make_.udp(ends), kInside, outcome);
  }
  FrameEnds in(const FrameEnds& ends, Nat::Outcome outcome = Nat::kInboundKnown) {
    return run(make_.udp(ends), kOutside, outcome);
  }
  void configure(NatConfig config) {
    ASSERT_TRUE(config.validate().empty());
    nat_ = Nat(config);
  }

  FrameMaker make_;
  Nat nat_{NatConfig{}};
  Instant now_ = kStart + 1s;
  Processed done_;
  BufPtr frame_;
};

// RFC 4787 REQ-1 and port preservation (§4.2.1); link addresses are the configured ones.
TEST_F(NatTest, OneMappingWhateverTheDestination) {
  const FrameEnds first = out({kHost, 5000, kRemote, 80});
  EXPECT_EQ(first.src, kExternal);
  EXPECT_EQ(first.src_port, 5000);
  EXPECT_EQ(first.dst, kRemote);
  EXPECT_EQ(first.dst_port, 80);
  EXPECT_EQ(done_.verdict, Verdict::forward(kOutside));
  const auto ethernet = EthernetView::parse(frame_->bytes());
  EXPECT_EQ(ethernet->dst(), NatConfig{}.next_macs[1]);
  EXPECT_EQ(ethernet->src(), NatConfig{}.own_macs[1]);

  EXPECT_EQ(out({kHost, 5000, kRemote + 1, 99}, Nat::kOutboundKnown).src_port, 5000);
  EXPECT_EQ(nat_.mappings(), 1U);
  const FrameEnds back = in({kRemote + 7, 7, kExternal, 5000});
  EXPECT_EQ(back.dst, kHost);
  EXPECT_EQ(back.dst_port, 5000);
  EXPECT_EQ(back.src, kRemote + 7);
  EXPECT_EQ(done_.verdict, Verdict::forward(kInside));
}

// RFC 4787 §4.2.2, §4.2.3: a taken port is replaced by one of its parity and range.
TEST_F(NatTest, ATakenPortKeepsParityAndRange) {
  std::set<std::uint16_t> ports;
  for (std::uint32_t host = 0; host < 50; ++host) {
    for (const std::uint16_t wanted : std::array<std::uint16_t, 4>{5000, 5001, 53, 80}) {
      const FrameEnds ends = out({kHost + host, wanted, kRemote, 9});
      EXPECT_EQ(ends.src_port % 2, wanted % 2);
      EXPECT_EQ(ends.src_port < 1024, wanted < 1024) << ends.src_port;
      EXPECT_TRUE(ports.insert(ends.src_port).second) << "one owner per port";
      EXPECT_EQ(in({kRemote, 9, kExternal, ends.src_port}).dst, kHost + host);
    }
  }
}

TEST_F(NatTest, TcpAndUdpAndQueriesDoNotShareAPort) {
  EXPECT_EQ(out({kHost, 6000, kRemote, 80}).src_port, 6000);
  EXPECT_EQ(run(make_.tcp({kOther, 6000, kRemote, 80}, kSyn), kInside, Nat::kOutboundNew).src_port,
            6000);
  const FrameEnds query{kHost + 5, 6000, kRemote, 0};
  run(make_.echo(query, Icmpv4Type::kEchoRequest), kInside, Nat::kOutboundNew);
  EXPECT_EQ(run(make_.echo({kRemote, 0, kExternal, 6000}, Icmpv4Type::kEchoReply), kOutside,
                Nat::kInboundKnown)
                .dst,
            kHost + 5);
  EXPECT_EQ(run(make_.tcp({kRemote, 80, kExternal, 6000}), kOutside, Nat::kInboundKnown).dst,
            kOther);
}

TEST_F(NatTest, AUdpDatagramWithoutChecksumKeepsNone) {
  BufPtr frame = make_.udp({kHost, 5000, kRemote, 80});
  store_be16(frame->data() + 14 + 20 + 6, 0);
  run(std::move(frame), kInside, Nat::kOutboundNew);
  EXPECT_EQ(load_be16(frame_->data() + 14 + 20 + 6), 0);
}

// Over all payloads the sum takes all values, among them the one that must go out as 0xffff.
TEST_F(NatTest, AChecksumThatComesOutZeroIsSentAsOnes) {
  bool seen = false;
  for (std::uint32_t word = 0; word < 0x10000 && !seen; ++word) {
    BufPtr frame = make_.udp({kHost, 5000, kRemote, 80});
    const std::uint16_t before = load_be16(frame->data() + 40);
    const FieldChange<std::uint16_t> change{load_be16(frame->data() + 42),
                                            static_cast<std::uint16_t>(word)};
    store_be16(frame->data() + 42, change.after);
    const std::uint16_t after = updated_checksum(before, change);
    store_be16(frame->data() + 40, after == 0 ? std::uint16_t{0xffff} : after);
    run(std::move(frame), kInside, word == 0 ? Nat::kOutboundNew : Nat::kOutboundKnown);
    ASSERT_NE(load_be16(frame_->data() + 40), 0);
    seen = load_be16(frame_->data() + 40) == 0xffff;
  }
  EXPECT_TRUE(seen);
}

TEST_F(NatTest, NobodyComesInWithoutAMapping) {
  in({kRemote, 9, kExternal, 5000}, Nat::kInboundUnknown);
  in({kRemote, 9, kExternal, 0}, Nat::kInboundUnknown);
  in({kRemote, 9, kExternal + 1, 5000}, Nat::kInboundUnknown);
}

TEST_F(NatTest, FilteringLetsInWhomTheInsideHasSentTo) {
  for (const auto filtering :
       {NatFiltering::kAddressDependent, NatFiltering::kAddressPortDependent}) {
    configure({.filtering = filtering});
    out({kHost, 5000, kRemote, 80});
    in({kRemote, 80, kExternal, 5000});
    in({kRemote + 1, 80, kExternal, 5000}, Nat::kFiltered);
    const bool by_port = filtering == NatFiltering::kAddressPortDependent;
    in({kRemote, 81, kExternal, 5000}, by_port ? Nat::kFiltered : Nat::kInboundKnown);
    out({kHost, 5000, kRemote + 1, 80}, Nat::kOutboundKnown);
    in({kRemote + 1, 80, kExternal, 5000});
  }
}

TEST_F(NatTest, ASessionOpensNoLaterMapping) {
  configure({.filtering = NatFiltering::kAddressDependent});
  out({kHost, 5000, kRemote, 80});
  now_ += 299s;
  in({kRemote, 80, kExternal, 5000});  // keeps both
  now_ += 301s;
  out({kOther, 5000, kRemote + 1, 80});
  EXPECT_EQ(done_.probe.pcv[Nat::kPcvExpired], 1U);
  EXPECT_EQ(done_.probe.pcv[Nat::kPcvSessionsExpired], 1U);
  in({kRemote, 80, kExternal, 5000}, Nat::kFiltered);
}

TEST_F(NatTest, WhenSessionsAreFullThePacketIsLost) {
  configure({.sessions_max = 1, .filtering = NatFiltering::kAddressDependent});
  out({kHost, 5000, kRemote, 80});
  out({kHost, 5000, kRemote + 1, 80}, Nat::kTableFull);
}

// RFC 4787 REQ-9.
TEST_F(NatTest, TwoInsideMeetOverTheOutsideAddress) {
  out({kHost, 5000, kRemote, 80});
  const FrameEnds ends = out({kOther, 7000, kExternal, 5000}, Nat::kHairpin);
  EXPECT_EQ(done_.verdict, Verdict::forward(kInside));
  EXPECT_EQ(ends.src, kExternal);
  EXPECT_EQ(ends.src_port, 7000);
  EXPECT_EQ(ends.dst, kHost);
  EXPECT_EQ(ends.dst_port, 5000);
  out({kOther, 7000, kExternal, 5999}, Nat::kInboundUnknown);
  run(make_.echo({kOther, 1, kExternal, 0}, Icmpv4Type::kEchoRequest), kInside,
      Nat::kInboundUnknown);
}

// RFC 4787 REQ-5, RFC 5508 REQ-1: unused mappings go when their time is over, not before.
TEST_F(NatTest, EachProtocolHasItsTimeOut) {
  out({kHost, 5000, kRemote, 80});
  run(make_.echo({kHost, 1, kRemote, 0}, Icmpv4Type::kEchoRequest), kInside, Nat::kOutboundNew);
  now_ += 60s;
  in({kRemote, 80, kExternal, 9}, Nat::kInboundUnknown);
  EXPECT_EQ(nat_.mappings(), 2U);
  now_ += 1ns;
  in({kRemote, 80, kExternal, 9}, Nat::kInboundUnknown);
  EXPECT_EQ(nat_.mappings(), 1U);
  EXPECT_EQ(done_.probe.pcv[Nat::kPcvExpired], 1U);
  now_ += 240s;
  in({kRemote, 80, kExternal, 5000}, Nat::kInboundUnknown);
  EXPECT_EQ(nat_.mappings(), 0U);
}

// RFC 5382 REQ-5: minutes while a connection opens or closes, hours while it is open.
TEST_F(NatTest, TcpIsTransitoryUntilAnsweredAndAfterItsEnd) {
  const FrameEnds ends{kHost, 5000, kRemote, 80};
  const FrameEnds back{kRemote, 80, kExternal, 5000};
  run(make_.tcp(ends, kSyn), kInside, Nat::kOutboundNew);
  run(make_.tcp(back, kSyn | kAck), kOutside, Nat::kInboundKnown);
  now_ += 241s;
  run(make_.tcp(back), kOutside, Nat::kInboundUnknown);

  run(make_.tcp(ends, kSyn), kInside, Nat::kOutboundNew);
  run(make_.tcp(back, kSyn | kAck), kOutside, Nat::kInboundKnown);
  run(make_.tcp(back), kOutside, Nat::kInboundKnown);
  now_ += 124min;
  run(make_.tcp(ends), kInside, Nat::kOutboundKnown);
  run(make_.tcp(ends, kFin | kAck), kInside, Nat::kOutboundKnown);
  now_ += 241s;
  run(make_.tcp(back), kOutside, Nat::kInboundUnknown);
}

TEST_F(NatTest, AFullTableServesWhomItKnows) {
  configure({.mappings_max = 3});
  for (std::uint32_t i = 0; i < 3; ++i) out({kHost + i, 5000, kRemote, 80});
  out({kHost + 3, 5000, kRemote, 80}, Nat::kTableFull);
  out({kHost, 5000, kRemote, 80}, Nat::kOutboundKnown);
  now_ += 301s;
  out({kHost + 3, 5000, kRemote, 80});
  EXPECT_EQ(done_.probe.pcv[Nat::kPcvExpired], 3U);
}

TEST_F(NatTest, ExpiryCanBeSpreadOverPackets) {
  configure({.mappings_max = 10, .expired_per_packet_max = 2});
  for (std::uint32_t i = 0; i < 6; ++i) out({kHost + i, 5000, kRemote, 80});
  now_ += 301s;
  in({kRemote, 80, kExternal + 9, 1}, Nat::kInboundUnknown);
  EXPECT_EQ(done_.probe.pcv[Nat::kPcvExpired], 2U);
  EXPECT_EQ(nat_.mappings(), 4U);
}

// 512 system ports of each parity and 256 tries: the space fills up, and says so.
TEST_F(NatTest, SystemPortsRunOut) {
  configure({.mappings_max = 65536});
  std::uint32_t mapped = 0;
  for (std::uint32_t host = 0; host < 600; ++host) {
    BufPtr frame = make_.udp({kHost + host, 53, kRemote, 53});
    done_ = process(nat_, *frame, kInside, now_);
    if (done_.probe.outcome == Nat::kOutboundNew) ++mapped;
    EXPECT_LE(done_.probe.pcv[Nat::kPcvPortTries], NatTable::kPortTriesMax);
  }
  EXPECT_LE(mapped, 512U);
  EXPECT_GT(mapped, 256U);
  EXPECT_EQ(nat_.mappings(), mapped) << "what found no port leaves nothing behind";
}

// RFC 4787 REQ-2: the same external address for all of one host.
TEST_F(NatTest, AHostHasOneExternalAddress) {
  configure({.external = Ipv4Prefix(Ipv4Address(kExternal - 1), 28)});
  std::set<std::uint32_t> all;
  for (std::uint32_t host = 0; host < 100; ++host) {
    const std::uint32_t address = out({kHost + host, 5000, kRemote, 80}).src;
    EXPECT_EQ(out({kHost + host, 5001, kRemote, 80}).src, address);
    EXPECT_EQ(address & ~0xfU, kExternal - 1);
    all.insert(address);
    EXPECT_EQ(in({kRemote, 80, address, checked_ends(*frame_).src_port}).dst, kHost + host);
  }
  EXPECT_GT(all.size(), 10U);
}

// RFC 5508 §4.2: the error reaches the owner, and what it quotes is what the owner sent.
TEST_F(NatTest, ErrorsFromOutsideAreTranslated) {
  out({kHost, 5000, kOther, 80});
  out({kOther, 5000, kRemote, 80});
  const std::uint16_t port = checked_ends(*frame_).src_port;
  ASSERT_NE(port, 5000);
  for (const std::size_t quoted : {28, 40, 200}) {
    BufPtr sent = make_.udp({kExternal, port, kRemote, 80});
    const FrameEnds ends = run(make_.unreachable({kRemote + 9, 0, kExternal, 0}, *sent, quoted),
                               kOutside, Nat::kErrorTranslated);
    EXPECT_EQ(ends.dst, kOther);
    EXPECT_EQ(ends.src, kRemote + 9);
    EXPECT_EQ(done_.verdict, Verdict::forward(kInside));
    const auto original = make_.udp({kOther, 5000, kRemote, 80});
    const auto expected = original->bytes().subspan(14);
    const auto got = frame_->bytes().subspan(14 + 20 + 8);
    EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin())) << quoted;
  }
}

TEST_F(NatTest, ErrorsAboutTcpAndQueriesToo) {
  run(make_.tcp({kHost, 5000, kRemote, 80}, kSyn), kInside, Nat::kOutboundNew);
  for (const std::size_t quoted : {28, 60}) {
    BufPtr sent = make_.tcp({kExternal, 5000, kRemote, 80}, kSyn);
    run(make_.unreachable({kRemote, 0, kExternal, 0}, *sent, quoted), kOutside,
        Nat::kErrorTranslated);
    const auto original = make_.tcp({kHost, 5000, kRemote, 80}, kSyn);
    const auto expected = original->bytes().subspan(14);
    const auto got = frame_->bytes().subspan(14 + 20 + 8);
    EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin())) << quoted;
  }
  run(make_.echo({kHost, 77, kRemote, 0}, Icmpv4Type::kEchoRequest), kInside, Nat::kOutboundNew);
  BufPtr sent = make_.echo({kExternal, 77, kRemote, 0}, Icmpv4Type::kEchoRequest);
  EXPECT_EQ(
      run(make_.unreachable({kRemote, 0, kExternal, 0}, *sent, 50), kOutside, Nat::kErrorTranslated)
          .dst,
      kHost);
}

// RFC 5508 §4.3: a host inside complains about what came in.
TEST_F(NatTest, ErrorsFromInsideAreTranslated) {
  out({kHost, 5000, kRemote, 80});
  BufPtr received = make_.udp({kRemote, 80, kHost, 5000});
  const FrameEnds ends = run(make_.unreachable({kHost, 0, kRemote, 0}, *received, 200), kInside,
                             Nat::kErrorTranslated);
  EXPECT_EQ(ends.src, kExternal);
  EXPECT_EQ(ends.dst, kRemote);
  EXPECT_EQ(done_.verdict, Verdict::forward(kOutside));
  const auto original = make_.udp({kRemote, 80, kExternal, 5000});
  const auto expected = original->bytes().subspan(14);
  const auto got = frame_->bytes().subspan(14 + 20 + 8);
  EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin()));
  BufPtr unknown = make_.udp({kRemote, 80, kOther, 5000});
  run(make_.unreachable({kOther, 0, kRemote, 0}, *unknown, 200), kInside, Nat::kErrorUnknown);
}

TEST_F(NatTest, AnErrorKeepsNoMappingAlive) {
  out({kHost, 5000, kRemote, 80});
  now_ += 299s;
  BufPtr sent = make_.udp({kExternal, 5000, kRemote, 80});
  run(make_.unreachable({kRemote, 0, kExternal, 0}, *sent, 28), kOutside, Nat::kErrorTranslated);
  now_ += 2s;
  run(make_.unreachable({kRemote, 0, kExternal, 0}, *sent, 28), kOutside, Nat::kErrorUnknown);
}

TEST_F(NatTest, WhatItDoesNotTranslateItDrops) {
  run(make_.ipv4({}, IpProtocol::kEsp, std::vector<std::byte>(20)), kInside, Nat::kOtherProtocol);
  FrameExtras first;
  first.more_fragments = true;
  run(make_.udp({}, first), kInside, Nat::kFragment);
  BufPtr arp = make_.udp({});
  store_be16(arp->data() + 12, 0x0806);
  run(std::move(arp), kInside, Nat::kNotIpv4);
  run(make_.ipv4({}, IpProtocol::kTcp, std::vector<std::byte>(19)), kInside, Nat::kMalformed);
}

TEST_F(NatTest, NothingBreaksIt) {
  std::map<std::uint32_t, int> outcomes;
  const auto each = [&outcomes](const Processed& done, PacketBuf& frame) {
    ++outcomes[done.probe.outcome];
    EXPECT_LE(done.probe.outcome, std::uint32_t{Nat::kErrorTranslated});
    EXPECT_TRUE(done.verdict == Verdict::drop() || done.verdict.out < 2);
    EXPECT_LE(frame.len, 200U);
  };
  torture(nat_, make_, *make_.tcp({kHost, 5000, kRemote, 80}), each);
  torture(nat_, make_, *make_.udp({kRemote, 80, kExternal, 5000}), each);
  BufPtr sent = make_.udp({kExternal, 5000, kRemote, 80});
  torture(nat_, make_, *make_.unreachable({kRemote, 0, kExternal, 0}, *sent, 60), each);
  EXPECT_GE(outcomes.size(), 9U) << "most kinds have been met";
  EXPECT_GT(outcomes[Nat::kMalformed], 100);
}

TEST(NatConfig, NamesWhatIsWrong) {
  NatConfig config{.external = Ipv4Prefix(Ipv4Address(kExternal), 8),
                   .mappings_max = 0,
                   .udp_timeout = Duration(0)};
  const auto problems = config.validate();
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(problems[0].field, "mappings_max");
  EXPECT_EQ(problems[0].allowed, "1 to 16777216");
  EXPECT_EQ(problems[1].field, "udp_timeout");
  EXPECT_EQ(problems[2].field, "external");
}

}  // namespace
}  // namespace twinpath
