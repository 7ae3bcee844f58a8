// Proves that each traffic application does what its configuration says and measures it right.
#include <gtest/gtest.h>

#include "models/app/bulk.h"
#include "models/app/request_response.h"
#include "models/app/udp_apps.h"
#include "models/app/udp_bulk.h"
#include "models/base/memory_sink.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class TrafficTest : public ::testing::Test {
 protected:
  static AppPairOptions options() {
    AppPairOptions made;
    made.link = {.rate_bps = 100000000, .delay = milliseconds(5), .queue_bytes = 4000000};
    return made;
  }
  double result(AppHost& host, const MetricInfo& metric, std::string_view path) {
    MemorySink sink;
    host.export_results(sink);
    const auto value = sink.find(metric, path);
    EXPECT_TRUE(value.has_value()) << metric.name;
    return value.value_or(-1);
  }
  AppPair pair_{options()};
};

TEST_F(TrafficTest, BulkDeliversItsBytesAndBothEndsAgreeOnThem) {
  auto& sink = pair_.server.add<BulkSink>("server/app0", kStart, BulkSinkConfig());
  const BulkConfig config{.size_bytes = 3000000, .to = kServerAddress};
  auto& bulk = pair_.client.add<Bulk>("client/app0", at_ns(1000000), config);
  ASSERT_EQ(pair_.run_until([&] { return bulk.done() && sink.done(); }, seconds(10)), RunEnd::kMet);
  EXPECT_EQ(bulk.error(), Errno::kNone);
  EXPECT_EQ(sink.totals().bytes, 3000000U);
  EXPECT_EQ(sink.totals().verify_errors, 0U);
  // 3 MB in segments of 1448 bytes and 66 of headers at 100 Mb/s take 251 ms.
  EXPECT_NEAR(result(pair_.client, metric::kFct, "client/app0"), 0.32, 0.05);
  EXPECT_NEAR(result(pair_.server, metric::kGoodput, "server/app0"), 88e6, 8e6);
  EXPECT_EQ(result(pair_.client, metric::kRetransmits, "client/app0/flow0"), 0);
}

TEST_F(TrafficTest, BulkStopsAfterItsDuration) {
  pair_.server.add<BulkSink>("server/app0", kStart, BulkSinkConfig());
  const BulkConfig config{.duration = milliseconds(500), .to = kServerAddress};
  auto& bulk = pair_.client.add<Bulk>("client/app0", kStart, config);
  ASSERT_EQ(pair_.run_until([&] { return bulk.done(); }, seconds(10)), RunEnd::kMet);
  EXPECT_GT(pair_.network.now(), at_ns(500000000));
  EXPECT_LT(pair_.network.now(), at_ns(700000000));
}

TEST_F(TrafficTest, BulkSaysThatNobodyListens) {
  auto& bulk = pair_.client.add<Bulk>("client/app0", kStart,
                                      BulkConfig{.size_bytes = 1, .to = kServerAddress});
  ASSERT_EQ(pair_.run_until([&] { return bulk.done(); }, seconds(10)), RunEnd::kMet);
  EXPECT_EQ(bulk.error(), Errno::kConnectionRefused);
}

TEST_F(TrafficTest, AReplaySendsTheListsTwiceAtTheirTimes) {
  auto& sink = pair_.server.add<UdpSink>("server/app0", kStart, UdpSinkConfig());
  // 10 ms from the last of a round to the first of the next.
  const UdpBulkConfig config{.count = 6,
                             .arrivals = ArrivalKind::kTrace,
                             .gaps = "10000000 1000000 3000000",
                             .sizes = "100 1400 60",
                             .to = kServerAddress};
  auto& client = pair_.client.add<UdpBulk>("client/app0", kStart, config);
  const std::array<int, 6> sent_at_ms = {0, 1, 4, 14, 15, 18};
  for (std::size_t sent = 0; sent < sent_at_ms.size(); ++sent) {
    ASSERT_EQ(pair_.run_until([&] { return client.sent() > sent; }, seconds(1)), RunEnd::kMet);
    EXPECT_EQ(pair_.network.now(), after(kStart, milliseconds(sent_at_ms[sent])));
  }
  pair_.run(milliseconds(100));
  EXPECT_TRUE(client.done());
  EXPECT_EQ(sink.received(), 6U);
  EXPECT_EQ(sink.verify_errors(), 0U);
  EXPECT_EQ(result(pair_.server, metric::kBytes, "server/app0"), 2 * (100 + 1400 + 60));
  EXPECT_EQ(result(pair_.client, metric::kSentBytes, "client/app0"), 2 * (100 + 1400 + 60));
  const auto offered = client.offered(pair_.network.now());
  EXPECT_EQ(offered->asked, 6U);
  EXPECT_EQ(offered->done, 6U);
}

