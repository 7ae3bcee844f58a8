// Series follow events, step by step, without a timer.
#include "bindings/plan/series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/memory_sink.h"

namespace twinpath::bind {
namespace {

constexpr Duration kStep = std::chrono::milliseconds(1);

class Series : public ::testing::Test {
 protected:
  Series() { recorder_.listen(bus_); }
  void cwnd(Instant at, std::uint64_t flow, std::uint32_t bytes) {
    TcpCwndEvent event{};
    event.header.flow = flow;
    event.after_bytes = bytes;
    bus_.publish(bus_.type_of<TcpCwndEvent>(), at, event);
  }
  void delivered(Instant at, std::uint32_t bytes) {
    TcpDeliveredEvent event{};
    event.header.flow = 1;
    event.len = bytes;
    bus_.publish(bus_.type_of<TcpDeliveredEvent>(), at, event);
  }
  std::vector<double> values(std::string_view metric) {
    MetricInfo info;
    info.name = metric;
    const MetricId id = sink_.define_metric(info);
    std::vector<double> found;
    for (const Sample& sample : sink_.samples) {
      if (sample.metric == id) found.push_back(sample.value);
    }
    return found;
  }

  MemorySink sink_;
  EventBus bus_;
  SeriesRecorder recorder_{sink_, "client/app0", kStep};
};

TEST_F(Series, EachStepHasTheLastValue) {
  cwnd(at_ns(100'000), 1, 1000);
  cwnd(at_ns(900'000), 1, 2000);
  cwnd(at_ns(3'100'000), 1, 3000);
  recorder_.finish(at_ns(4'000'000));
  EXPECT_THAT(values("cwnd_bytes"), testing::ElementsAre(2000, 2000, 2000, 3000));
}

TEST_F(Series, DeliveredBytesBecomeARatePerStep) {
  delivered(at_ns(100'000), 1000);
  delivered(at_ns(200'000), 250);
  delivered(at_ns(2'500'000), 125);
  recorder_.finish(at_ns(3'000'000));
  EXPECT_THAT(values("delivery_rate_bps"), testing::ElementsAre(1e7, 0, 1e6));
}

TEST_F(Series, TheLastStepIsAsShortAsItIs) {
  delivered(at_ns(1'100'000), 125);
  recorder_.finish(at_ns(1'500'000));
  EXPECT_THAT(values("delivery_rate_bps"), testing::ElementsAre(2e6));
}

TEST_F(Series, ALongSilenceIsDrawnByItsEnds) {
  cwnd(at_ns(1), 1, 1000);
  recorder_.finish(at_ns(10'000'000'000));
  const auto drawn = values("cwnd_bytes");
  EXPECT_EQ(drawn.size(), 3u);
}

TEST_F(Series, FlowsAreNumberedInOrderAndBounded) {
  for (std::uint64_t flow = 0; flow < SeriesRecorder::kFlowsMax + 10; ++flow) {
    cwnd(at_ns(1), 1000 - flow, 1);
  }
  recorder_.finish(kStart + kStep);
  EXPECT_EQ(values("cwnd_bytes").size(), SeriesRecorder::kFlowsMax);
}

// A sink whose disk is full.
class FullSink final : public ResultSink {
 public:
  void begin_run(const RunInfo&) override {}
  MetricId define_metric(const MetricInfo&) override { return 1; }
  EntityId define_entity(const EntityInfo&) override { return 1; }
  void scalar(const Sample&, std::uint64_t) override {}
  void histogram(MetricId, EntityId, const Histogram&) override {}
  void sample(const Sample&) override { throw std::runtime_error("disk full"); }
  void event(EntityId, const EventHeader&, std::string_view, std::string_view) override {}
  void end_run(const RunOutcome&) override {}
};

TEST(SeriesOnAFullDisk, StopsTheRunAndNeverThrowsIntoTheModel) {
  FullSink sink;
  EventBus bus;
  int stops = 0;
  SeriesRecorder recorder(sink, "a", kStep);
  recorder.set_on_failure([&stops] { ++stops; });
  recorder.listen(bus);
  TcpCwndEvent event{};
  event.header.flow = 1;
  event.after_bytes = 1;
  for (int ms = 0; ms < 5; ++ms) {
    bus.publish(bus.type_of<TcpCwndEvent>(), at_ns(ms * 1'000'000), event);
  }
  recorder.finish(at_ns(9'000'000));
  EXPECT_EQ(stops, 1);
}

TEST(FlowParent, IsTheOnlyAppElseTheHost) {
  Plan plan;
  plan.apps.resize(2);
  plan.apps[0].host = "a";
  plan.apps[0].path = "a/app0";
  plan.apps[1].host = "b";
  plan.apps[1].path = "b/app0";
  EXPECT_EQ(flow_parent(plan, "a"), "a/app0");
  plan.apps[1].host = "a";
  EXPECT_EQ(flow_parent(plan, "a"), "a");
  EXPECT_EQ(flow_parent(plan, "c"), "c");
}

}  // namespace
}  // namespace twinpath::bind
