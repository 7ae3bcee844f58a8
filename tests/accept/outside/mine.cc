// A plain ns-3 program of a user's own: Twinpath's stack on one node sends a megabyte to ns-3's own
// TCP on the other, over an ordinary point-to-point link.
#include <ns3/inet-socket-address.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/node-container.h>
#include <ns3/packet-sink-helper.h>
#include <ns3/packet-sink.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/simulator.h>
#include <ns3/string.h>

#include <iostream>

#include "models/app/bulk.h"
#include "sim/twinpath_helper.h"

int main() {
  ns3::NodeContainer nodes(2);
  ns3::PointToPointHelper link;
  link.SetDeviceAttribute("DataRate", ns3::StringValue("100Mbps"));
  link.SetChannelAttribute("Delay", ns3::StringValue("2ms"));
  const ns3::NetDeviceContainer devices = link.Install(nodes);

  ns3::InternetStackHelper().Install(nodes.Get(0));
  ns3::Ipv4AddressHelper("198.18.0.0", "255.255.255.0").Assign(devices.Get(0));
  ns3::PacketSinkHelper helper("ns3::TcpSocketFactory",
                               ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), 5001));
  const auto sink = ns3::DynamicCast<ns3::PacketSink>(helper.Install(nodes.Get(0)).Get(0));

  const auto host = twinpath::sim::TwinpathHelper().install(
      nodes.Get(1), ns3::NetDeviceContainer(devices.Get(1)), {"198.18.0.2/24"});
  twinpath::BulkConfig config;
  config.size_bytes = 1'000'000;
  config.to = *twinpath::Ipv4Address::parse("198.18.0.1");
  host->apps().add<twinpath::Bulk>("mine/app0", twinpath::Instant(twinpath::Duration(1)), config);

  ns3::Simulator::Stop(ns3::Seconds(10));
  ns3::Simulator::Run();
  std::cout << sink->GetTotalRx() << " bytes reached ns-3's TCP\n";
  return sink->GetTotalRx() == config.size_bytes ? 0 : 1;
}
