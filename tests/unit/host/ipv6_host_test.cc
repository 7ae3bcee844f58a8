// Proves what a host does with IPv6 frames: who is asked, who is answered and how, which headers
// are refused and by which message.
#include <gtest/gtest.h>

#include <vector>

#include "models/base/heap_pool.h"
#include "models/host/ip_host.h"
#include "models/wire/ethernet.h"
#include "models/wire/ip_scope.h"
#include "models/wire/udp.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Bytes = std::vector<std::byte>;

const MacAddress kOurMac = MacAddress::from_u64(0x020000000001);
const MacAddress kPeerMac = MacAddress::from_u64(0x020000000002);
const IpAddress kOurs = *IpAddress::parse("2001:db8::1");
const IpAddress kPeer = *IpAddress::parse("2001:db8::2");
const IpAddress kFar = *IpAddress::parse("2001:db8:1::9");
const IpAddress kOurLinkLocal = *IpAddress::parse("fe80::ff:fe00:1");
const IpAddress kPeerLinkLocal = *IpAddress::parse("fe80::2");

HostConfig config() {
  HostConfig made;
  made.interfaces = {
      {.mac = kOurMac,
       .addresses = {*IpPrefix::parse("2001:db8::1/64"), *IpPrefix::parse("198.18.0.1/24")}}};
  made.routes = {{*IpPrefix::parse("::/0"), kPeerLinkLocal, 0}};
  made.arp_queue_frames = 3;
  made.nd_reachable = seconds(20);
  return made;
}

class Ipv6HostTest : public ::testing::Test {
 protected:
  explicit Ipv6HostTest(const HostConfig& made = config()) : host_(made, TcpConfig(), pool_) {}

  struct Addressed {
    IpAddress from = kPeer;
    IpAddress to = kOurs;
    MacAddress dst = kOurMac;
    IpProtocol protocol = IpProtocol::kIcmpv6;
    std::uint8_t hop_limit = 64;
    std::span<const Ipv6Extension> extensions{};
  };
  BufPtr packet(const Addressed& addressed, std::span<const std::byte> payload) {
    BufPtr buf(pool_.take());
    const auto bytes = buf->push_back(static_cast<std::uint32_t>(payload.size()));
    std::ranges::copy(payload, bytes.begin());
    const Ipv6Repr ip{.src = addressed.from.v6(),
                      .dst = addressed.to.v6(),
                      .protocol = addressed.protocol,
                      .payload_len = payload.size(),
                      .hop_limit = addressed.hop_limit,
                      .extensions = addressed.extensions};
    ip.emit(buf->push_front(static_cast<std::uint32_t>(ip.header_len())));
    const EthernetRepr link{.dst = addressed.dst, .src = kPeerMac, .ethertype = EtherType::kIpv6};
    link.emit(buf->push_front(kEthernetHeaderLen));
    return buf;
  }
  void receive(BufPtr frame) { host_.on_rx(now_, 0, std::span(&frame, 1)); }
  std::vector<BufPtr> sent() {
    std::vector<BufPtr> frames(64);
    frames.resize(host_.poll_tx(now_, 0, frames));
    return frames;
  }
  void pass(Duration time) {
    const Instant end = now_ + time;
    while (host_.next_deadline() <= end) {
      now_ = host_.next_deadline();
      host_.on_time(now_);
    }
    now_ = end;
  }
  BufPtr nd(const NdMessage& message, Addressed addressed) {
    Bytes bytes(message.len());
    message.emit(bytes, addressed.from, addressed.to);
    addressed.hop_limit = addressed.hop_limit == 64 ? 255 : addressed.hop_limit;
    return packet(addressed, bytes);
  }
  void peer_asks() {
    NdMessage question;
    question.target = kOurs;
    question.link_address = kPeerMac;
    const IpAddress group = solicited_node(kOurs);
    receive(nd(question, {.to = group, .dst = multicast_mac(group)}));
  }
  NdMessage advertisement(MacAddress mac = kPeerMac) {
    NdMessage answer;
    answer.kind = NdMessage::Kind::kAdvertisement;
    answer.target = kPeer;
    answer.solicited = answer.overrides = true;
    answer.link_address = mac;
    return answer;
  }
  void peer_answers(MacAddress mac = kPeerMac) { receive(nd(advertisement(mac), {})); }
  Bytes echo_request(const IpAddress& from = kPeer, const IpAddress& to = kOurs,
                     std::size_t len = 32) {
    const Bytes data(len, std::byte{0x5a});
    const Icmpv6Repr request{
        .type = Icmpv6Type::kEchoRequest, .code = 0, .word = 7U << 16 | 9, .data = data};
    Bytes message(request.len());
    request.emit(message, from, to);
    return message;
  }
  Bytes datagram(std::uint16_t port) {
    Bytes bytes(kUdpHeaderLen + 4);
    const PseudoHeader pseudo{IpProtocol::kUdp, static_cast<std::uint32_t>(bytes.size())};
    UdpRepr{4000, port, 4}.emit(bytes, pseudo_sum(kPeer, kOurs, pseudo));
    return bytes;
  }
  std::int64_t send_to(const IpAddress& to, std::size_t bytes = 5) {
    const UdpEndpoint target{to, 53};
    return host_.udp().send(now_, udp_, &target, Bytes(bytes));
  }
  static MacAddress target_mac(const BufPtr& frame) { return MacAddress::load(frame->data()); }
  static Ipv6View ip_in(const BufPtr& frame) {
    const auto ip = Ipv6View::parse(std::as_const(*frame).bytes().subspan(kEthernetHeaderLen));
    EXPECT_TRUE(ip.has_value());
    return *ip;
  }
  static Icmpv6View icmp_in(const BufPtr& frame) {
    const Ipv6View ip = ip_in(frame);
    const auto message = Icmpv6View::parse(ip.payload(), ip.pseudo_sum());
    EXPECT_TRUE(message.has_value()) << "its checksum is right";
    return *message;
  }
  static NdMessage nd_in(const BufPtr& frame) {
    EXPECT_EQ(ip_in(frame).hop_limit(), 255);
    return *NdMessage::parse(icmp_in(frame).bytes());
  }
  std::optional<NeighbourState> state() { return host_.ip().link().neighbour(0, kPeer); }
  std::uint64_t drops(DropReason reason) { return host_.counters().drops(reason); }
  // The only frame sent is this error about `packet`.
  void expect_error(Icmpv6Type type, std::uint8_t code, std::uint32_t word) {
    const auto frames = sent();
    ASSERT_EQ(frames.size(), 1U);
    // By hand, for what it quotes may be no packet at all.
    const Ipv6View ip = ip_in(frames[0]);
    EXPECT_TRUE(ip.pseudo_sum().add_bytes(ip.payload()).is_valid());
    EXPECT_EQ(load_u8(ip.payload().data()), static_cast<std::uint8_t>(type));
    EXPECT_EQ(load_u8(&ip.payload()[1]), code);
    EXPECT_EQ(load_be32(&ip.payload()[4]), word);
  }
  void expect_parameter_problem(ParameterCode code, std::uint32_t pointer) {
    expect_error(Icmpv6Type::kParameterProblem, static_cast<std::uint8_t>(code), pointer);
  }

