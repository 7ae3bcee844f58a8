// Proves what a host does with frames before any transport sees them: who is answered, who is
// learnt, what is dropped and under which name.
#include "models/host/ip_host.h"

#include <gtest/gtest.h>

#include <vector>

#include "models/wire/arp.h"
#include "models/wire/ethernet.h"
#include "models/wire/icmpv4.h"
#include "models/wire/tcp.h"
#include "models/wire/udp.h"
#include "tests/unit/host/driven_host.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const MacAddress kOurMac = MacAddress::from_u64(0x020000000001);
const MacAddress kPeerMac = MacAddress::from_u64(0x020000000002);
const Ipv4Address kOurs(0xc6120001);
const Ipv4Address kPeer(0xc6120002);

HostConfig config() {
  HostConfig made;
  made.interfaces = {{.mac = kOurMac, .addresses = {Ipv4Prefix(kOurs, 24)}}};
  made.arp_queue_frames = 3;
  made.arp_entries_max = 4;
  return made;
}

class DropLog final : public EventListener {
 public:
  void on_event(const EventHeader& header) override {
    reasons.push_back(as<FrameDropped>(header).reason);
  }
  std::vector<DropReason> reasons;
};

class IpHostTest : public test::DrivenHostTest {
 protected:
  explicit IpHostTest(const HostConfig& made = config()) : DrivenHostTest(made) {
    host_.bus().subscribe(host_.bus().type_of<FrameDropped>(), drops_);
  }

  struct Addressed {
    MacAddress dst = kOurMac;
    Ipv4Address from = kPeer;
    Ipv4Address to = kOurs;
    IpProtocol protocol = IpProtocol::kIcmp;
  };
  // An Ethernet frame around `payload`.
  BufPtr packet(const Addressed& addressed, std::span<const std::byte> payload) {
    BufPtr buf(pool_.take());
    const auto bytes = buf->push_back(static_cast<std::uint32_t>(payload.size()));
    std::copy(payload.begin(), payload.end(), bytes.begin());
    const Ipv4Repr ip{.src = addressed.from,
                      .dst = addressed.to,
                      .protocol = addressed.protocol,
                      .payload_len = payload.size()};
    ip.emit(buf->push_front(kIpv4HeaderLen));
    EthernetRepr{.dst = addressed.dst, .src = kPeerMac}.emit(buf->push_front(kEthernetHeaderLen));
    return buf;
  }
  BufPtr arp(const ArpPacket& content, MacAddress dst = MacAddress::broadcast()) {
    BufPtr buf(pool_.take());
    EthernetRepr{.dst = dst, .src = content.sender_mac, .ethertype = EtherType::kArp}.emit(
        buf->push_back(kEthernetHeaderLen));
    content.emit(buf->push_back(kArpLen));
    return buf;
  }
  BufPtr arp_from_peer(ArpOperation operation, Ipv4Address target) {
    return arp({operation, kPeerMac, kPeer, MacAddress(), target});
  }
  static EthernetView ethernet(const BufPtr& frame) { return *EthernetView::parse(frame->bytes()); }
  static ArpPacket arp_in(const BufPtr& frame) {
    return *ArpPacket::parse(ethernet(frame).payload());
  }
  std::vector<std::byte> echo_request(std::size_t data_bytes) {
    const std::vector<std::byte> data(data_bytes, std::byte{0x5a});
    const Icmpv4Repr request{.type = Icmpv4Type::kEchoRequest, .echo = {7, 9}, .data = data};
    std::vector<std::byte> message(request.len());
    request.emit(message);
    return message;
  }
  std::vector<std::byte> datagram(std::uint16_t port, std::size_t data_bytes = 4) {
    std::vector<std::byte> bytes(kUdpHeaderLen + data_bytes);
    const PseudoHeader pseudo{IpProtocol::kUdp, static_cast<std::uint32_t>(bytes.size())};
    UdpRepr{4000, port, data_bytes}.emit(bytes, pseudo_sum(kPeer, kOurs, pseudo));
    return bytes;
  }
  void send_datagram() {
    const UdpEndpoint target{kPeer, 53};
    EXPECT_EQ(host_.udp().send(now_, udp_, &target, std::vector<std::byte>(5)), 5);
  }

