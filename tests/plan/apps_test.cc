// Every kind of application a Plan may name becomes one, with its arguments; what is wrong with
// them is said all at once.
#include "bindings/plan/apps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bindings/plan/build.h"
#include "models/base/heap_pool.h"

namespace twinpath::bind {
namespace {

Plan pair() {
  Plan plan;
  plan.hosts.resize(2);
  plan.hosts[0].name = "client";
  plan.hosts[0].addresses = {"198.18.0.1/24"};
  plan.hosts[1].name = "server";
  plan.hosts[1].addresses = {"198.18.0.2/24"};
  plan.links.resize(1);
  plan.links[0].name = "wire";
  plan.links[0].a = "client";
  plan.links[0].b = "server";
  return plan;
}

AppPlan app(const std::string& path, const std::string& kind) {
  AppPlan plan;
  plan.path = path;
  plan.host = "client";
  plan.kind = kind;
  plan.to = "server";
  return plan;
}

TEST(AppsOfPlan, EveryKindExists) {
  Plan plan = pair();
  for (const std::string& kind : app_kinds()) {
    plan.apps.push_back(app("client/" + kind, kind));
    if (kind == "open_loop") plan.apps.back().args.set("rate_per_s", 10.0);
    if (kind == "replay") {
      plan.apps.back().args.set("gaps", std::string("10 20"));
      plan.apps.back().args.set("sizes", std::string("64 1400"));
    }
  }
  plan.apps.push_back(app("server/app0", "http_server"));
  plan.apps.back().host = "server";
  HeapPool pool;
  AppHost client(host_config(plan, 0, 1), tcp_config(plan.hosts[0]), pool);
  add_apps(plan, 0, client);
  EXPECT_EQ(client.apps(), app_kinds().size());
  EXPECT_NE(client.find("client/http_get"), nullptr);
  EXPECT_EQ(client.find("server/app0"), nullptr);
}

TEST(AppsOfPlan, AListThatIsNoneIsRefused) {
  struct Case {
    const char* gaps;
    const char* sizes;
    const char* field;
  };
  for (const Case& wrong :
       {Case{"1 x", "64", "gaps"}, Case{"1  2", "64", "gaps"}, Case{"-1", "64", "gaps"},
        Case{"0 0", "64", "gaps"}, Case{"", "64", "gaps"}, Case{"2000000000000000", "64", "gaps"},
        Case{"5", "7", "sizes"}, Case{"5", "64 70000", "sizes"}}) {
    Plan plan = pair();
    plan.apps = {app("client/app0", "replay")};
    plan.apps[0].args.set("gaps", std::string(wrong.gaps));
    plan.apps[0].args.set("sizes", std::string(wrong.sizes));
    HeapPool pool;
    AppHost client(host_config(plan, 0, 1), tcp_config(plan.hosts[0]), pool);
    try {
      add_apps(plan, 0, client);
      ADD_FAILURE() << "accepted " << wrong.gaps << " / " << wrong.sizes;
    } catch (const PlanError& error) {
      ASSERT_EQ(error.problems().size(), 1U);
      EXPECT_EQ(error.problems()[0].field, "client/app0." + std::string(wrong.field));
    }
  }
}

TEST(AppsOfPlan, EveryProblemIsNamed) {
  Plan plan = pair();
  plan.apps = {app("client/app0", "http_get"), app("client/app1", "bulk"),
               app("client/app2", "open_loop")};
  plan.apps[0].args.set("sise_bytes", std::int64_t{5});
  plan.apps[0].args.set("verify", std::string("md5"));
  plan.apps[1].to.reset();
  HeapPool pool;
  AppHost client(host_config(plan, 0, 1), tcp_config(plan.hosts[0]), pool);
  try {
    add_apps(plan, 0, client);
    FAIL() << "accepted";
  } catch (const PlanError& error) {
    std::vector<std::string> fields;
    for (const Problem& problem : error.problems()) fields.push_back(problem.field);
    EXPECT_THAT(fields,
                testing::UnorderedElementsAre("client/app0.sise_bytes", "client/app0.verify",
                                              "client/app1.to", "client/app2.rate_per_s"));
  }
}

}  // namespace
}  // namespace twinpath::bind