TEST_F(TrafficTest, PoissonDatagramsHaveTheRateTheSpreadAndTheSeedOfTheirs) {
  const auto run = [&](std::uint64_t seed) {
    AppPairOptions made = options();
    made.client.seed = seed;
    AppPair pair(made);
    pair.server.add<UdpSink>("server/app0", kStart, UdpSinkConfig());
    const UdpBulkConfig config{.rate_bps = 8000000,
                               .size_bytes = 100,
                               .count = 4000,
                               .arrivals = ArrivalKind::kPoisson,
                               .to = kServerAddress};
    auto& client = pair.client.add<UdpBulk>("client/app0", kStart, config);
    std::vector<Instant> sent;
    while (!client.done()) {
      const std::uint64_t before = client.sent();
      pair.run_until([&] { return client.done() || client.sent() > before; }, seconds(1));
      for (std::uint64_t i = before; i < client.sent(); ++i) sent.push_back(pair.network.now());
    }
    return sent;
  };
  const std::vector<Instant> sent = run(1);
  ASSERT_EQ(sent.size(), 4000U);
  EXPECT_EQ(run(1), sent);
  EXPECT_NE(run(2), sent);
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 1; i < sent.size(); ++i) {
    const double gap = to_seconds(sent[i] - sent[i - 1]);
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / 3999;
  // Mean 100 us; of an exponential the deviation equals the mean. 4 standard errors each.
  EXPECT_NEAR(mean, 100e-6, 6.4e-6);
  EXPECT_NEAR(squares / 3999 - mean * mean, 1e-8, 0.25e-8);
}

TEST_F(TrafficTest, AnOpenLoopFollowsItsListsOfGapsAndSizes) {
  pair_.server.add<EchoServer>("server/app0", kStart, EchoServerConfig());
  const RequestResponseConfig config{.connections = 4,
                                     .requests = 5,
                                     .rate_per_s = 100,
                                     .arrivals = ArrivalKind::kTrace,
                                     .gaps = "50000000 20000000",
                                     .sizes = "1000 30000 7",
                                     .to = kServerAddress};
  auto& client = pair_.client.add<RequestResponse>("client/app0", at_ns(1000000), config);
  pair_.run(milliseconds(145));  // they come at 1, 21, 71, 91 and 141 ms; answers need 10 ms
  EXPECT_EQ(client.completed(), 4U);
  EXPECT_EQ(client.offered(pair_.network.now())->asked, 5U);
  pair_.run(milliseconds(50));
  EXPECT_TRUE(client.done());
  EXPECT_EQ(client.completed(), 5U);
  EXPECT_EQ(client.failures() + client.verify_errors(), 0U);
  const double received = result(pair_.client, metric::kRxBytes, "client");
  EXPECT_GT(received, 62007) << "1000 + 30000 + 7 + 1000 + 30000 and headers";
  EXPECT_LT(received, 68000);
}

TEST_F(TrafficTest, AnEvenOpenLoopBeginsAtOnceAndKeepsItsStep) {
  pair_.server.add<EchoServer>("server/app0", kStart, EchoServerConfig());
  const RequestResponseConfig config{.connections = 4,
                                     .requests = 10,
                                     .rate_per_s = 50,
                                     .arrivals = ArrivalKind::kCbr,
                                     .to = kServerAddress};
  auto& client = pair_.client.add<RequestResponse>("client/app0", kStart, config);
  ASSERT_EQ(pair_.run_until([&] { return client.done(); }, seconds(10)), RunEnd::kMet);
  EXPECT_NEAR(to_seconds(pair_.network.now() - kStart), 9 * 0.020 + 0.0101, 0.001);
}

