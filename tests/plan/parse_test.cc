// The Plan parser: a whole plan arrives unchanged, and everything wrong is named at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bindings/plan/event_text.h"
#include "bindings/plan/plan.h"

namespace twinpath::bind {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;

json sample() {
  return json::parse(R"({"schema":"twinpath.plan/1","scenario":"web_transfer",
    "params":{"size":1000000,"loss":0.01},"driver":"sim",
    "hosts":[{"name":"client","addresses":["198.18.0.1/24"],"stack":"twinpath",
              "tcp":{"congestion":"reno","delayed_ack_ns":40000000},"cores":0,"count":1},
             {"name":"server","addresses":["198.18.0.2/24"],"stack":"ns3","tcp":{}}],
    "links":[{"name":"wire","a":"client","b":"server","rate_bps":100000000,"delay_ns":10000000,
              "loss":0.01,"queue_bytes":262144}],
    "apps":[{"path":"server/app0","host":"server","kind":"http_server","to":null,"args":{}},
            {"path":"client/app0","host":"client","kind":"http_get","to":"server","start_ns":5,
             "args":{"size_bytes":1000000,"verify":"sha256"}}],
    "measure":{"warmup_ns":0,"window_ns":null,"every_ns":1000000,"metrics":null},
    "stop":{"when":["client/app0"],"at_most_ns":120000000000}})");
}

std::vector<Problem> problems_of(const json& plan) {
  try {
    parse_plan(plan.dump());
  } catch (const PlanError& error) {
    return error.problems();
  }
  return {};
}

TEST(ParsePlan, KeepsEveryValue) {
  const Plan plan = parse_plan(sample().dump());
  EXPECT_EQ(plan.scenario, "web_transfer");
  EXPECT_EQ(plan.driver, "sim");
  ASSERT_EQ(plan.hosts.size(), 2u);
  EXPECT_EQ(plan.hosts[0].tcp.text("congestion", ""), "reno");
  EXPECT_EQ(plan.hosts[0].tcp.duration("delayed_ack_ns", {}), std::chrono::milliseconds(40));
  EXPECT_EQ(plan.host("server")->stack, "ns3");
  ASSERT_EQ(plan.links.size(), 1u);
  EXPECT_EQ(plan.links[0].rate_bps, 100'000'000);
  EXPECT_EQ(plan.links[0].delay, std::chrono::milliseconds(10));
  EXPECT_DOUBLE_EQ(plan.links[0].loss, 0.01);
  EXPECT_EQ(plan.links[0].ecn_threshold_bytes, 0);
  ASSERT_EQ(plan.apps.size(), 2u);
  EXPECT_FALSE(plan.apps[0].to.has_value());
  EXPECT_EQ(plan.apps[1].to, "server");
  EXPECT_EQ(plan.apps[1].start.count(), 5);
  EXPECT_EQ(plan.apps[1].args.integer("size_bytes", 0), 1'000'000);
  EXPECT_EQ(plan.measure.every, std::chrono::milliseconds(1));
  EXPECT_FALSE(plan.measure.window.has_value());
  EXPECT_THAT(plan.stop.when, ElementsAre("client/app0"));
  EXPECT_EQ(plan.stop.at_most, std::chrono::seconds(120));
}

TEST(ParsePlan, CostsAreThereOnlyWhenAskedFor) {
  json plan = sample();
  EXPECT_FALSE(parse_plan(plan.dump()).costs.has_value());
  plan["costs"] = {{"kind", "constant"}, {"per_turn_ns", 2000}, {"per_frame_ns", 30}};
  EXPECT_EQ(parse_plan(plan.dump()).costs->per_turn.count(), 2000);
  EXPECT_EQ(parse_plan(plan.dump()).costs->per_frame.count(), 30);
  plan["costs"] = {{"kind", "measured"}, {"per_turn_ns", -1}};
  EXPECT_THAT(problems_of(plan),
              testing::UnorderedElementsAre(Field(&Problem::field, "costs.kind"),
                                            Field(&Problem::field, "costs.per_turn_ns"),
                                            Field(&Problem::field, "costs.per_frame_ns")));
}

