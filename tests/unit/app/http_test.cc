// Proves that bodies of any size cross a bad network byte for byte, and that the server answers
// nonsense with the right refusal.
#include <gtest/gtest.h>

#include "models/app/http_get.h"
#include "models/app/http_server.h"
#include "models/base/memory_sink.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Fetch {
  AppPairOptions world;
  HttpGetConfig get;
};

HttpGetTotals fetch(const Fetch& fetch) {
  AppPair pair(fetch.world);
  pair.server.add<HttpServer>("server/app0", kStart, HttpServerConfig());
  HttpGetConfig config = fetch.get;
  config.to = kServerAddress;
  auto& get = pair.client.add<HttpGet>("client/app0", kStart, config);
  EXPECT_EQ(pair.run_until([&] { return get.done(); }, seconds(600)), RunEnd::kMet);
  return get.totals();
}

TEST(HttpTest, FetchesBodiesOfManySizesOverOneConnection) {
  const auto totals = fetch({.world = {}, .get = {.sizes = {0, 1, 1000, 65521, 65522, 1000000}}});
  EXPECT_EQ(totals.problem, "");
  EXPECT_EQ(totals.requests, 6U);
  EXPECT_EQ(totals.verified_bytes, 0U + 1 + 1000 + 65521 + 65522 + 1000000);
}

TEST(HttpTest, FetchesInChunks) {
  const auto totals =
      fetch({.world = {}, .get = {.path = "/chunked/", .sizes = {0, 1, 16384, 16385, 300000}}});
  EXPECT_EQ(totals.problem, "");
  EXPECT_EQ(totals.requests, 5U);
}

TEST(HttpTest, OpensAConnectionPerRequestWhenAskedTo) {
  const auto totals =
      fetch({.world = {}, .get = {.size_bytes = 5000, .requests = 3, .keep_alive = false}});
  EXPECT_EQ(totals.problem, "");
  EXPECT_EQ(totals.requests, 3U);
}

TEST(HttpTest, ByteExactThroughLossReorderDuplicateAndCorruption) {
  AppPairOptions world;
  world.link.rate_bps = 100000000;
  world.link.faults = {.loss = 0.02, .corrupt = 0.01, .duplicate = 0.02, .reorder = 0.02};
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    world.seed = seed;
    const auto totals = fetch({.world = world, .get = {.size_bytes = 1000000}});
    EXPECT_EQ(totals.problem, "") << "seed " << seed;
    EXPECT_EQ(totals.verified_bytes, 1000000U) << "seed " << seed;
  }
}

TEST(HttpTest, SendsItsRequestThoughOnlyHalfOfItFitsAtOnce) {
  AppPairOptions world;
  world.client.stream_chunk_bytes = 64;
  world.client.stream_chunks_max = 1;
  const auto totals = fetch({.world = world, .get = {.size_bytes = 1000}});
  EXPECT_EQ(totals.problem, "");
  EXPECT_EQ(totals.requests, 1U);
}

TEST(HttpTest, SaysWhenNobodyListens) {
  AppPair pair;
  auto& get = pair.client.add<HttpGet>("client/app0", kStart, HttpGetConfig{.to = kServerAddress});
  EXPECT_EQ(pair.run_until([&] { return get.done(); }, seconds(10)), RunEnd::kMet);
  EXPECT_EQ(get.totals().failures, 1U);
  EXPECT_EQ(get.totals().problem, "ECONNREFUSED");
}

double flow_value(AppHost& host, const MetricInfo& metric,
                  std::string_view flow = "client/app0/flow0") {
  MemorySink sink;
  host.export_results(sink);
  return sink.find(metric, flow).value_or(-1);
}

TEST(HttpTest, TheServerReportsWhatItSentAgainWhetherItsConnectionsEndedOrNot) {
  for (const bool keep_alive : {true, false}) {
    AppPairOptions world;
    world.link.faults.loss = 0.05;
    AppPair pair(world);
    pair.server.add<HttpServer>("server/app0", kStart, HttpServerConfig());
    const HttpGetConfig config{
        .size_bytes = 300000, .keep_alive = keep_alive, .to = kServerAddress};
    auto& get = pair.client.add<HttpGet>("client/app0", kStart, config);
    ASSERT_EQ(pair.run_until([&] { return get.done(); }, seconds(600)), RunEnd::kMet);
    const auto resent = pair.server.ip().tcp().counters().retransmits;
    EXPECT_GT(resent, 0U);
    EXPECT_EQ(flow_value(pair.server, metric::kRetransmits, "server/app0/flow0"),
              static_cast<double>(resent));
  }
}

