// lwIP and our stack talk to each other, each side in each part, over good links and bad ones, with
// the applications that run everywhere.
#include <gtest/gtest.h>

#include "models/app/bulk.h"
#include "models/app/http_get.h"
#include "models/app/http_server.h"
#include "models/app/request_response.h"
#include "models/app/udp_apps.h"
#include "models/base/memory_sink.h"
#include "tests/lwip/lwip_pair.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

LinkConfig bad_link() {
  return {.rate_bps = 20'000'000,
          .delay = milliseconds(5),
          .jitter = milliseconds(1),
          .queue_bytes = 60'000,
          .faults = {.loss = 0.02, .corrupt = 0.01, .duplicate = 0.02, .reorder = 0.02}};
}

template <typename Pair>
class Interop : public testing::Test {};
using Pairs = testing::Types<MixedPair<AppHost, LwipAppHost>, MixedPair<LwipAppHost, AppHost>,
                             MixedPair<LwipAppHost, LwipAppHost>>;
TYPED_TEST_SUITE(Interop, Pairs);

template <typename Pair>
void expect_bulk(Pair& pair, std::uint64_t bytes) {
  BulkConfig config;
  config.size_bytes = bytes;
  config.to = kServerAddress;
  const Bulk& bulk = pair.client->template add<Bulk>("client/app0", kStart, config);
  const BulkSink& sink =
      pair.server->template add<BulkSink>("server/app0", kStart, BulkSinkConfig());
  EXPECT_EQ(pair.run_until([&] { return bulk.done() && sink.done(); }, seconds(600)), RunEnd::kMet);
  EXPECT_EQ(sink.totals().bytes, bytes);
  EXPECT_EQ(sink.totals().verify_errors, 0);
  EXPECT_EQ(bulk.error(), Errno::kNone);
}

TYPED_TEST(Interop, BulkOverACleanLink) {
  TypeParam pair;
  expect_bulk(pair, 5'000'000);
}

TYPED_TEST(Interop, BulkThroughEveryFault) {
  TypeParam pair({.seed = 3, .link = bad_link()});
  expect_bulk(pair, 1'000'000);
}

TYPED_TEST(Interop, Http) {
  TypeParam pair({.seed = 4, .link = bad_link()});
  HttpGetConfig config;
  config.size_bytes = 300'000;
  config.to = kServerAddress;
  const HttpGet& get = pair.client->template add<HttpGet>("client/app0", kStart, config);
  pair.server->template add<HttpServer>("server/app0", kStart, HttpServerConfig());
  EXPECT_EQ(pair.run_until([&] { return get.done(); }, seconds(600)), RunEnd::kMet);
  MemorySink sink;
  pair.client->export_results(sink);
  EXPECT_EQ(sink.find(metric::kBytes, "client/app0"), 300'000);
}

TYPED_TEST(Interop, RequestsAndAnswersOnManyConnections) {
  TypeParam pair;
  RequestResponseConfig config;
  config.requests = 2000;
  config.connections = 50;
  config.response_bytes = 5000;
  config.to = kServerAddress;
  const auto& client = pair.client->template add<RequestResponse>("client/app0", kStart, config);
  pair.server->template add<EchoServer>("server/app0", kStart, EchoServerConfig());
  EXPECT_EQ(pair.run_until([&] { return client.done(); }, seconds(600)), RunEnd::kMet);
  MemorySink sink;
  pair.client->export_results(sink);
  EXPECT_EQ(sink.find(metric::kRequests, "client/app0"), 2000);
  EXPECT_EQ(sink.find(metric::kFailures, "client/app0"), 0);
}

TYPED_TEST(Interop, Datagrams) {
  TypeParam pair;
  UdpEchoConfig config;
  config.count = 500;
  config.size_bytes = 1000;
  config.to = kServerAddress;
  const auto& client = pair.client->template add<UdpEcho>("client/app0", kStart, config);
  pair.server->template add<UdpEchoServer>("server/app0", kStart, UdpEchoServerConfig());
  EXPECT_EQ(pair.run_until([&] { return client.done(); }, seconds(600)), RunEnd::kMet);
  MemorySink sink;
  pair.client->export_results(sink);
  EXPECT_EQ(sink.find(metric::kLostFraction, "client/app0"), 0);
}

// Its port and its random choices are a function of its seed; two runs send the same bytes.
TYPED_TEST(Interop, EqualSeedsGiveEqualRuns) {
  const auto run = [](std::uint64_t seed) {
    TypeParam pair({.seed = seed, .link = bad_link()});
    expect_bulk(pair, 200'000);
    return pair.network.fingerprint();
  };
  const std::uint64_t first = run(7);
  EXPECT_EQ(first, run(7));
  EXPECT_NE(first, run(8));
}

}  // namespace
}  // namespace twinpath
