// Proves which IPv6 addresses a host takes as its own: those nobody claims (RFC 4862 §5.4), of a
// configuration that can be.
#include "tests/unit/host/ipv6_host.h"

namespace twinpath::test {
namespace {

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
}  // namespace twinpath::test