TEST(HttpTest, AClientWhoseSenderCountsNothingHasNoFigureOfItsOwn) {
  AppPair pair;
  pair.server.add<HttpServer>("server/app0", kStart, HttpServerConfig());
  auto& get = pair.client.add<HttpGet>("client/app0", kStart,
                                       HttpGetConfig{.to = kServerAddress, .sender_counts = false});
  ASSERT_EQ(pair.run_until([&] { return get.done(); }, seconds(60)), RunEnd::kMet);
  EXPECT_EQ(flow_value(pair.client, metric::kRetransmits), -1);
  EXPECT_GT(flow_value(pair.client, metric::kSrtt), 0);
}

TEST(HttpTest, CountsRetransmissionsOfAllItsConnections) {
  AppPairOptions world;
  world.link.faults.loss = 0.2;
  AppPair pair(world);
  pair.server.add<HttpServer>("server/app0", kStart, HttpServerConfig());
  auto& get = pair.client.add<HttpGet>(
      "client/app0", kStart,
      HttpGetConfig{.size_bytes = 100, .requests = 40, .keep_alive = false, .to = kServerAddress});
  double seen = 0;
  const auto never_less = [&] {
    const double now = flow_value(pair.client, metric::kRetransmits);
    EXPECT_GE(now, seen) << "a new connection forgets none of what came before";
    seen = std::max(seen, now);
    return get.done();
  };
  ASSERT_EQ(pair.run_until(never_less, seconds(600)), RunEnd::kMet);
  // A fifth of 40 SYN and 40 requests, at the least.
  EXPECT_GT(seen, 8);
}

TEST(HttpTest, ATransferThatNeverEndsShowsWhatItSentAgain) {
  AppPairOptions world;
  world.link.faults.loss = 1;
  AppPair pair(world);
  pair.client.add<HttpGet>("client/app0", kStart, HttpGetConfig{.to = kServerAddress});
  pair.run(seconds(10));
  EXPECT_GE(flow_value(pair.client, metric::kTimeouts), 0) << "the flow is reported";
}

TEST(HttpTest, ReportsGoodputAndCompletionTime) {
  AppPairOptions world;
  world.link = {.rate_bps = 10000000, .delay = milliseconds(10), .queue_bytes = 4000000};
  AppPair pair(world);
  pair.server.add<HttpServer>("server/app0", kStart, HttpServerConfig());
  auto& get = pair.client.add<HttpGet>("client/app0", kStart,
                                       HttpGetConfig{.size_bytes = 1000000, .to = kServerAddress});
  ASSERT_EQ(pair.run_until([&] { return get.done(); }, seconds(60)), RunEnd::kMet);
  MemorySink sink;
  pair.client.export_results(sink);
  const double fct = sink.find(metric::kFct, "client/app0").value();
  // 1,000,000 bytes in 1448-byte segments of 1514 byte at 10 Mb/s take 0.837 s; a handshake, a
  // request and slow start come on top.
  EXPECT_GT(fct, 0.837 + 0.040);
  EXPECT_LT(fct, 1.1);
  const double goodput = sink.find(metric::kGoodput, "client/app0").value();
  EXPECT_GT(goodput, 8.5e6);
  EXPECT_LT(goodput, 9.7e6);
}

HttpAnswer answer(std::string_view request) {
  HttpHeadReader reader;
  reader.take(std::as_bytes(std::span(request)));
  return answer_to(reader);
}

