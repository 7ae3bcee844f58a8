// Proves that what goes through the proxy arrives byte for byte whatever the links do, that neither
// side can fill the proxy, and that a server which fails is said to have failed.
#include <gtest/gtest.h>

#include "models/app/http_get.h"
#include "models/app/http_proxy.h"
#include "models/app/http_server.h"
#include "models/base/memory_sink.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Ipv4Address kProxyInside(0xc6120002);   // 198.18.0.2, the client is .1
const Ipv4Address kProxyOutside(0xc6120101);  // 198.18.1.1
const Ipv4Address kOrigin(0xc6120102);        // 198.18.1.2

struct ChainOptions {
  std::uint64_t seed = 1;
  LinkConfig near{.delay = milliseconds(2)};
  LinkConfig far{.delay = milliseconds(5)};
};

HostConfig proxy_host() {
  HostConfig config = with_interface(HostConfig(), "proxy", kProxyInside);
  config.interfaces.push_back(
      {.mac = MacAddress::from_u64(0x020000000101), .addresses = {Ipv4Prefix(kProxyOutside, 24)}});
  return config;
}

struct Chain {
  explicit Chain(const ChainOptions& options = ChainOptions())
      : client(with_interface(HostConfig(), "client", kClientAddress), TcpConfig(), pools[0]),
        proxy(proxy_host(), TcpConfig(), pools[1]),
        server(with_interface(HostConfig(), "server", kOrigin), TcpConfig(), pools[2]),
        network(options.seed) {
    const FakeHostId a = network.add("client", client);
    const FakeHostId b = network.add("proxy", proxy);
    const FakeHostId c = network.add("server", server);
    network.join("near", {a, 0}, {b, 0}, options.near);
    network.join("far", {b, 1}, {c, 0}, options.far);
    app = &proxy.add<HttpProxy>("proxy/app0", kStart, HttpProxyConfig());
  }
  HttpServer& serve() { return server.add<HttpServer>("server/app0", kStart, HttpServerConfig()); }
  HttpGet& get(HttpGetConfig config, Instant at = at_ns(1)) {
    config.to = kOrigin;
    config.via = kProxyInside;
    config.via_port = 8080;
    return client.add<HttpGet>("client/app" + std::to_string(client.apps()), at, config);
  }
  RunEnd run_until(const std::function<bool()>& condition) {
    return network.run_until(condition, {.until = after(network.now(), seconds(600))});
  }

  std::array<HeapPool, 3> pools;
  AppHost client;
  AppHost proxy;
  AppHost server;
  FakeNetwork network;
  HttpProxy* app = nullptr;
};

TEST(HttpProxyTest, BothSidesKeepTheirConnection) {
  Chain chain;
  chain.serve();
  auto& get = chain.get({.sizes = {0, 1, 1000, 65521, 300000}});
  ASSERT_EQ(chain.run_until([&] { return get.done(); }), RunEnd::kMet);
  EXPECT_EQ(get.totals().problem, "");
  EXPECT_EQ(get.totals().requests, 5U);
  EXPECT_EQ(chain.app->totals().requests, 5U);
  EXPECT_EQ(chain.app->totals().server_connections, 1U);
  EXPECT_EQ(chain.app->totals().body_bytes, 0U + 1 + 1000 + 65521 + 300000);
  chain.network.run_for(seconds(200));
  EXPECT_TRUE(chain.app->done());
  EXPECT_EQ(chain.proxy.sockets().open_sockets(), 1U) << "the listener only";
}

TEST(HttpProxyTest, ChunksPassAsTheyAre) {
  Chain chain;
  chain.serve();
  auto& get = chain.get({.path = "/chunked/", .sizes = {0, 1, 16384, 16385, 300000}});
  ASSERT_EQ(chain.run_until([&] { return get.done(); }), RunEnd::kMet);
  EXPECT_EQ(get.totals().problem, "");
  EXPECT_EQ(get.totals().requests, 5U);
}

TEST(HttpProxyTest, ByteExactWhenBothLinksAreBad) {
  ChainOptions options;
  options.near.rate_bps = options.far.rate_bps = 100000000;
  options.near.faults = {.loss = 0.02, .corrupt = 0.01, .duplicate = 0.02, .reorder = 0.02};
  options.far.faults = options.near.faults;
  for (options.seed = 1; options.seed <= 5; ++options.seed) {
    Chain chain(options);
    chain.serve();
    auto& get = chain.get({.size_bytes = 500000, .requests = 2});
    ASSERT_EQ(chain.run_until([&] { return get.done(); }), RunEnd::kMet) << options.seed;
    EXPECT_EQ(get.totals().problem, "") << options.seed;
    EXPECT_EQ(get.totals().verified_bytes, 1000000U) << options.seed;
  }
}

TEST(HttpProxyTest, ASlowClientHoldsTheServerBack) {
  ChainOptions options;
  options.near.rate_bps = 1000000;
  options.far.rate_bps = 1000000000;
  Chain chain(options);
  auto& server = chain.serve();
  auto& get = chain.get({.size_bytes = 20000000});
  chain.network.run_for(seconds(5));
  const ProxyTotals& totals = chain.app->totals();
  EXPECT_GE(totals.waiting_bytes_max, 60000U) << "the relay was full at some time";
  EXPECT_LE(totals.waiting_bytes_max, Relay::kWaitingBytesMax + 2 * kHttpHeadBytesMax);
  // 5 s at 1 Mb/s are 0.6 MB; what is ahead of them waits in the relay and in three sockets.
  EXPECT_LT(totals.body_bytes, 8000000U);
  EXPECT_LT(server.totals().body_bytes, 16000000U);
  ASSERT_EQ(chain.run_until([&] { return get.done(); }), RunEnd::kMet);
  EXPECT_EQ(get.totals().verified_bytes, 20000000U);
}

