// Run by ns-3's own test runner: ./test.py --suite=twinpath. What it covers in depth is tested in
// Twinpath's tree; this shows that the module built here carries a transfer, the same every time.
#include <ns3/boolean.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/test.h>

#include "models/app/bulk.h"
#include "sim/twinpath_helper.h"

namespace {

constexpr std::uint16_t kPort = 5001;
constexpr std::uint64_t kBytes = 500'000;

class TransferTestCase : public ns3::TestCase {
 public:
  TransferTestCase() : TestCase("a transfer over point-to-point devices, twice the same") {}

 private:
  void DoRun() override {
    const std::uint64_t first = transfer();
    const std::uint64_t second = transfer();
    NS_TEST_ASSERT_MSG_EQ(first, second, "the same simulation gave another fingerprint");
  }

  std::uint64_t transfer() {
    ns3::NodeContainer nodes(2);
    ns3::PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", ns3::StringValue("100Mbps"));
    link.SetChannelAttribute("Delay", ns3::StringValue("5ms"));
    const auto devices = link.Install(nodes);
    twinpath::sim::TwinpathHelper stack;
    stack.set_attribute("Fingerprint", ns3::BooleanValue(true));
    const auto sender = stack.install(nodes.Get(0), devices.Get(0), {"10.1.1.1/24"});
    const auto receiver = stack.install(nodes.Get(1), devices.Get(1), {"10.1.1.2/24"});
    sender->set_seed(1);
    sender->set_name("sender");
    receiver->set_seed(2);
    receiver->set_name("receiver");
    twinpath::BulkConfig bulk;
    bulk.size_bytes = kBytes;
    bulk.port = kPort;
    bulk.to = *twinpath::Ipv4Address::parse("10.1.1.2");
    sender->apps().add<twinpath::Bulk>("bulk", twinpath::kStart, bulk);
    twinpath::BulkSinkConfig sink_config;
    sink_config.port = kPort;
    const auto& sink =
        receiver->apps().add<twinpath::BulkSink>("sink", twinpath::kStart, sink_config);
    ns3::Simulator::Stop(ns3::Seconds(10));
    ns3::Simulator::Run();
    NS_TEST_EXPECT_MSG_EQ(sink.totals().bytes, kBytes, "bytes are missing");
    auto ports = sender->fingerprints();
    const auto others = receiver->fingerprints();
    ports.insert(ports.end(), others.begin(), others.end());
    sender->Dispose();
    receiver->Dispose();
    ns3::Simulator::Destroy();
    return twinpath::run_fingerprint(ports);
  }
};

class TwinpathTestSuite : public ns3::TestSuite {
 public:
  TwinpathTestSuite() : TestSuite("twinpath", UNIT) { AddTestCase(new TransferTestCase, QUICK); }
};

TwinpathTestSuite g_twinpath_test_suite;

}  // namespace
