// A host with IPv6 and a peer played by hand: what the peer sends, what the host sent, time.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <span>
#include <vector>

#include "models/wire/ethernet.h"
#include "models/wire/ip_scope.h"
#include "models/wire/udp.h"
#include "tests/unit/host/driven_host.h"

namespace twinpath::test {

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

inline HostConfig config() {
  HostConfig made;
  made.interfaces = {
      {.mac = kOurMac,
       .addresses = {*IpPrefix::parse("2001:db8::1/64"), *IpPrefix::parse("198.18.0.1/24")}}};
  made.routes = {{*IpPrefix::parse("::/0"), kPeerLinkLocal, 0}};
  made.arp_queue_frames = 3;
  made.nd_reachable = seconds(20);
  return made;
}

class Ipv6HostTest : public DrivenHostTest {
 protected:
  explicit Ipv6HostTest(const HostConfig& made = config()) : DrivenHostTest(made) {}

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

  UdpId udp_ = host_.udp().open().id;
};

}  // namespace twinpath::test
