// Proves that our applications run on ns3's own stack over our links: both roles, streams and
// datagrams, every byte checked, losses included.
#include <gtest/gtest.h>
#include <ns3/simulator.h>

#include "models/app/bulk.h"
#include "models/app/http_get.h"
#include "models/app/http_server.h"
#include "models/app/udp_apps.h"
#include "sim/direct_link.h"
#include "sim/ns3_host.h"
#include "sim/twinpath_host.h"

namespace twinpath::sim {
namespace {

const Ipv4Address kOurs(0xc6120001);
const Ipv4Address kNs3s(0xc6120002);

class Ns3HostTest : public ::testing::Test {
 protected:
  Ns3HostTest() : ns3s_(config_of(2), TcpConfig()) {
    const LinkConfig config{
        .rate_bps = 100'000'000, .delay = std::chrono::milliseconds(3), .faults = {.loss = 0.01}};
    DirectLink link({.from_a = config, .from_b = config}, Rng(4));
    ours_->add_interface(interface_of(1), link.end(0));
    ns3s_.add_interface(interface_of(2), link.end(1));
  }
  ~Ns3HostTest() override {
    ours_->Dispose();
    ns3::Simulator::Destroy();
  }
  static HostConfig config_of(std::uint32_t number) {
    HostConfig config;
    config.name = "host" + std::to_string(number);
    config.seed = number;
    return config;
  }
  static InterfaceConfig interface_of(std::uint32_t number) {
    InterfaceConfig interface;
    interface.mac = MacAddress::from_u64(0x020000000000 + number);
    interface.addresses = {Ipv4Prefix(Ipv4Address(0xc6120000 + number), 24)};
    return interface;
  }
  void run() {
    ns3s_.start();
    ns3::Simulator::Stop(ns3::Seconds(60));
    ns3::Simulator::Run();
  }

  ns3::Ptr<TwinpathHost> ours_ = ns3::CreateObject<TwinpathHost>();
  Ns3Host ns3s_;
};

TEST_F(Ns3HostTest, ServesHttpToOurs) {
  ns3s_.apps().add<HttpServer>("server", kStart, HttpServerConfig());
  HttpGetConfig config;
  config.to = kNs3s;
  config.size_bytes = 300'000;
  config.requests = 2;
  const HttpGet& get = ours_->apps().add<HttpGet>("get", kStart, config);
  run();
  EXPECT_TRUE(get.done());
  EXPECT_EQ(get.totals().requests, 2U);
  EXPECT_EQ(get.totals().verified_bytes, 600'000U);
  EXPECT_EQ(get.totals().problem, "");
}

TEST_F(Ns3HostTest, FetchesFromOurs) {
  ours_->apps().add<HttpServer>("server", kStart, HttpServerConfig());
  HttpGetConfig config;
  config.to = kOurs;
  config.size_bytes = 200'000;
  const HttpGet& get = ns3s_.apps().add<HttpGet>("get", kStart, config);
  run();
  EXPECT_EQ(get.totals().verified_bytes, 200'000U);
}

TEST_F(Ns3HostTest, SendsBulkAndTakesIt) {
  const BulkSink& at_ours = ours_->apps().add<BulkSink>("sink", kStart, BulkSinkConfig());
  const BulkSink& at_ns3s = ns3s_.apps().add<BulkSink>("sink", kStart, BulkSinkConfig());
  BulkConfig config;
  config.size_bytes = 400'000;
  config.to = kOurs;
  const Bulk& there = ns3s_.apps().add<Bulk>("bulk", kStart, config);
  config.to = kNs3s;
  const Bulk& back = ours_->apps().add<Bulk>("bulk", kStart, config);
  run();
  EXPECT_EQ(at_ours.totals().bytes, 400'000U);
  EXPECT_EQ(at_ns3s.totals().bytes, 400'000U);
  EXPECT_EQ(at_ours.totals().verify_errors + at_ns3s.totals().verify_errors, 0U);
  EXPECT_TRUE(there.done() && back.done());
}

TEST_F(Ns3HostTest, EchoesDatagrams) {
  ns3s_.apps().add<UdpEchoServer>("server", kStart, UdpEchoServerConfig());
  UdpEchoConfig config;
  config.to = kNs3s;
  config.count = 100;
  config.size_bytes = 1000;
  const UdpEcho& echo = ours_->apps().add<UdpEcho>("echo", kStart, config);
  run();
  EXPECT_EQ(echo.sent(), 100U);
  EXPECT_GE(echo.answered(), 75U) << "ns-3 keeps three packets while it asks for an address";
}

}  // namespace
}  // namespace twinpath::sim