TEST_F(TrafficTest, ClosedLoopWaitsForEachAnswerAndThinks) {
  auto& server = pair_.server.add<EchoServer>("server/app0", kStart, EchoServerConfig());
  const RequestResponseConfig config{.request_bytes = 100,
                                     .response_bytes = 10000,
                                     .think = milliseconds(20),
                                     .connections = 2,
                                     .requests = 20,
                                     .to = kServerAddress};
  auto& client = pair_.client.add<RequestResponse>("client/app0", kStart, config);
  ASSERT_EQ(pair_.run_until([&] { return client.done(); }, seconds(10)), RunEnd::kMet);
  EXPECT_EQ(client.completed(), 20U);
  EXPECT_EQ(client.failures() + client.verify_errors(), 0U);
  EXPECT_EQ(server.requests(), 20U);
  // Ten rounds on each connection: 11 ms there and back and 20 ms of thought, after a handshake.
  EXPECT_NEAR(to_seconds(pair_.network.now() - kStart), 0.010 + 10 * 0.011 + 9 * 0.020, 0.01);
  EXPECT_NEAR(result(pair_.client, metric::kLatencyP50, "client/app0"), 0.0109, 0.0005);
  pair_.run(seconds(1));
  EXPECT_EQ(pair_.client.sockets().open_sockets(), 0U) << "connections close when all is answered";
}

TEST_F(TrafficTest, NewConnectionsWhenAskedFor) {
  pair_.server.add<EchoServer>("server/app0", kStart, EchoServerConfig());
  const RequestResponseConfig config{
      .response_bytes = 64, .requests = 9, .per_connection = 3, .to = kServerAddress};
  auto& client = pair_.client.add<RequestResponse>("client/app0", kStart, config);
  ASSERT_EQ(pair_.run_until([&] { return client.done(); }, seconds(10)), RunEnd::kMet);
  EXPECT_EQ(client.completed(), 9U);
  EXPECT_EQ(pair_.server.app(0).done(), false) << "the last close is still on its way";
  pair_.run(seconds(1));
  EXPECT_TRUE(pair_.server.app(0).done());
}

TEST_F(TrafficTest, OpenLoopKeepsItsRateWhateverTheAnswersDo) {
  pair_.server.add<EchoServer>("server/app0", kStart, EchoServerConfig());
  const RequestResponseConfig config{.response_bytes = 500,
                                     .connections = 4,
                                     .requests = 2000,
                                     .rate_per_s = 300,
                                     .to = kServerAddress};
  auto& client = pair_.client.add<RequestResponse>("client/app0", kStart, config);
  ASSERT_EQ(pair_.run_until([&] { return client.done(); }, seconds(60)), RunEnd::kMet);
  EXPECT_EQ(client.completed(), 2000U);
  EXPECT_NEAR(result(pair_.client, metric::kRequestRate, "client/app0"), 300, 25);
  // Four connections of 10.2 ms a request serve 392 a second: at 300 some have to queue.
  EXPECT_GT(client.latency().quantile(0.99), 15000000U);
}

TEST_F(TrafficTest, DatagramsAtTheirRate) {
  auto& sink = pair_.server.add<UdpSink>("server/app0", kStart, UdpSinkConfig());
  const UdpBulkConfig config{
      .rate_bps = 10000000, .size_bytes = 1250, .duration = seconds(1), .to = kServerAddress};
  auto& bulk = pair_.client.add<UdpBulk>("client/app0", kStart, config);
  ASSERT_EQ(pair_.run_until([&] { return bulk.done(); }, seconds(5)), RunEnd::kMet);
  pair_.run(milliseconds(100));
  EXPECT_EQ(bulk.sent(), 1000U);
  EXPECT_EQ(sink.received(), 1000U);
  EXPECT_EQ(sink.verify_errors(), 0U);
  EXPECT_EQ(result(pair_.server, metric::kLostFraction, "server/app0"), 0);
  EXPECT_NEAR(result(pair_.server, metric::kGoodput, "server/app0"), 10e6, 0.15e6)
      << "the first one waits for an address and shortens the time between first and last";
}

TEST_F(TrafficTest, ASenderAndItsReceiverCountTheirBytesApart) {
  pair_.server.add<BulkSink>("server/app0", kStart, BulkSinkConfig());
  auto& bulk = pair_.client.add<Bulk>("client/app0", kStart,
                                      BulkConfig{.size_bytes = 1000, .to = kServerAddress});
  ASSERT_EQ(pair_.run_until([&] { return bulk.done(); }, seconds(10)), RunEnd::kMet);
  EXPECT_EQ(result(pair_.client, metric::kSentBytes, "client/app0"), 1000);
  EXPECT_EQ(result(pair_.server, metric::kBytes, "server/app0"), 1000);
  MemorySink sink;
  pair_.client.export_results(sink);
  EXPECT_FALSE(sink.find(metric::kBytes, "client/app0").has_value());
}