TEST(HttpServerTest, RefusesWhatItMustAndSaysHow) {
  EXPECT_EQ(answer("GET /7 HTTP/1.1\r\nHost: x\r\n\r\n").body_bytes, 7U);
  EXPECT_EQ(answer("GET /bytes/7?x=1 HTTP/1.1\r\nHost: x\r\n\r\n").body_bytes, 7U);
  EXPECT_EQ(answer("GET http://x/bytes/9 HTTP/1.1\r\nHost: x\r\n\r\n").body_bytes, 9U);
  EXPECT_TRUE(answer("HEAD /7 HTTP/1.1\r\nHost: x\r\n\r\n").head_only);
  EXPECT_TRUE(answer("GET /7 HTTP/1.0\r\n\r\n").close);
  EXPECT_TRUE(answer("GET /7 HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n").close);
  EXPECT_FALSE(answer("GET /7 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").close);
  EXPECT_EQ(answer("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").status, 404U);
  EXPECT_EQ(answer("GET /bytes/-1 HTTP/1.1\r\nHost: x\r\n\r\n").status, 404U);
  EXPECT_EQ(answer("PUT /7 HTTP/1.1\r\nHost: x\r\n\r\n").status, 405U);
  EXPECT_EQ(answer("BREW /7 HTTP/1.1\r\nHost: x\r\n\r\n").status, 501U);
  EXPECT_EQ(answer("GET /7 HTTP/2.0\r\nHost: x\r\n\r\n").status, 505U);
  EXPECT_EQ(answer("GET /7 HTTP/1.1\r\n\r\n").status, 400U);
  EXPECT_EQ(answer("GET  HTTP/1.1\r\nHost: x\r\n\r\n").status, 400U);
  EXPECT_EQ(answer("GET /7 HTTP/1.1\r\nHost : x\r\n\r\n").status, 400U);
  EXPECT_EQ(answer("nonsense\r\n\r\n").status, 400U);
  EXPECT_EQ(answer("GET /7 HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n").status, 400U);
  EXPECT_EQ(answer("GET /7 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n")
                .status,
            400U);
  const std::string large = "GET /7 HTTP/1.1\r\nHost: " + std::string(20000, 'x') + "\r\n\r\n";
  EXPECT_EQ(answer(large).status, 431U);
}

// A client that writes whatever it is told and keeps what comes back.
class RawClient final : public App {
 public:
  struct Config {
    std::string request;
  };
  RawClient(const Config& config, const AppContext& context)
      : config_(config), context_(context), poller_(context.sockets, &context.ready) {}
  void start(Instant now) override {
    fd_ = context_.sockets.socket(SocketKind::kStream).fd;
    poller_.add(fd_, {kBothWays, Trigger::kEdge});
    context_.sockets.connect(now, fd_, {kServerAddress, 80});
  }
  void on_ready(Instant now) override {
    PollEvent event;
    while (poller_.wait(std::span(&event, 1)) == 1) {
      const auto rest = std::string_view(config_.request).substr(sent_);
      const auto taken = context_.sockets.send(now, fd_, std::as_bytes(std::span(rest)));
      if (taken > 0) sent_ += static_cast<std::size_t>(taken);
      for (;;) {
        const Received piece = context_.sockets.receive_slice(now, fd_, 65536);
        if (piece.result == 0) closed = true;
        if (piece.result <= 0) break;
        const auto bytes = piece.data.bytes();
        answer.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      }
    }
  }
  [[nodiscard]] bool done() const override { return closed; }
  void report(AppReport&) const override {}
  std::string answer;
  bool closed = false;

 private:
  Config config_;
  AppContext context_;
  Poller poller_;
  Fd fd_ = Fd::kNone;
  std::size_t sent_ = 0;
};

TEST(HttpServerTest, AnswersPipelinedRequestsInOrderAndClosesWhenAsked) {
  AppPair pair;
  auto& server = pair.server.add<HttpServer>("server/app0", kStart, HttpServerConfig());
  auto& client = pair.client.add<RawClient>(
      "client/app0", kStart,
      RawClient::Config{"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                        "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                        "HEAD /999 HTTP/1.1\r\nHost: x\r\n\r\n"
                        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nignored"});
  ASSERT_EQ(pair.run_until([&] { return client.closed; }, seconds(10)), RunEnd::kMet);
  const std::size_t first = client.answer.find("HTTP/1.1 200 OK");
  const std::size_t second = client.answer.find("HTTP/1.1 405 Method Not Allowed");
  const std::size_t third = client.answer.find("Content-Length: 999");
  const std::size_t fourth = client.answer.find("Connection: close");
  EXPECT_EQ(first, 0U);
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, fourth);
  EXPECT_NE(client.answer.find("\r\n\r\nTwinpath: GET"), std::string::npos);
  EXPECT_EQ(server.totals().requests, 4U);
  EXPECT_EQ(server.totals().refused, 1U);
  EXPECT_EQ(server.totals().failures, 0U);
}

}  // namespace
}  // namespace twinpath