  DropLog drops_;
  UdpId udp_ = host_.udp().open().id;
};

TEST_F(IpHostTest, AnswersAPingAfterAskingWhoItIs) {
  receive(packet({}, echo_request(100)));
  auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_TRUE(ethernet(frames[0]).dst().is_broadcast());
  EXPECT_EQ(arp_in(frames[0]).target_ip, kPeer);
  EXPECT_EQ(arp_in(frames[0]).sender_ip, kOurs);

  receive(arp_from_peer(ArpOperation::kReply, kOurs));
  frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(ethernet(frames[0]).dst(), kPeerMac);
  const auto ip = Ipv4View::parse(ethernet(frames[0]).payload());
  ASSERT_TRUE(ip.has_value());
  EXPECT_TRUE(ip->dont_fragment());
  const auto answer = Icmpv4View::parse(ip->payload());
  ASSERT_TRUE(answer.has_value()) << "its checksum is right";
  EXPECT_EQ(answer->type(), Icmpv4Type::kEchoReply);
  EXPECT_EQ(answer->echo(), (EchoIds{7, 9}));
  EXPECT_EQ(answer->data().size(), 100U);
  EXPECT_EQ(host_.counters().echo_replies, 1U);
}

TEST_F(IpHostTest, OpensNoConnectionToABroadcastAddress) {
  const Ipv4Address everyone(0xc61200ff);
  TcpRepr syn;
  syn.flags = kSyn;
  std::vector<std::byte> segment(syn.header_len());
  const auto len = static_cast<std::uint32_t>(segment.size());
  syn.emit(segment, pseudo_sum(kPeer, everyone, {IpProtocol::kTcp, len}));
  receive(packet({.to = everyone, .protocol = IpProtocol::kTcp}, segment));
  EXPECT_EQ(drops_.reasons, std::vector{DropReason::kBadAddress});
  EXPECT_TRUE(sent().empty()) << "neither a SYN,ACK nor a reset";
}

TEST_F(IpHostTest, AnswersWhoAsksForItAndLearnsFromTheQuestion) {
  receive(arp_from_peer(ArpOperation::kRequest, kOurs));
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(ethernet(frames[0]).dst(), kPeerMac);
  EXPECT_EQ(arp_in(frames[0]).sender_mac, kOurMac);
  EXPECT_EQ(host_.ip().neighbours(), 1U);
  send_datagram();
  EXPECT_EQ(ethernet(sent().at(0)).dst(), kPeerMac) << "no question needed";
}

TEST_F(IpHostTest, LearnsNothingFromStrangers) {
  receive(arp_from_peer(ArpOperation::kRequest, Ipv4Address(0xc6120009)));
  receive(arp_from_peer(ArpOperation::kReply, kOurs));
  EXPECT_TRUE(sent().empty());
  EXPECT_EQ(host_.ip().neighbours(), 0U);
}

TEST_F(IpHostTest, AnswersAProbeWithoutBelievingIt) {
  receive(arp({ArpOperation::kRequest, kPeerMac, Ipv4Address(), MacAddress(), kOurs}));
  EXPECT_EQ(sent().size(), 1U);
  EXPECT_EQ(host_.ip().neighbours(), 0U);
}

TEST_F(IpHostTest, CountsWhoeverClaimsItsAddress) {
  receive(arp({ArpOperation::kRequest, kPeerMac, kOurs, MacAddress(), kOurs}));
  EXPECT_TRUE(sent().empty());
  EXPECT_EQ(host_.counters().address_conflicts, 1U);
}

