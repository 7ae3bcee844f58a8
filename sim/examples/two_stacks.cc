// A plain ns-3 program: Twinpath's stack on one node, ns-3's own on the other, an ordinary
// point-to-point link between them, and TCP in both directions at once. What each side receives is
// heard on its trace sources. Run: ./two_stacks [MEGABYTES]
#include <ns3/bulk-send-application.h>
#include <ns3/inet-socket-address.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/node-container.h>
#include <ns3/packet-sink-helper.h>
#include <ns3/packet-sink.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/tcp-socket-factory.h>
#include <ns3/uinteger.h>

#include <cstdlib>
#include <iostream>

#include "models/app/bulk.h"
#include "sim/twinpath_helper.h"

namespace {

constexpr std::uint16_t kPort = 5001;

// ns-3's applications on ns-3's node: a sink, and a sender that starts when ours listens.
ns3::Ptr<ns3::PacketSink> run_ns3_side(const ns3::Ptr<ns3::Node>& node, std::uint64_t size_bytes) {
  const ns3::InetSocketAddress here(ns3::Ipv4Address::GetAny(), kPort);
  ns3::PacketSinkHelper sink("ns3::TcpSocketFactory", here);
  const auto sender = ns3::CreateObject<ns3::BulkSendApplication>();
  const ns3::InetSocketAddress there(ns3::Ipv4Address("198.18.0.2"), kPort);
  sender->SetAttributeFailSafe("Remote", ns3::AddressValue(there));
  sender->SetAttributeFailSafe("Protocol", ns3::TypeIdValue(ns3::TcpSocketFactory::GetTypeId()));
  sender->SetAttributeFailSafe("MaxBytes", ns3::UintegerValue(size_bytes));
  sender->SetStartTime(ns3::MilliSeconds(10));
  node->AddApplication(sender);
  return ns3::DynamicCast<ns3::PacketSink>(sink.Install(node).Get(0));
}

// Our applications on our node.
void run_our_side(twinpath::sim::TwinpathHost& host, std::uint64_t size_bytes) {
  const auto start = twinpath::Instant(std::chrono::milliseconds(1));
  twinpath::BulkSinkConfig sink;
  sink.port = kPort;
  host.apps().add<twinpath::BulkSink>("ours/app0", start, sink);
  twinpath::BulkConfig sender;
  sender.size_bytes = size_bytes;
  sender.port = kPort;
  sender.to = *twinpath::Ipv4Address::parse("198.18.0.1");
  host.apps().add<twinpath::Bulk>("ours/app1", start, sender);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t size_bytes =
      1'000'000ULL * (argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1);
  ns3::NodeContainer nodes(2);
  ns3::PointToPointHelper link;
  link.SetDeviceAttribute("DataRate", ns3::StringValue("100Mbps"));
  link.SetChannelAttribute("Delay", ns3::StringValue("2ms"));
  const ns3::NetDeviceContainer devices = link.Install(nodes);
  ns3::InternetStackHelper().Install(nodes.Get(0));
  ns3::Ipv4AddressHelper("198.18.0.0", "255.255.255.0").Assign(devices.Get(0));
  twinpath::sim::TwinpathHelper helper;
  helper.set_attribute("Congestion", ns3::StringValue("cubic"));
  const auto ours =
      helper.install(nodes.Get(1), ns3::NetDeviceContainer(devices.Get(1)), {"198.18.0.2/24"});

  std::uint64_t reached_us = 0;
  ours->TraceConnectWithoutContext(
      "Rx", ns3::Callback<void, std::uint64_t, std::uint32_t, std::uint32_t>(
                [&](std::uint64_t, std::uint32_t, std::uint32_t len) { reached_us += len; }));
  const auto sink = run_ns3_side(nodes.Get(0), size_bytes);
  run_our_side(*ours, size_bytes);
  ns3::Simulator::Stop(ns3::Seconds(60));
  ns3::Simulator::Run();
  std::cout << "to ns-3's TCP: " << sink->GetTotalRx() << " bytes\n"
            << "to ours:       " << reached_us << " bytes\n";
  const bool whole = sink->GetTotalRx() == size_bytes && reached_us == size_bytes;
  ns3::Simulator::Destroy();
  return whole ? 0 : 1;
}