TEST_F(TrafficTest, AServerWhosePortIsTakenSaysSo) {
  pair_.server.add<UdpSink>("server/app0", kStart, UdpSinkConfig{.port = 9});
  pair_.server.add<UdpSink>("server/app1", kStart, UdpSinkConfig{.port = 9});
  pair_.server.add<UdpEchoServer>("server/app2", kStart, UdpEchoServerConfig{.port = 9});
  pair_.run(milliseconds(1));
  EXPECT_EQ(result(pair_.server, metric::kFailures, "server/app0"), 0);
  EXPECT_EQ(result(pair_.server, metric::kFailures, "server/app1"), 1);
  EXPECT_EQ(result(pair_.server, metric::kFailures, "server/app2"), 1);
  MemorySink sink;
  pair_.server.export_results(sink);
  ASSERT_EQ(sink.events.size(), 2U);
  EXPECT_EQ(sink.events[0].first, "app.problem");
}

TEST_F(TrafficTest, DatagramsToNowhereAreAFailure) {
  const UdpBulkConfig config{.to = Ipv4Address(0x0a000001)};
  auto& bulk = pair_.client.add<UdpBulk>("client/app0", kStart, config);
  pair_.run(milliseconds(1));
  EXPECT_TRUE(bulk.done());
  EXPECT_EQ(result(pair_.client, metric::kFailures, "client/app0"), 1);
}

TEST(UdpSinkTest, DuplicatesAreNoDatagramsAndHideNoLoss) {
  AppPairOptions options;
  options.link.faults = {.loss = 0.1, .duplicate = 0.2};
  AppPair pair(options);
  auto& sink = pair.server.add<UdpSink>("server/app0", kStart, UdpSinkConfig());
  const UdpBulkConfig config{.rate_bps = 10000000, .count = 2000, .to = kServerAddress};
  auto& bulk = pair.client.add<UdpBulk>("client/app0", kStart, config);
  ASSERT_EQ(pair.run_until([&] { return bulk.done(); }, seconds(10)), RunEnd::kMet);
  pair.run(milliseconds(100));
  MemorySink results;
  pair.server.export_results(results);
  EXPECT_NEAR(results.find(metric::kLostFraction, "server/app0").value(), 0.1, 0.03);
  EXPECT_NEAR(static_cast<double>(sink.duplicates()), 360, 80);
  EXPECT_LT(sink.received(), 2000U);
}

TEST(SeenNumbersTest, TellsEachNumberOnceWithinItsWindow) {
  SeenNumbers seen;
  EXPECT_TRUE(seen.add(5));
  EXPECT_TRUE(seen.add(3));
  EXPECT_FALSE(seen.add(3));
  EXPECT_FALSE(seen.add(5));
  EXPECT_EQ(seen.end(), 6U);
  EXPECT_TRUE(seen.add(5 + SeenNumbers::kWindow)) << "takes the place of 5";
  EXPECT_FALSE(seen.add(5)) << "too old to tell";
  EXPECT_TRUE(seen.add(6));
  EXPECT_TRUE(seen.add(1000000));
  EXPECT_TRUE(seen.add(999999));
  EXPECT_FALSE(seen.add(1000000));
}

TEST(UdpEchoTest, TimesAnswersAndCountsLosses) {
  AppPairOptions options;
  options.link.faults.loss = 0.1;
  AppPair pair(options);
  pair.server.add<UdpEchoServer>("server/app0", kStart, UdpEchoServerConfig());
  auto& echo = pair.client.add<UdpEcho>("client/app0", kStart,
                                        UdpEchoConfig{.count = 1000, .to = kServerAddress});
  ASSERT_EQ(pair.run_until([&] { return echo.done(); }, seconds(10)), RunEnd::kMet);
  EXPECT_EQ(echo.sent(), 1000U);
  // Each way loses a tenth: 810 are expected, with a spread of 12.
  EXPECT_NEAR(static_cast<double>(echo.answered()), 810, 60);
  EXPECT_NEAR(static_cast<double>(echo.latency().quantile(0.5)), 10e6, 0.1e6);
}

}  // namespace
}  // namespace twinpath