TEST_F(IpHostTest, HoldsTheNewestFramesWhileItAsksAndGivesUpAfterThreeQuestions) {
  for (int i = 0; i < 5; ++i) send_datagram();
  EXPECT_EQ(sent().size(), 1U) << "one question for all of them";
  EXPECT_EQ(drops_.reasons, std::vector(2, DropReason::kNoNeighbour)) << "three are held";
  pass(milliseconds(2500));
  EXPECT_EQ(sent().size(), 2U) << "asked again after one and two seconds";
  pass(milliseconds(1000));
  EXPECT_TRUE(sent().empty());
  EXPECT_EQ(drops_.reasons.size(), 5U) << "nobody answered: the held ones are gone";
  EXPECT_EQ(host_.next_deadline(), kNever);

  const UdpEndpoint target{kPeer, 53};
  EXPECT_EQ(host_.udp().send(now_, udp_, &target, std::vector<std::byte>(5)),
            failure(Errno::kHostUnreachable));
  pass(seconds(3));
  send_datagram();
  EXPECT_EQ(sent().size(), 1U) << "after the hold-down it asks again";
  receive(arp_from_peer(ArpOperation::kReply, kOurs));
  EXPECT_EQ(sent().size(), 1U);
}

TEST_F(IpHostTest, PollsAnAgedNeighbourWithoutPausing) {
  receive(arp_from_peer(ArpOperation::kRequest, kOurs));
  sent();
  EXPECT_EQ(host_.next_deadline(), kNever) << "a cached answer has no timer";
  pass(seconds(61));
  send_datagram();
  auto frames = sent();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(ethernet(frames[0]).dst(), kPeerMac) << "asked by unicast";
  EXPECT_EQ(ethernet(frames[1]).dst(), kPeerMac) << "and used at once";
  pass(seconds(4));
  EXPECT_EQ(sent().size(), 2U);
  EXPECT_EQ(host_.ip().neighbours(), 0U) << "silent: forgotten";
  send_datagram();
  frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_TRUE(ethernet(frames[0]).dst().is_broadcast());
}

TEST_F(IpHostTest, FollowsANeighbourThatMoves) {
  receive(arp_from_peer(ArpOperation::kRequest, kOurs));
  sent();
  send_datagram();
  EXPECT_EQ(ethernet(sent().at(0)).dst(), kPeerMac);
  const MacAddress moved = MacAddress::from_u64(0x020000000077);
  receive(arp({ArpOperation::kRequest, moved, kPeer, MacAddress(), kPeer}));
  send_datagram();
  EXPECT_EQ(ethernet(sent().at(0)).dst(), moved);
}

TEST_F(IpHostTest, RemembersNoMoreNeighboursThanAllowed) {
  for (std::uint32_t i = 0; i < 20; ++i) {
    const MacAddress mac = MacAddress::from_u64(0x020000000100 + i);
    receive(arp({ArpOperation::kRequest, mac, Ipv4Address(0xc6120010 + i), MacAddress(), kOurs}));
  }
  EXPECT_EQ(host_.ip().neighbours(), 4U);
}

