// What is handed to the sink is what stands in the tables, in one closed file.
#include "tests/store/store_test.h"

#include <thread>
#include <vector>

namespace twinpath::store {
namespace {

class Sink : public StoreTest {};

TEST_F(Sink, EveryKindOfRowArrives) {
  {
    SqliteSink sink(options());
    sink.begin_run({R"({"scenario":"t","driver":"sim","seed":7,"params":{"size":5}})"});
    const MetricId goodput = sink.define_metric(kGoodput);
    const MetricId cwnd = sink.define_metric(kCwnd);
    const EntityId app = sink.define_entity({"client/app0", "app"});
    sink.scalar({kStart, goodput, app, 12.5}, 3);
    sink.sample({at_ns(5), cwnd, app, 1448});
    sink.sample({at_ns(9), cwnd, app, 2896});
    Histogram latency;
    latency.add(3);
    latency.add(3);
    latency.add(1000);
    sink.histogram(cwnd, app, latency);
    EventHeader header;
    header.at = at_ns(77);
    sink.event(app, header, "tcp.rto", R"({"rto_ns":200})");
    FlowRow flow;
    flow.entity = app;
    flow.proto = "tcp";
    flow.tx_bytes = 99;
    sink.flow(flow);
    sink.drops({app, "loss", DropCause::kAsked, 4});
    sink.drops({app, "loss", DropCause::kAsked, 2});
    sink.validity({"timer_lag_p999", 1.5, 100, "us", true});
    sink.chunk({app, 1, at_ns(3), "00ff"});
    sink.artifact({"a.pcap", "pcap", "", 24});
    sink.end_run({"done", "", R"({"fingerprint":"00000000000000ff","model_s":1.5,"frames":10})"});
  }
  EXPECT_EQ(ask("SELECT value * 10 FROM scalar WHERE n = 3"), 125);
  EXPECT_EQ(ask("SELECT group_concat(t_ns, '') FROM (SELECT t_ns FROM sample ORDER BY seq)"), 59);
  EXPECT_EQ(ask("SELECT count FROM histogram WHERE lo = 3 AND hi = 4"), 2);
  EXPECT_EQ(ask("SELECT sum(count) FROM histogram"), 3);
  EXPECT_EQ(ask("SELECT t_ns FROM event WHERE kind = 'tcp.rto'"), 77);
  EXPECT_EQ(ask("SELECT tx_bytes FROM flow WHERE rx_bytes IS NULL"), 99);
  EXPECT_EQ(ask("SELECT packets FROM drop_count WHERE cause = 'asked'"), 6);
  EXPECT_EQ(ask("SELECT ok FROM validity WHERE rule = 'timer_lag_p999'"), 1);
  EXPECT_EQ(ask("SELECT t_ns FROM chunk WHERE hash = '00ff'"), 3);
  EXPECT_EQ(ask("SELECT bytes FROM artifact WHERE kind = 'pcap'"), 24);
  EXPECT_EQ(ask("SELECT frames FROM run WHERE status = 'done' AND model_s = 1.5 AND "
                "fingerprint = '00000000000000ff' AND seed = 7 AND validity IS NULL"),
            10);
  EXPECT_EQ(ask("SELECT count(*) FROM result"), 1);
}

TEST_F(Sink, ClosesToOneFileWithoutLog) {
  {
    SqliteSink sink(options());
    sink.begin_run({"{}"});
    sink.end_run({"done", "", ""});
  }
  EXPECT_EQ(ask("SELECT journal_mode = 'delete' FROM pragma_journal_mode"), 1);
  EXPECT_FALSE(std::filesystem::exists(path() + "-wal"));
  EXPECT_EQ(ask("SELECT application_id FROM pragma_application_id"), 1414025265);
}

TEST_F(Sink, DefinitionsAreIdempotent) {
  SqliteSink sink(options());
  sink.begin_run({"{}"});
  EXPECT_EQ(sink.define_metric(kCwnd), sink.define_metric(kCwnd));
  EXPECT_EQ(sink.define_entity({"a", "host"}), sink.define_entity({"a", "host"}));
  EXPECT_NE(sink.define_entity({"a", "host"}), sink.define_entity({"b", "host"}));
}

TEST_F(Sink, AnEqualRunAgainIsANewAttempt) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    SqliteSink sink(options());
    sink.begin_run({R"({"scenario":"t"})"});
    sink.end_run({"done", "", ""});
  }
  EXPECT_EQ(ask("SELECT max(attempt) FROM run"), 2);
  EXPECT_EQ(ask("SELECT count(*) FROM plan"), 1);
}