TEST(ParsePlan, UnlimitedRateIsNoRate) {
  json plan = sample();
  plan["links"][0]["rate_bps"] = nullptr;
  EXPECT_FALSE(parse_plan(plan.dump()).links[0].rate_bps.has_value());
}

TEST(ParsePlan, NamesEveryProblemAtOnce) {
  json plan = sample();
  plan["links"][0]["loss"] = 1.5;
  plan["links"][0]["b"] = "servr";
  plan["hosts"][0]["stack"] = "lwipp";
  plan["apps"][1]["kind"] = "http_gt";
  plan["stop"]["when"][0] = "client/app9";
  plan["colour"] = "blue";
  const auto problems = problems_of(plan);
  for (const char* field :
       {"links[0].loss", "links.wire.b", "hosts[0].stack", "apps[1].kind", "stop.when", "colour"}) {
    EXPECT_THAT(problems, Contains(Field(&Problem::field, field)));
  }
  EXPECT_EQ(problems.size(), 6u);
}

TEST(ParsePlan, RefusesNumbersOutOfRange) {
  json plan = sample();
  plan["links"][0]["delay_ns"] = -1;
  plan["links"][0]["rate_bps"] = 0;
  plan["links"][0]["queue_bytes"] = 0;
  plan["hosts"][0]["count"] = 2'000'000;
  plan["stop"]["at_most_ns"] = 18446744073709551615ull;
  EXPECT_EQ(problems_of(plan).size(), 5u);
}

TEST(ParsePlan, RefusesTwoThingsOfOneName) {
  json plan = sample();
  plan["hosts"][1]["name"] = "client";
  EXPECT_THAT(problems_of(plan), Contains(Field(&Problem::value, "client")));
}

TEST(ParsePlan, EventsAreOfTheKnownKinds) {
  json plan = sample();
  plan["measure"]["events"] = event_kinds();
  EXPECT_EQ(parse_plan(plan.dump()).measure.events, event_kinds());
  EXPECT_TRUE(std::is_sorted(event_kinds().begin(), event_kinds().end()));
  plan["measure"]["events"] = {"tcp.rto", "tcp.rot"};
  const auto problems = problems_of(plan);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].field, "measure.events");
  EXPECT_NE(problems[0].allowed.find("tcp.rto"), std::string::npos);
}

TEST(ParsePlan, TextThatIsNoJsonIsOneProblem) {
  EXPECT_THROW(parse_plan("{"), PlanError);
  EXPECT_THROW(parse_plan("[]"), PlanError);
  EXPECT_THROW(parse_plan(""), PlanError);
}

TEST(ParseJob, ReadsWhereResultsGo) {
  const json text{{"plan", sample()}, {"plan_sha256", "ab"}, {"seed", 18446744073709551615ull},
                  {"db", "x.db"},     {"run_id", 3},         {"pcap", nullptr}};
  const Job job = parse_job(text.dump());
  EXPECT_EQ(job.seed, 18446744073709551615ull);
  EXPECT_EQ(job.run_id, 3);
  EXPECT_FALSE(job.pcap_dir.has_value());
  EXPECT_EQ(job.progress_fd, -1);
}

TEST(Settings, RefuseAnotherType) {
  Settings settings;
  settings.set("congestion", std::string("reno"));
  settings.set("mss_bytes", std::int64_t{536});
  EXPECT_THROW(settings.integer("congestion", 0), PlanError);
  EXPECT_THROW(settings.text("mss_bytes", ""), PlanError);
  EXPECT_DOUBLE_EQ(settings.number("mss_bytes", 0), 536.0);
  EXPECT_TRUE(settings.flag("sack", true));
}

}  // namespace
}  // namespace twinpath::bind