TEST_F(IpHostTest, NamesEveryReasonToDrop) {
  const auto truncated = [&] {
    BufPtr frame = packet({}, echo_request(10));
    frame->trim_to(20);
    return frame;
  };
  const auto corrupted = [&](std::size_t at) {
    BufPtr frame = packet({}, echo_request(10));
    frame->bytes()[at] ^= std::byte{1};
    return frame;
  };
  const auto uneven_fragment = [&] {
    BufPtr frame(pool_.take());
    const Ipv4Repr ip{.src = kPeer,
                      .dst = kOurs,
                      .protocol = IpProtocol::kUdp,
                      .payload_len = 7,
                      .dont_fragment = false,
                      .more_fragments = true};
    EthernetRepr{.dst = kOurMac, .src = kPeerMac}.emit(frame->push_back(kEthernetHeaderLen));
    ip.emit(frame->push_back(kIpv4HeaderLen));
    frame->push_back(7);
    return frame;
  };
  const auto other_type = [&] {
    BufPtr frame(pool_.take());
    EthernetRepr{.dst = kOurMac, .src = kPeerMac, .ethertype = EtherType(0x88b5)}.emit(
        frame->push_back(kEthernetHeaderLen));
    return frame;
  };
  receive(truncated());
  receive(corrupted(20));
  receive(corrupted(40));
  receive(uneven_fragment());
  receive(other_type());
  receive(packet({.dst = MacAddress::from_u64(0x020000000099)}, echo_request(1)));
  receive(packet({.to = Ipv4Address(0xc6120009)}, echo_request(1)));
  receive(packet({.from = Ipv4Address(0x7f000001)}, echo_request(1)));
  receive(packet({.from = Ipv4Address(0xc61200ff)}, echo_request(1)));
  receive(packet({.to = Ipv4Address(0xc61200ff)}, echo_request(1)));
  using R = DropReason;
  const std::vector<R> expected = {
      R::kTruncated, R::kBadChecksum, R::kBadChecksum, R::kBadFragment, R::kUnknownEthertype,
      R::kNotForUs,  R::kNotForUs,    R::kBadAddress,  R::kBadAddress,  R::kNotForUs};
  EXPECT_EQ(drops_.reasons, expected);
  EXPECT_TRUE(sent().empty()) << "none of them is answered";
  EXPECT_EQ(host_.counters().rx_frames, 10U);
  EXPECT_EQ(host_.counters().drops(R::kNotForUs), 3U);
}

TEST_F(IpHostTest, SaysThatNobodyListensButNotTooOften) {
  receive(arp_from_peer(ArpOperation::kRequest, kOurs));
  sent();
  receive(packet({.protocol = IpProtocol::kUdp}, datagram(9)));
  auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  const auto ip = Ipv4View::parse(ethernet(frames[0]).payload());
  const auto error = Icmpv4View::parse(ip->payload());
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->type(), Icmpv4Type::kUnreachable);
  EXPECT_EQ(error->code(), static_cast<std::uint8_t>(UnreachableCode::kPort));
  EXPECT_EQ(error->quoted().dst_port(), 9);
  for (int i = 0; i < 200; ++i) receive(packet({.protocol = IpProtocol::kUdp}, datagram(9)));
  EXPECT_EQ(host_.counters().icmp_errors_out, 50U) << "the burst";
  EXPECT_EQ(host_.counters().drops(DropReason::kRateLimited), 151U);
  now_ += milliseconds(10);
  for (int i = 0; i < 200; ++i) receive(packet({.protocol = IpProtocol::kUdp}, datagram(9)));
  EXPECT_EQ(host_.counters().icmp_errors_out, 60U) << "1,000 a second";
}

TEST_F(IpHostTest, NeverAnswersWhatWentToAGroup) {
  receive(arp_from_peer(ArpOperation::kRequest, kOurs));
  sent();
  ASSERT_EQ(host_.tcp().listen({IpAddress(), 80}, 4).error, Errno::kNone);
  const MacAddress everybody = MacAddress::broadcast();
  const Ipv4Address net(0xc61200ff);
  std::vector<std::byte> syn(kTcpHeaderLen);
  TcpRepr segment;
  segment.src_port = 5000;
  segment.dst_port = 80;
  segment.flags = kSyn;
  const PseudoHeader pseudo{IpProtocol::kTcp, kTcpHeaderLen};
  segment.emit(syn, pseudo_sum(kPeer, kOurs, pseudo));
  receive(packet({.dst = everybody, .protocol = IpProtocol::kTcp}, syn));
  receive(packet({.dst = everybody, .to = net, .protocol = IpProtocol::kTcp}, syn));
  receive(packet({.dst = everybody, .protocol = IpProtocol::kUdp}, datagram(9)));
  receive(packet({.dst = everybody, .protocol = IpProtocol(200)}, syn));
  EXPECT_TRUE(sent().empty());
  EXPECT_EQ(host_.counters().drops(DropReason::kBadAddress), 2U);
  receive(packet({.protocol = IpProtocol::kTcp}, syn));
  EXPECT_EQ(sent().size(), 1U) << "the same SYN to us alone is answered";
}