TEST_F(Sink, ContinuesTheRunAParentPrepared) {
  {
    SqliteSink sink(options());
    sink.begin_run({R"({"scenario":"prepared"})"});
  }
  auto prepared = options();
  prepared.run_id = 1;
  {
    SqliteSink sink(prepared);
    sink.begin_run({""});
    sink.define_entity({"a", "host"});
    sink.end_run({"timeout", "the end was not reached", ""});
  }
  EXPECT_EQ(ask("SELECT count(*) FROM run WHERE status = 'timeout' AND error IS NOT NULL"), 1);
  prepared.run_id = 9;
  SqliteSink sink(prepared);
  EXPECT_THROW(sink.begin_run({""}), StoreError);
}

TEST_F(Sink, SamplesBeyondTheCapAreCounted) {
  auto capped = options();
  capped.limits.samples_per_series = 10;
  {
    SqliteSink sink(capped);
    sink.begin_run({"{}"});
    const MetricId cwnd = sink.define_metric(kCwnd);
    const EntityId app = sink.define_entity({"a", "app"});
    for (int i = 0; i < 25; ++i) sink.sample({at_ns(i), cwnd, app, 1});
    sink.end_run({"done", "", ""});
  }
  EXPECT_EQ(ask("SELECT count(*) FROM sample"), 10);
  EXPECT_EQ(ask("SELECT dropped FROM series"), 15);
}

TEST_F(Sink, EventsBeyondTheCapAreCounted) {
  auto capped = options();
  capped.limits.events = 3;
  {
    SqliteSink sink(capped);
    sink.begin_run({"{}"});
    for (int i = 0; i < 8; ++i) sink.event(0, EventHeader{}, "tcp.rto", "");
    sink.end_run({"done", "", ""});
  }
  EXPECT_EQ(ask("SELECT count(*) FROM event WHERE kind = 'tcp.rto'"), 3);
  EXPECT_EQ(ask("SELECT data_json ->> '$.events' FROM event WHERE kind = 'recorder.left_out'"), 5);
}

TEST_F(Sink, OfferedEventsLeaveRoomForThoseThatCount) {
  {
    SqliteSink sink(options());
    sink.begin_run({"{}"});
    const EntityId app = sink.define_entity({"a", "app"});
    for (int i = 0; i < 90'005; ++i) sink.offer_event({app, at_ns(i), "tcp.rto", "{}"});
    EventHeader header;
    header.at = at_ns(90'005);
    sink.event(app, header, "app.problem", "{}");
    sink.end_run({"done", "", R"({"content_hash":"00ff"})"});
  }
  EXPECT_EQ(ask("SELECT count(*) FROM event WHERE kind = 'tcp.rto'"), 90'000);
  EXPECT_EQ(ask("SELECT count(*) FROM event WHERE kind = 'app.problem'"), 1);
  EXPECT_EQ(ask("SELECT data_json ->> '$.events' FROM event WHERE kind = 'recorder.left_out'"), 5);
  EXPECT_EQ(ask("SELECT content_hash = '00ff' FROM run"), 1);
}

TEST_F(Sink, AFileOfAnOlderFormatCanBeWritten) {
  {
    SqliteSink sink(options());
    sink.begin_run({R"({"scenario":"old"})"});
    sink.end_run({"done", "", ""});
  }
  {
    Database database(path(), std::chrono::seconds(5));
    database.run(
        "DROP VIEW result; ALTER TABLE run DROP COLUMN content_hash; "
        "PRAGMA user_version = 2");
  }
  {
    SqliteSink sink(options());
    sink.begin_run({R"({"scenario":"new"})"});
    sink.end_run({"done", "", R"({"content_hash":"00ff"})"});
  }
  EXPECT_EQ(ask("SELECT count(*) FROM run WHERE content_hash = '00ff'"), 1);
  EXPECT_EQ(ask("SELECT count(*) FROM run WHERE content_hash IS NULL"), 1);
}

TEST_F(Sink, ASmallQueueMakesTheSimulationWaitAndLosesNothing) {
  auto small = options();
  small.queue_items = 4;
  {
    SqliteSink sink(small);
    sink.begin_run({"{}"});
    const MetricId cwnd = sink.define_metric(kCwnd);
    const EntityId app = sink.define_entity({"a", "app"});
    for (int i = 0; i < 500; ++i) sink.sample({at_ns(i), cwnd, app, 1});
    sink.end_run({"done", "", ""});
  }
  EXPECT_EQ(ask("SELECT count(*) FROM sample"), 500);
}

TEST_F(Sink, SeveralThreadsHandOver) {
  constexpr int kThreads = 4;
  {
    SqliteSink sink(options());
    sink.begin_run({"{}"});
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&sink] {
        const MetricId goodput = sink.define_metric(kGoodput);
        for (int i = 0; i < 200; ++i) {
          const EntityId flow = sink.define_entity({"flow" + std::to_string(i), "flow"});
          sink.scalar({kStart, goodput, flow, 1.0}, 1);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    sink.end_run({"done", "", ""});
  }
  EXPECT_EQ(ask("SELECT count(*) FROM scalar"), 200);
}

}  // namespace
}  // namespace twinpath::store
