// What falls into a window, and nothing else: counts by difference, rates over its length.
#include "bindings/plan/measure.h"

#include <gtest/gtest.h>

#include "models/app/metric_names.h"
#include "models/app/metrics.h"
#include "models/base/memory_sink.h"

namespace twinpath::bind {
namespace {

using std::chrono::seconds;

// An application that reports what the test says it counted.
struct Reported {
  double bytes = 0;
  double requests = 0;
  double fct_s = -1;
  double lost = 0;
  std::uint64_t sent = 0;
  Histogram latency{};
  std::string problem{};

  void operator()(ResultSink& sink) const {
    AppReport app(sink, "client/app0", "app");
    app.scalar(metric::kBytes, bytes);
    app.scalar(metric::kRequests, requests);
    app.scalar(metric::kGoodput, 1);  // of the whole run: not what a window has
    app.scalar(metric::kSrtt, 0.25);
    if (fct_s >= 0) app.scalar(metric::kFct, fct_s);
    if (sent > 0) app.scalar(metric::kLostFraction, lost / static_cast<double>(sent), sent);
    if (latency.count() > 0) app.histogram(metric::kLatency, latency);
    app.problem(problem);
  }
};

class MeasureTest : public ::testing::Test {
 protected:
  double value(const MetricInfo& metric) { return sink_.find(metric, "client/app0").value_or(-1); }
  Measurement make(const MeasurePlan& plan) {
    return {plan, sink_, [this](ResultSink& into) { app_(into); }};
  }
  Reported app_;
  MemorySink sink_;
};

TEST_F(MeasureTest, OnlyTheWindowCounts) {
  const MeasurePlan plan{
      .warmup = seconds(1), .window = seconds(2), .every = {}, .metrics = {}, .events = {}};
  Measurement measurement = make(plan);
  app_ = {.bytes = 1000, .requests = 5, .fct_s = 0.5, .lost = 10, .sent = 100};
  app_.latency.add(1'000'000);
  measurement.at(at_ns(999'999'999));
  measurement.at(at_ns(1'000'000'000));
  app_.bytes = 4000;
  app_.requests = 9;
  app_.lost = 60;
  app_.sent = 200;
  app_.latency.add(2'000'000'000);
  measurement.at(at_ns(2'000'000'000));
  measurement.at(at_ns(3'000'000'000));
  app_.bytes = 1e9;
  app_.requests = 1e9;
  app_.problem = "late";
  measurement.record(at_ns(4'000'000'000));
  EXPECT_EQ(value(metric::kBytes), 3000);
  EXPECT_EQ(value(metric::kRequests), 4);
  EXPECT_EQ(value(metric::kGoodput), 3000 * 8 / 2.0);
  EXPECT_EQ(value(metric::kRequestRate), 2);
  EXPECT_EQ(value(metric::kFct), -1) << "it ended before the window opened";
  EXPECT_EQ(value(metric::kSrtt), 0.25);
  EXPECT_NEAR(value(metric::kLostFraction), 0.5, 1e-9);
  EXPECT_NEAR(value(metric::kLatencyP50), 2, 0.02) << "the short one was before";
  EXPECT_EQ(sink_.events.size(), 1U) << "a failure is named whenever it happened";
}

TEST_F(MeasureTest, AWindowThatIsStillOpenEndsWithTheRun) {
  const MeasurePlan plan{
      .warmup = {}, .window = seconds(10), .every = {}, .metrics = {}, .events = {}};
  Measurement measurement = make(plan);
  app_.bytes = 500;
  measurement.at(at_ns(0));
  app_.bytes = 1000;
  measurement.record(at_ns(4'000'000'000));
  EXPECT_EQ(value(metric::kBytes), 1000) << "nothing is before a window without warm-up";
  EXPECT_EQ(value(metric::kGoodput), 2000);
}

TEST_F(MeasureTest, ARunShorterThanItsWarmUpSaysSo) {
  const MeasurePlan plan{
      .warmup = seconds(9), .window = {}, .every = {}, .metrics = {}, .events = {}};
  Measurement measurement = make(plan);
  app_.bytes = 500;
  measurement.record(at_ns(4'000'000'000));
  EXPECT_TRUE(sink_.scalars.empty());
  ASSERT_EQ(sink_.events.size(), 1U);
  EXPECT_EQ(sink_.events[0].first, "app.problem");
}

TEST_F(MeasureTest, OnlyTheMetricsAskedForAndSamplesOfTheWindow) {
  const MeasurePlan plan{.warmup = seconds(1),
                         .window = seconds(1),
                         .every = {},
                         .metrics = {"app_bytes"},
                         .events = {}};
  Measurement measurement = make(plan);
  ResultSink& sink = measurement.sink();
  AppReport app(sink, "client/app0", "app");
  app.scalar(metric::kBytes, 1);
  app.scalar(metric::kRequests, 1);
  app.scalar(metric::kFailures, 0);
  EXPECT_EQ(value(metric::kBytes), 1);
  EXPECT_EQ(value(metric::kRequests), -1);
  EXPECT_EQ(value(metric::kFailures), 0) << "always recorded";
  const MetricId series = sink.define_metric(metric::kBytes);
  const EntityId entity = sink.define_entity({"client", "host"});
  for (const std::int64_t at : {500, 1000, 1500, 2000, 2500}) {
    sink.sample({at_ns(at * 1'000'000), series, entity, 1});
  }
  EXPECT_EQ(sink_.samples.size(), 2U);
}

TEST_F(MeasureTest, WithoutAWindowEverythingIsReportedAsItIs) {
  const MeasurePlan plan;
  Measurement measurement = make(plan);
  app_ = {.bytes = 7, .requests = 3, .fct_s = 0.5};
  measurement.record(at_ns(5));
  EXPECT_EQ(value(metric::kGoodput), 1);
  EXPECT_EQ(value(metric::kFct), 0.5);
}

}  // namespace
}  // namespace twinpath::bind