TEST_F(IpHostTest, AnUnknownProtocolIsAnsweredByName) {
  receive(arp_from_peer(ArpOperation::kRequest, kOurs));
  sent();
  receive(packet({.protocol = IpProtocol(200)}, std::vector<std::byte>(20)));
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  const auto ip = Ipv4View::parse(ethernet(frames[0]).payload());
  EXPECT_EQ(Icmpv4View::parse(ip->payload())->code(),
            static_cast<std::uint8_t>(UnreachableCode::kProtocol));
}

TEST_F(IpHostTest, AnExhaustedPoolIsACountedDrop) {
  HeapPool tiny({.bufs_max = 2});
  std::vector<BufPtr> hoarded;
  IpHost host(config(), TcpConfig(), tiny);
  for (int i = 0; i < 2; ++i) hoarded.emplace_back(tiny.take());
  BufPtr question = arp_from_peer(ArpOperation::kRequest, kOurs);
  host.on_rx(now_, 0, std::span(&question, 1));
  EXPECT_EQ(host.counters().drops(DropReason::kNoBuffer), 1U);
}

class ArpOffTest : public IpHostTest {
 protected:
  static HostConfig made() {
    HostConfig with = config();
    with.interfaces[0].arp = false;
    with.interfaces[0].peer = kPeerMac;
    return with;
  }
  ArpOffTest() : IpHostTest(made()) {}
};

TEST_F(ArpOffTest, SendsToItsPeerUnaskedAndAcceptsAnyAddress) {
  send_datagram();
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(ethernet(frames[0]).dst(), kPeerMac);
  receive(packet({.dst = MacAddress::from_u64(0x0200000000aa)}, echo_request(1)));
  EXPECT_EQ(sent().size(), 1U);
  receive(arp_from_peer(ArpOperation::kRequest, kOurs));
  EXPECT_TRUE(sent().empty());
}

TEST(RoutesTest, LongestPrefixWins) {
  HostConfig made = config();
  made.interfaces.push_back({.mac = MacAddress::from_u64(0x020000000003),
                             .addresses = {Ipv4Prefix(Ipv4Address(0x0a000001), 8)}});
  made.routes = {{Ipv4Prefix(Ipv4Address(0), 0), kPeer, 0},
                 {Ipv4Prefix(Ipv4Address(0x0a010000), 16), kPeer, 0}};
  ASSERT_TRUE(validate(made).empty());
  const RouteTable routes(made);
  EXPECT_EQ(routes.find(Ipv4Address(0x0a020304))->interface, 1);
  EXPECT_EQ(routes.find(Ipv4Address(0x0a020304))->source, Ipv4Address(0x0a000001));
  EXPECT_EQ(routes.find(Ipv4Address(0x0a010304))->next, kPeer);
  EXPECT_EQ(routes.find(Ipv4Address(0x08080808))->next, kPeer);
  EXPECT_EQ(routes.find(Ipv4Address(0x08080808))->source, kOurs);
  EXPECT_TRUE(routes.is_broadcast(Ipv4Address(0xc61200ff)));
  EXPECT_FALSE(routes.is_local(kPeer));
}

TEST(HostConfigTest, NamesEveryProblemAtOnce) {
  HostConfig made;
  made.arp_attempts = 0;
  made.interfaces = {{.mac = MacAddress::broadcast(), .addresses = {}, .mtu_bytes = 10}};
  made.routes = {{Ipv4Prefix(), Ipv4Address(), 5}};
  std::vector<std::string> fields;
  for (const Problem& problem : validate(made)) fields.push_back(problem.field);
  const std::vector<std::string> expected = {"arp_attempts", "interfaces[0].mac",
                                             "interfaces[0].mtu_bytes", "routes[0].interface"};
  EXPECT_EQ(fields, expected);
}

}  // namespace
}  // namespace twinpath
