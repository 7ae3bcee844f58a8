// lwIP under all three drivers: the fake network, ns-3 and DPDK's net_ring see the same frames at
// the same instants, because lwIP's clock, randomness and deadlines are the host's.
#include <gtest/gtest.h>

#include "bindings/lwip/lwip_library.h"
#include "models/app/bulk.h"
#include "models/app/http_get.h"
#include "models/app/http_server.h"
#include "models/app/udp_apps.h"
#include "models/foreign/lwip/lwip_app_host.h"
#include "tests/twin/everywhere.h"

namespace twinpath::test {
namespace {

Machine lwip_stack(std::uint32_t number, std::function<void(LwipAppHost&)> furnish) {
  const HostConfig config = host_config(number);
  return {.name = config.name,
          .make_host =
              [config, furnish = std::move(furnish)](BufPool& pool) {
                auto host = std::make_unique<LwipAppHost>(config, bind::open_lwip(), pool);
                furnish(*host);
                return host;
              },
          .make_stages = {}};
}

template <typename H>
void furnish_client(H& host) {
  BulkConfig bulk;
  bulk.size_bytes = 300'000;
  bulk.to = kSecond;
  host.template add<Bulk>("host1/app0", kStart, bulk);
  HttpGetConfig get;
  get.size_bytes = 100'000;
  get.to = kSecond;
  host.template add<HttpGet>("host1/app1", at_ns(1'000'000), get);
  UdpEchoConfig echo;
  echo.count = 100;
  echo.to = kSecond;
  host.template add<UdpEcho>("host1/app2", kStart, echo);
}

template <typename H>
void furnish_server(H& host) {
  host.template add<BulkSink>("host2/app0", kStart, BulkSinkConfig());
  host.template add<HttpServer>("host2/app1", kStart, HttpServerConfig());
  host.template add<UdpEchoServer>("host2/app2", kStart, UdpEchoServerConfig());
}

void expect_equal(const Machine& client, const Machine& server) {
  const Experiment experiment{.machines = {client, server},
                              .wires = {{"wire", {0, 0}, {1, 0}, bad_link()}},
                              .until = at_ns(120'000'000'000),
                              .seed = 21};
  expect_equal_everywhere(experiment, 1000);
}

TEST(Twin, OurClientAndALwipServer) {
  expect_equal(stack(1, furnish_client<AppHost>), lwip_stack(2, furnish_server<LwipAppHost>));
}

TEST(Twin, ALwipClientAndOurServer) {
  expect_equal(lwip_stack(1, furnish_client<LwipAppHost>), stack(2, furnish_server<AppHost>));
}

}  // namespace
}  // namespace twinpath::test
