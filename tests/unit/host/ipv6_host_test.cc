// Proves what a host does with IPv6 frames: who is asked, who is answered and how, which headers
// are refused and by which message.
#include "tests/unit/host/ipv6_host.h"

namespace twinpath::test {
namespace {

TEST_F(Ipv6HostTest, AnswersAPingAfterAskingWhoItIs) {
  receive(packet({}, echo_request()));
  auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(target_mac(frames[0]), MacAddress::from_u64(0x3333ff000002)) << "RFC 2464 §7";
  EXPECT_EQ(IpAddress(ip_in(frames[0]).dst()), *IpAddress::parse("ff02::1:ff00:2"));
  EXPECT_EQ(nd_in(frames[0]).target, kPeer);
  EXPECT_EQ(nd_in(frames[0]).link_address, kOurMac);
  EXPECT_EQ(state(), NeighbourState::kIncomplete);
  peer_answers();
  EXPECT_EQ(state(), NeighbourState::kReachable);
  frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(target_mac(frames[0]), kPeerMac);
  EXPECT_EQ(icmp_in(frames[0]).type(), Icmpv6Type::kEchoReply);
  EXPECT_EQ(icmp_in(frames[0]).echo(), (EchoIds{7, 9}));
  EXPECT_EQ(icmp_in(frames[0]).data().size(), 32U);
}

TEST_F(Ipv6HostTest, APingToAllNodesIsAnsweredFromItsLinkLocalAddress) {
  const IpAddress own = link_local_of(kOurMac);
  EXPECT_EQ(own, kOurLinkLocal) << "ff:fe within the MAC, its universal bit turned over";
  receive(packet({.from = kPeerLinkLocal, .to = kAllNodes, .dst = multicast_mac(kAllNodes)},
                 echo_request(kPeerLinkLocal, kAllNodes)));
  NdMessage answer = advertisement();
  answer.target = kPeerLinkLocal;
  EXPECT_EQ(sent().size(), 1U);
  receive(nd(answer, {.from = kPeerLinkLocal, .to = own}));
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(IpAddress(ip_in(frames[0]).src()), own);
}

TEST_F(Ipv6HostTest, AnswersWhoAsksForItAndProbesItLater) {
  peer_asks();
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  const NdMessage answer = nd_in(frames[0]);
  EXPECT_EQ(target_mac(frames[0]), kPeerMac);
  EXPECT_EQ(answer.kind, NdMessage::Kind::kAdvertisement);
  EXPECT_TRUE(answer.solicited && answer.overrides);
  EXPECT_EQ(answer.link_address, kOurMac);
  EXPECT_EQ(state(), NeighbourState::kDelay) << "learnt, and used for the answer (RFC 4861 §7.3.3)";
  pass(seconds(5));
  EXPECT_EQ(state(), NeighbourState::kProbe);
  const auto probes = sent();
  ASSERT_EQ(probes.size(), 1U);
  EXPECT_EQ(target_mac(probes[0]), kPeerMac) << "by unicast";
  EXPECT_EQ(IpAddress(ip_in(probes[0]).dst()), kPeer);
  peer_answers();
  EXPECT_EQ(state(), NeighbourState::kReachable);
  EXPECT_EQ(host_.next_deadline(), kNever) << "a cached answer has no timer";
}

TEST_F(Ipv6HostTest, AnAgedNeighbourIsUsedThenAskedThenForgotten) {
  peer_asks();
  sent();
  peer_answers();
  pass(seconds(60));
  EXPECT_EQ(state(), NeighbourState::kReachable) << "until somebody uses it";
  EXPECT_EQ(send_to(kPeer), 5);
  EXPECT_EQ(sent().size(), 1U) << "used at once";
  EXPECT_EQ(state(), NeighbourState::kDelay);
  pass(seconds(7));
  EXPECT_EQ(send_to(kPeer), 5);
  EXPECT_EQ(sent().size(), 4U) << "three probes, and still used meanwhile";
  EXPECT_EQ(state(), NeighbourState::kProbe);
  pass(seconds(2));
  EXPECT_EQ(state(), std::nullopt);
}

TEST_F(Ipv6HostTest, AdvertisementsFollowTheTableOfRfc4861) {
  peer_answers();
  EXPECT_EQ(state(), std::nullopt) << "nobody asked";
  peer_asks();
  sent();
  peer_answers();
  const MacAddress other = MacAddress::from_u64(0x020000000077);
  NdMessage answer = advertisement(other);
  answer.overrides = false;
  receive(nd(answer, {}));
  EXPECT_EQ(state(), NeighbourState::kStale) << "another address without the override flag";
  send_to(kPeer);
  EXPECT_EQ(target_mac(sent().at(0)), kPeerMac);
  answer.overrides = true;
  answer.solicited = false;
  receive(nd(answer, {}));
  EXPECT_EQ(state(), NeighbourState::kStale);
  send_to(kPeer);
  EXPECT_EQ(target_mac(sent().at(0)), other);
  answer.solicited = true;
  answer.link_address.reset();
  receive(nd(answer, {}));
  EXPECT_EQ(state(), NeighbourState::kReachable) << "confirmed without an address";
}

TEST_F(Ipv6HostTest, BelievesNoDiscoveryFromBeyondTheLink) {
  NdMessage question;
  question.target = kOurs;
  question.link_address = kPeerMac;
  const auto from = [&](Addressed addressed) { receive(nd(question, addressed)); };
  from({.hop_limit = 63});
  EXPECT_EQ(drops(DropReason::kBadHopLimit), 1U);
  from({.from = IpAddress()});
  EXPECT_EQ(drops(DropReason::kBadAddress), 1U) << "a probe says no link address";
  NdMessage answer = advertisement();
  receive(nd(answer, {.to = kAllNodes, .dst = multicast_mac(kAllNodes)}));
  EXPECT_EQ(drops(DropReason::kBadAddress), 2U) << "solicited, and to everybody";
  question.target = kAllNodes;
  Bytes bytes(question.len());
  question.emit(bytes, kPeer, kOurs);
  receive(packet({.hop_limit = 255}, bytes));
  EXPECT_EQ(drops(DropReason::kBadAddress), 3U);
  EXPECT_TRUE(sent().empty());
  EXPECT_EQ(host_.ip().neighbours(), 0U);
}

TEST_F(Ipv6HostTest, AProbeForItsAddressIsAnsweredToAll) {
  NdMessage probe;
  probe.target = kOurs;
  const IpAddress group = solicited_node(kOurs);
  receive(nd(probe, {.from = IpAddress(), .to = group, .dst = multicast_mac(group)}));
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(IpAddress(ip_in(frames[0]).dst()), kAllNodes);
  EXPECT_FALSE(nd_in(frames[0]).solicited);
}

TEST_F(Ipv6HostTest, RouterAdvertisementsAndRedirectsAreIgnored) {
  for (const Icmpv6Type type : {Icmpv6Type::kRouterAdvertisement, Icmpv6Type::kRedirect}) {
    const Icmpv6Repr message{.type = type, .code = 0, .word = 0, .data = {}};
    Bytes bytes(message.len());
    message.emit(bytes, kPeerLinkLocal, kAllNodes);
    receive(packet({.from = kPeerLinkLocal,
                    .to = kAllNodes,
                    .dst = multicast_mac(kAllNodes),
                    .hop_limit = 255},
                   bytes));
  }
  EXPECT_EQ(drops(DropReason::kNotInUse), 2U);
}

TEST_F(Ipv6HostTest, AFarTargetGoesToTheRouterFromTheGlobalAddress) {
  EXPECT_EQ(send_to(kFar), 5);
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(nd_in(frames[0]).target, kPeerLinkLocal);
  EXPECT_EQ(host_.ip().routes().find(kFar)->source, kOurs);
  EXPECT_EQ(host_.ip().routes().find(kPeerLinkLocal)->source, kOurLinkLocal);
}

TEST_F(Ipv6HostTest, AnUnansweredNeighbourMakesTheNextCallFail) {
  EXPECT_EQ(send_to(kPeer), 5);
  pass(seconds(4));
  EXPECT_EQ(host_.counters().nd_solicitations_out, 3U);
  EXPECT_EQ(send_to(kPeer), failure(Errno::kHostUnreachable));
}

TEST_F(Ipv6HostTest, SaysThatNobodyListensButNotTooOften) {
  peer_asks();
  sent();
  receive(packet({.protocol = IpProtocol::kUdp}, datagram(9)));
  expect_error(Icmpv6Type::kUnreachable, static_cast<std::uint8_t>(Unreachable6Code::kPort), 0);
  for (int i = 0; i < 200; ++i) receive(packet({.protocol = IpProtocol::kUdp}, datagram(9)));
  EXPECT_EQ(host_.counters().icmp_errors_out, 50U) << "the burst";
}

TEST_F(Ipv6HostTest, NoErrorAboutErrorsGroupsOrNobody) {
  peer_asks();
  sent();
  const Bytes rest(20);
  const Icmpv6Repr error = Icmpv6Repr::error(Icmpv6Type::kUnreachable, 4, rest);
  Bytes message(error.len());
  error.emit(message, kPeer, kOurs);
  const std::array<std::byte, 6> strange{std::byte{0x80}};  // an option that demands an answer
  const Ipv6Extension options{IpProtocol::kDestinationOptions, strange};
  receive(packet({.extensions = {&options, 1}}, message));
  receive(packet({.to = kAllNodes, .dst = multicast_mac(kAllNodes), .protocol = IpProtocol(200)},
                 rest));
  receive(packet({.dst = MacAddress::broadcast(), .protocol = IpProtocol(200)}, rest));
  receive(packet({.from = IpAddress(), .protocol = IpProtocol(200)}, rest));
  EXPECT_TRUE(sent().empty());
}

TEST_F(Ipv6HostTest, AHeaderNobodyKnowsIsNamed) {
  peer_asks();
  sent();
  receive(packet({.protocol = IpProtocol(200)}, Bytes(20)));
  expect_parameter_problem(ParameterCode::kNextHeader, 6);
  const std::array<std::byte, 6> padding{std::byte{1}, std::byte{4}};
  const Ipv6Extension options{IpProtocol::kDestinationOptions, padding};
  receive(packet({.protocol = IpProtocol(200), .extensions = {&options, 1}}, Bytes(20)));
  expect_parameter_problem(ParameterCode::kNextHeader, 40);
  receive(packet({.protocol = IpProtocol::kNoNextHeader}, Bytes(20)));
  EXPECT_TRUE(sent().empty()) << "RFC 8200 §4.7";
}

TEST_F(Ipv6HostTest, OptionsSayWhatToDoWithThemselves) {
  peer_asks();
  sent();
  const auto with_option = [&](std::uint8_t type, IpProtocol kind, const Addressed& to) {
    const std::array<std::byte, 6> body{std::byte{type}, std::byte{4}};
    const Ipv6Extension options{kind, body};
    Addressed addressed = to;
    addressed.extensions = {&options, 1};
    receive(packet(addressed, echo_request(addressed.from, addressed.to)));
  };
  with_option(0x1e, IpProtocol::kHopByHop, {});
  EXPECT_EQ(icmp_in(sent().at(0)).type(), Icmpv6Type::kEchoReply) << "00: skipped";
  with_option(0x5e, IpProtocol::kHopByHop, {});
  EXPECT_TRUE(sent().empty()) << "01: dropped";
  with_option(0x9e, IpProtocol::kDestinationOptions, {});
  expect_parameter_problem(ParameterCode::kOption, 42);
  const Addressed all{.to = kAllNodes, .dst = multicast_mac(kAllNodes)};
  with_option(0x9e, IpProtocol::kDestinationOptions, all);
  expect_parameter_problem(ParameterCode::kOption, 42);
  with_option(0xde, IpProtocol::kDestinationOptions, all);
  EXPECT_TRUE(sent().empty()) << "11: not about groups";
  with_option(0xde, IpProtocol::kDestinationOptions, {});
  expect_parameter_problem(ParameterCode::kOption, 42);
}

TEST_F(Ipv6HostTest, SourceRoutesAreRefused) {
  peer_asks();
  sent();
  std::array<std::byte, 22> body{};
  const Ipv6Extension routing{IpProtocol::kRouting, body};
  body[1] = std::byte{1};  // type 0, one segment left
  receive(packet({.extensions = {&routing, 1}}, echo_request()));
  expect_parameter_problem(ParameterCode::kHeader, 42);
  body[1] = std::byte{0};
  receive(packet({.extensions = {&routing, 1}}, echo_request()));
  EXPECT_EQ(icmp_in(sent().at(0)).type(), Icmpv6Type::kEchoReply) << "nothing left to do: passed";
}

TEST_F(Ipv6HostTest, HopByHopOptionsStandFirst) {
  peer_asks();
  sent();
  const std::array<std::byte, 6> padding{std::byte{1}, std::byte{4}};
  const std::array<Ipv6Extension, 2> headers = {
      Ipv6Extension{IpProtocol::kDestinationOptions, padding},
      Ipv6Extension{IpProtocol::kHopByHop, padding}};
  receive(packet({.extensions = headers}, echo_request()));
  expect_parameter_problem(ParameterCode::kNextHeader, 40);
}

TEST_F(Ipv6HostTest, ADatagramWithoutChecksumIsDropped) {
  Bytes bytes = datagram(53);
  ASSERT_EQ(host_.udp().bind(udp_, {IpAddress(), 53}), Errno::kNone);
  receive(packet({.protocol = IpProtocol::kUdp}, bytes));
  EXPECT_EQ(host_.udp().status(udp_).readable_datagrams, 1U);
  store_be16(&bytes[kUdpChecksumOffset], 0);
  receive(packet({.protocol = IpProtocol::kUdp}, bytes));
  EXPECT_EQ(host_.udp().status(udp_).readable_datagrams, 1U);
  EXPECT_EQ(drops(DropReason::kBadChecksum), 1U);
}

TEST_F(Ipv6HostTest, WhatIsForOthersOrFromNowhereIsDropped) {
  receive(packet({.to = kPeer}, echo_request(kPeer, kPeer)));
  EXPECT_EQ(drops(DropReason::kNotForUs), 1U);
  const IpAddress stranger = *IpAddress::parse("ff02::1:ff00:99");
  receive(packet({.to = stranger, .dst = multicast_mac(stranger)}, echo_request(kPeer, stranger)));
  EXPECT_EQ(drops(DropReason::kNotForUs), 2U);
  const IpAddress loopback = *IpAddress::parse("::1");
  receive(packet({.from = loopback}, echo_request(loopback)));
  receive(packet({.from = kAllNodes}, echo_request(kAllNodes)));
  const IpAddress mapped = *IpAddress::parse("198.18.0.9");
  receive(packet({.from = mapped}, echo_request(mapped)));
  EXPECT_EQ(drops(DropReason::kBadAddress), 3U) << "mapped addresses too: RFC 4942 §2.2";
}

TEST_F(Ipv6HostTest, APathMtuIsBelievedOnlyByWhoSentAndNotBelow1280) {
  peer_asks();
  sent();
  peer_answers();
  ASSERT_EQ(host_.udp().connect(now_, udp_, {kPeer, 53}), Errno::kNone);
  ASSERT_EQ(host_.udp().send(now_, udp_, nullptr, Bytes(1400)), 1400);
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  Bytes quoted(frames[0]->bytes().begin() + kEthernetHeaderLen, frames[0]->bytes().end());
  const auto too_big = [&](std::uint32_t mtu) {
    Icmpv6Repr message = Icmpv6Repr::error(Icmpv6Type::kPacketTooBig, 0, quoted);
    message.word = mtu;
    Bytes bytes(message.len());
    message.emit(bytes, kPeer, kOurs);
    receive(packet({}, bytes));
  };
  too_big(1279);
  EXPECT_EQ(host_.ip().mtu_bytes(now_, kPeer), 1500U);
  quoted[40] ^= std::byte{1};  // another port
  too_big(1280);
  EXPECT_EQ(host_.ip().mtu_bytes(now_, kPeer), 1500U);
  quoted[40] ^= std::byte{1};
  too_big(1280);
  EXPECT_EQ(host_.ip().mtu_bytes(now_, kPeer), 1280U);
  EXPECT_EQ(host_.udp().take_error(udp_), Errno::kMessageSize);
  EXPECT_EQ(host_.udp().send(now_, udp_, nullptr, Bytes(1400)), 1400);
  EXPECT_EQ(sent().size(), 2U) << "in fragments now";
  pass(std::chrono::minutes(10));
  EXPECT_EQ(host_.ip().mtu_bytes(now_, kPeer), 1500U) << "RFC 8201 §4: tried again";
}

}  // namespace
}  // namespace twinpath::test