TEST(HttpProxyTest, ManyClientsAtOnce) {
  Chain chain;
  chain.serve();
  for (int i = 0; i < 50; ++i) chain.get({.size_bytes = 20000, .requests = 2});
  ASSERT_EQ(chain.run_until([&] { return chain.client.done(); }), RunEnd::kMet);
  EXPECT_EQ(chain.app->totals().requests, 100U);
  EXPECT_EQ(chain.app->totals().failures, 0U);
  EXPECT_EQ(chain.app->totals().server_connections, 50U);
}

TEST(HttpProxyTest, AServerThatIsNotThereIsABadGateway) {
  Chain chain;  // nobody listens
  auto& get = chain.get({.size_bytes = 10});
  ASSERT_EQ(chain.run_until([&] { return get.done(); }), RunEnd::kMet);
  EXPECT_EQ(get.totals().problem, "malformed or refused answer: HTTP/1.1 502 Bad Gateway");
  EXPECT_EQ(chain.app->totals().problem, "server 198.18.1.2: ECONNREFUSED");
  EXPECT_EQ(chain.app->totals().failures, 1U);
  MemorySink sink;
  chain.proxy.export_results(sink);
  EXPECT_EQ(sink.find(metric::kFailures, "proxy/app0"), 1);
}

// What a client that speaks for itself gets.
class Raw {
 public:
  explicit Raw(Chain& chain) : chain_(chain), sockets_(chain.client.sockets()) {
    fd_ = sockets_.socket(SocketKind::kStream).fd;
    sockets_.connect(chain.network.now(), fd_, {kProxyInside, 8080});
    chain.network.run_for(milliseconds(50));
  }
  std::string ask(std::string_view text) {
    sockets_.send(chain_.network.now(), fd_, std::as_bytes(std::span(text)));
    chain_.network.run_for(milliseconds(500));
    std::string answer;
    for (;;) {
      const Received piece = sockets_.receive_slice(chain_.network.now(), fd_, 65536);
      ended_ |= piece.result == 0;
      if (piece.result <= 0) return answer;
      const auto bytes = piece.data.bytes();
      answer.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  Chain& chain_;
  Sockets& sockets_;
  Fd fd_;
  bool ended_ = false;
};

TEST(HttpProxyTest, WhatIsNoRequestForAProxyIsRefusedAndEnds) {
  for (const char* text :
       {"GET /bytes/5 HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://name/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://198.18.1.2:0/ HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n\r\n",
        "nonsense\r\n\r\n", "GET http://198.18.1.2/ SPDY\r\n\r\n",
        "POST http://198.18.1.2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"}) {
    Chain chain;
    chain.serve();
    Raw client(chain);
    EXPECT_EQ(client.ask(text).substr(0, 24), "HTTP/1.1 400 Bad Request") << text;
    EXPECT_TRUE(client.ended()) << text;
    EXPECT_EQ(chain.app->totals().server_connections, 0U) << text;
  }
}

TEST(HttpProxyTest, PipelinedRequestsAndHeadAreAnsweredInOrder) {
  Chain chain;
  chain.serve();
  Raw client(chain);
  const std::string answers = client.ask(
      "HEAD http://198.18.1.2/bytes/7 HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST http://198.18.1.2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
      "GET http://198.18.1.2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::size_t head = answers.find("HTTP/1.1 200");
  const std::size_t post = answers.find("HTTP/1.1 405");
  const std::size_t get = answers.rfind("HTTP/1.1 200");
  EXPECT_LT(head, post);
  EXPECT_LT(post, get);
  EXPECT_NE(answers.find("content-length: 7\r\n"), std::string::npos);
  EXPECT_NE(answers.find("Via: 1.1 twinpath\r\n"), std::string::npos);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(chain.app->totals().requests, 3U);
}

TEST(HttpProxyTest, ABadGatewayLeavesTheClientConnected) {
  Chain chain;
  Raw client(chain);
  const char* request = "GET http://198.18.1.2/bytes/5 HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(client.ask(request).substr(0, 12), "HTTP/1.1 502");
  EXPECT_FALSE(client.ended());
  chain.serve();
  chain.network.run_for(milliseconds(10));
  EXPECT_EQ(client.ask(request).substr(0, 12), "HTTP/1.1 200");
}

TEST(HttpProxyTest, AnAnswerCutOffIsNotTakenForWhole) {
  ChainOptions options;
  options.far.rate_bps = 1000000;
  Chain chain(options);
  chain.serve();
  auto& get = chain.get({.size_bytes = 1000000});
  chain.network.run_for(seconds(2));
  ASSERT_FALSE(get.done());
  for (int fd = 0; fd < 8; ++fd) {  // the server dies: its connections are reset
    chain.server.sockets().set_option(chain.network.now(), Fd(fd), SocketOption::kLinger, 0);
    chain.server.sockets().close(chain.network.now(), Fd(fd));
  }
  ASSERT_EQ(chain.run_until([&] { return get.done(); }), RunEnd::kMet);
  EXPECT_EQ(get.totals().requests, 0U);
  EXPECT_EQ(get.totals().failures, 1U);
  EXPECT_EQ(chain.app->sessions(), 0U);
  EXPECT_EQ(chain.app->totals().problem.substr(0, 19), "server 198.18.1.2: ");
}

}  // namespace
}  // namespace twinpath
