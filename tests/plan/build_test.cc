// A Plan becomes the same configuration under both drivers.
#include "bindings/plan/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twinpath::bind {
namespace {

Plan star() {
  Plan plan;
  plan.hosts.resize(3);
  plan.hosts[0].name = "hub";
  plan.hosts[0].addresses = {"198.18.0.1/24", "198.18.1.1/24"};
  plan.hosts[1].name = "left";
  plan.hosts[1].addresses = {"198.18.0.2/24"};
  plan.hosts[2].name = "right";
  plan.hosts[2].addresses = {"198.18.1.2/24"};
  plan.links.resize(2);
  plan.links[0].name = "l0";
  plan.links[0].a = "left";
  plan.links[0].b = "hub";
  plan.links[1].name = "l1";
  plan.links[1].a = "hub";
  plan.links[1].b = "right";
  return plan;
}

TEST(BuildPlan, InterfacesStandInTheOrderOfLinks) {
  const Plan plan = star();
  const HostConfig hub = host_config(plan, 0, 7);
  ASSERT_EQ(hub.interfaces.size(), 2u);
  EXPECT_EQ(hub.interfaces[1].addresses[0].address(), Ipv4Address(0xc6120101));
  EXPECT_EQ(port_path(plan, ends_of(plan, 1).a), "hub/eth1");
  EXPECT_NE(mac_of(ends_of(plan, 0).b), mac_of(ends_of(plan, 1).a));
  EXPECT_NE(hub.seed, host_config(plan, 1, 7).seed);
  EXPECT_EQ(hub.seed, host_config(plan, 0, 7).seed);
}

TEST(BuildPlan, AppsReachTheirPeerOnTheLinkTheyShare) {
  const Plan plan = star();
  EXPECT_EQ(address_towards(plan, "left", "hub"), Ipv4Address(0xc6120001));
  EXPECT_EQ(address_towards(plan, "right", "hub"), Ipv4Address(0xc6120101));
  EXPECT_EQ(address_towards(plan, "hub", "right"), Ipv4Address(0xc6120102));
  EXPECT_THROW(address_towards(plan, "left", "right"), PlanError);
}

TEST(BuildPlan, LinksCarryRateDelayAndFaults) {
  LinkPlan link;
  link.name = "wire";
  link.rate_bps = 1'000'000;
  link.delay = std::chrono::milliseconds(5);
  link.ecn_threshold_bytes = 30'000;
  link.loss = 0.25;
  link.corrupt = 0.125;
  const LinkConfig config = link_config(link);
  EXPECT_EQ(config.rate_bps, 1'000'000u);
  EXPECT_EQ(config.delay, std::chrono::milliseconds(5));
  EXPECT_EQ(config.ecn_threshold_bytes, 30'000u);
  EXPECT_DOUBLE_EQ(config.faults.loss, 0.25);
  EXPECT_DOUBLE_EQ(config.faults.corrupt, 0.125);
  link.rate_bps.reset();
  EXPECT_EQ(link_config(link).rate_bps, 0u);
}

TEST(BuildPlan, TcpFieldsArriveAndWrongOnesAreNamed) {
  HostPlan host;
  host.name = "client";
  host.tcp.set("congestion", std::string("reno"));
  host.tcp.set("delayed_ack", std::int64_t{1'000'000});
  const TcpConfig config = tcp_config(host);
  EXPECT_EQ(config.congestion, CongestionKind::kReno);
  EXPECT_EQ(config.delayed_ack, std::chrono::milliseconds(1));
  host.tcp.set("mss_bytes", std::int64_t{1});
  host.tcp.set("ms", std::int64_t{1});
  try {
    tcp_config(host);
    FAIL() << "took wrong fields";
  } catch (const PlanError& error) {
    EXPECT_THAT(error.problems(), testing::SizeIs(2));
  }
}

TEST(BuildPlan, AMissingAddressIsAProblem) {
  Plan plan = star();
  plan.hosts[0].addresses.pop_back();
  EXPECT_THROW(host_config(plan, 0, 1), PlanError);
}

}  // namespace
}  // namespace twinpath::bind
