// A population by its rule: names, links, addresses and awaited apps of every member.
#include "bindings/plan/expand.h"

#include <gtest/gtest.h>

#include "bindings/plan/build.h"

namespace twinpath::bind {
namespace {

Plan rules(std::int64_t count) {
  Plan plan;
  plan.hosts = {{.name = "clients",
                 .addresses = {"198.19.0.1/30"},
                 .stack = "twinpath",
                 .tcp = {},
                 .cores = 0,
                 .count = count},
                {.name = "server",
                 .addresses = {"198.18.9.1/24", "198.19.0.2/30", "198.18.7.1/24"},
                 .stack = "twinpath",
                 .tcp = {}},
                {.name = "other", .addresses = {"198.18.9.2/24", "198.18.7.2/24"}, .tcp = {}}};
  plan.links.resize(3);
  plan.links[0].name = "first";
  plan.links[0].a = "server";
  plan.links[0].b = "other";
  plan.links[1].name = "wire";
  plan.links[1].a = "clients";
  plan.links[1].b = "server";
  plan.links[2].name = "last";
  plan.links[2].a = "server";
  plan.links[2].b = "other";
  plan.apps = {
      {.path = "clients/app0",
       .host = "clients",
       .kind = "http_get",
       .to = "server",
       .start = Nanoseconds(5),
       .args = {}},
      {.path = "server/app0", .host = "server", .kind = "http_server", .to = {}, .args = {}}};
  plan.stop.when = {"clients/app0"};
  return plan;
}

TEST(Expand, AMemberHasANameALinkAndAnAddressOfItsOwn) {
  const Plan plan = expand(rules(300));
  ASSERT_EQ(plan.hosts.size(), 302U);
  ASSERT_EQ(plan.links.size(), 302U);
  EXPECT_EQ(plan.hosts[299].name, "clients[299]");
  EXPECT_EQ(plan.hosts[299].count, 1);
  EXPECT_EQ(plan.links[1 + 299].name, "wire[299]");
  EXPECT_EQ(plan.links[1 + 299].a, "clients[299]");
  EXPECT_EQ(plan.hosts[299].addresses, std::vector<std::string>{"198.19.4.173/30"});
  const HostPlan& server = *plan.host("server");
  ASSERT_EQ(server.addresses.size(), 302U);
  EXPECT_EQ(server.addresses.front(), "198.18.9.1/24");
  EXPECT_EQ(server.addresses[300], "198.19.4.174/30");
  EXPECT_EQ(server.addresses.back(), "198.18.7.1/24");
  EXPECT_EQ(address_towards(plan, "clients[299]", "server").to_string(), "198.19.4.174");
  EXPECT_EQ(host_config(plan, 300, 1).interfaces.size(), 302U);
  EXPECT_NE(host_config(plan, 0, 1).seed, host_config(plan, 1, 1).seed);
}

TEST(Expand, AppsRunOnEveryMemberAndAreAllAwaited) {
  const Plan plan = expand(rules(3));
  ASSERT_EQ(plan.apps.size(), 4U);
  EXPECT_EQ(plan.apps[2].path, "clients[2]/app0");
  EXPECT_EQ(plan.apps[2].host, "clients[2]");
  EXPECT_EQ(plan.apps[2].start, Nanoseconds(5));
  EXPECT_EQ(plan.stop.when.size(), 3U);
  EXPECT_EQ(plan.stop.when[1], "clients[1]/app0");
}

TEST(Expand, OneIsNoPopulation) {
  const Plan plan = expand(rules(1));
  EXPECT_EQ(plan.hosts[0].name, "clients");
  EXPECT_EQ(plan.hosts[0].addresses.size(), 1U);
}

TEST(Expand, RefusesWhatHasNoMeaning) {
  EXPECT_THROW(expand(rules(1'000'000)), PlanError) << "more hosts than a plan may have";
  Plan to_population = rules(2);
  to_population.apps[1].to = "clients";
  EXPECT_THROW(expand(to_population), PlanError);
  Plan two = rules(2);
  two.hosts[1].count = 2;
  EXPECT_THROW(expand(two), PlanError);
  Plan no_room = rules(2);
  no_room.hosts[0].addresses = {"255.255.255.253/30"};
  EXPECT_THROW(expand(no_room), PlanError);
}

}  // namespace
}  // namespace twinpath::bind
