// Our stack on one node, ns-3's own on another, joined by ns-3's point-to-point devices: a megabyte
// each way between our applications and ns-3's TcpSocket. Outside the tree this builds with
//
//   find_package(Twinpath COMPONENTS sim REQUIRED)
//   add_executable(tcp_with_ns3 tcp_with_ns3.cc)
//   target_link_libraries(tcp_with_ns3 twinpath::sim)
#include <ns3/bulk-send-helper.h>
#include <ns3/command-line.h>
#include <ns3/config.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/packet-sink-helper.h>
#include <ns3/packet-sink.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/uinteger.h>

#include <iostream>

#include "models/app/bulk.h"
#include "sim/twinpath_helper.h"

namespace {

constexpr std::uint16_t kToNs3 = 5001;
constexpr std::uint16_t kToOurs = 5002;
constexpr std::uint64_t kBytes = 1'000'000;

}  // namespace

int main(int argc, char** argv) {
  std::string congestion = "cubic";
  ns3::CommandLine command("A megabyte each way between two stacks.");
  command.AddValue("congestion", "congestion control of our stack: cubic or reno", congestion);
  command.Parse(argc, argv);

  ns3::NodeContainer nodes(2);
  ns3::PointToPointHelper link;
  link.SetDeviceAttribute("DataRate", ns3::StringValue("100Mbps"));
  link.SetChannelAttribute("Delay", ns3::StringValue("5ms"));
  const ns3::NetDeviceContainer devices = link.Install(nodes);

  ns3::InternetStackHelper internet;
  internet.Install(nodes.Get(0));
  ns3::Ipv4AddressHelper("10.1.1.0", "255.255.255.0").Assign(devices.Get(0));

  twinpath::sim::TwinpathHelper twinpath;
  twinpath.set_attribute("Congestion", ns3::StringValue(congestion));
  twinpath.set_attribute("DelayedAck", ns3::StringValue("10ms"));
  const auto ours = twinpath.install(nodes.Get(1), devices.Get(1), {"10.1.1.2/24"});
  ours->TraceConnectWithoutContext(
      "CongestionWindow", ns3::Callback<void, std::uint64_t, std::uint32_t, std::uint32_t>(
                              [](auto flow, auto before, auto after) {
                                if (after <= 2 * before) return;
                                std::cout << "flow " << flow << ": window " << after << " bytes\n";
                              }));

  const ns3::InetSocketAddress any(ns3::Ipv4Address::GetAny(), kToNs3);
  const auto ns3_sinks = ns3::PacketSinkHelper("ns3::TcpSocketFactory", any).Install(nodes.Get(0));
  twinpath::BulkConfig to_ns3;
  to_ns3.size_bytes = kBytes;
  to_ns3.port = kToNs3;
  to_ns3.to = *twinpath::Ipv4Address::parse("10.1.1.1");
  ours->apps().add<twinpath::Bulk>("ours/bulk", twinpath::kStart, to_ns3);

  ns3::Config::SetDefaultFailSafe("ns3::BulkSendApplication::MaxBytes", ns3::UintegerValue(kBytes));
  twinpath::BulkSinkConfig from_ns3;
  from_ns3.port = kToOurs;
  from_ns3.verify = false;  // ns-3's BulkSend sends zeros
  const auto& sink = ours->apps().add<twinpath::BulkSink>("ours/sink", twinpath::kStart, from_ns3);
  ns3::BulkSendHelper source("ns3::TcpSocketFactory",
                             ns3::InetSocketAddress(ns3::Ipv4Address("10.1.1.2"), kToOurs));
  source.Install(nodes.Get(0)).Start(ns3::MilliSeconds(1));

  ns3::Simulator::Stop(ns3::Seconds(30));
  ns3::Simulator::Run();
  const std::uint64_t there = ns3::DynamicCast<ns3::PacketSink>(ns3_sinks.Get(0))->GetTotalRx();
  const std::uint64_t back = sink.totals().bytes;
  std::cout << "to ns-3: " << there << " bytes, to ours: " << back << " bytes\n";
  ours->Dispose();
  ns3::Simulator::Destroy();
  return there == kBytes && back == kBytes ? 0 : 1;
}