  HeapPool pool_;
  IpHost host_;
  Instant now_ = kStart;
  UdpId udp_ = host_.udp().open().id;
};

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
  EXPECT_EQ(drops(DropReason::kBadAddress), 2U);
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

class DadTest : public Ipv6HostTest {
 protected:
  static HostConfig made() {
    HostConfig with = config();
    with.dad_transmits = 2;
    return with;
  }
  DadTest() : Ipv6HostTest(made()) {}
};

TEST_F(DadTest, AnAddressIsOursWhenNobodyClaimsIt) {
  EXPECT_EQ(host_.next_deadline(), kStart);
  pass(milliseconds(1));
  auto frames = sent();
  ASSERT_EQ(frames.size(), 2U) << "the global and the link-local address";
  EXPECT_TRUE(ip_in(frames[0]).src().is_any());
  EXPECT_EQ(nd_in(frames[0]).target, kOurs);
  EXPECT_EQ(nd_in(frames[0]).link_address, std::nullopt);
  EXPECT_EQ(send_to(kPeer), failure(Errno::kNetworkUnreachable));
  pass(milliseconds(1500));
  EXPECT_EQ(sent().size(), 2U);
  EXPECT_FALSE(host_.ip().routes().is_local(kOurs));
  pass(milliseconds(600));
  EXPECT_TRUE(host_.ip().routes().is_local(kOurs));
  EXPECT_EQ(send_to(kPeer), 5);
}

TEST_F(DadTest, AnAddressSomebodyHasIsNotUsed) {
  pass(milliseconds(1));
  sent();
  NdMessage claim;
  claim.kind = NdMessage::Kind::kAdvertisement;
  claim.target = kOurs;
  claim.link_address = kPeerMac;
  receive(nd(claim, {.from = kOurs, .to = kAllNodes, .dst = multicast_mac(kAllNodes)}));
  pass(seconds(5));
  EXPECT_FALSE(host_.ip().routes().is_local(kOurs));
  EXPECT_TRUE(host_.ip().routes().is_local(kOurLinkLocal));
  EXPECT_EQ(host_.counters().address_conflicts, 1U);
}

TEST(HostConfigTest, Ipv6NeedsAnMtuOf1280AndOneVersionPerRoute) {
  HostConfig made = config();
  made.interfaces[0].mtu_bytes = 1279;
  made.interfaces.push_back({.mac = kPeerMac, .addresses = {}, .port = 0});
  made.routes.push_back({*IpPrefix::parse("::/0"), Ipv4Address(0xc6120002), 0});
  std::vector<std::string> fields;
  for (const Problem& problem : validate(made)) fields.push_back(problem.field);
  EXPECT_EQ(fields, (std::vector<std::string>{"interfaces[0].mtu_bytes", "interfaces[1].vlan",
                                              "routes[1].gateway"}));
}

}  // namespace
}  // namespace twinpath
