// Nodes, devices and addresses into hosts.
#include "sim/twinpath_helper.h"

#include <ns3/node.h>

namespace twinpath::sim {

namespace {

// Locally administered, a function of the order of creation within one link: what a direct link
// needs is that its two ends differ.
MacAddress direct_mac(const IpAddress& address) {
  return MacAddress::from_u64(0x020000000000 | (address.low() & 0xffffffff));
}

}  // namespace

IpPrefix parse_interface_address(const std::string& text) {
  const auto prefix = IpPrefix::parse(text);
  if (!prefix) throw SimError("'" + text + "' is no address; write it like '198.18.0.1/24'");
  return *prefix;
}

void TwinpathHelper::set_attribute(const std::string& name, const ns3::AttributeValue& value) {
  ns3::TypeId::AttributeInformation known;
  if (!TwinpathHost::GetTypeId().LookupAttributeByName(name, &known)) {
    throw SimError("twinpath::TwinpathHost has no attribute '" + name + "'");
  }
  const auto valid = known.checker->CreateValidValue(value);
  if (!valid) throw SimError("twinpath::TwinpathHost::" + name + ": value out of range");
  attributes_.emplace_back(name, valid);
}

ns3::Ptr<TwinpathHost> TwinpathHelper::create(const std::string& name) const {
  const auto host = ns3::CreateObject<TwinpathHost>();
  host->set_name(name);
  for (const auto& [attribute, value] : attributes_) host->SetAttributeFailSafe(attribute, *value);
  return host;
}

ns3::Ptr<TwinpathHost> TwinpathHelper::install(ns3::Ptr<ns3::Node> node,
                                               const ns3::NetDeviceContainer& devices,
                                               const std::vector<std::string>& addresses) const {
  if (node->GetObject<TwinpathHost>()) throw SimError("the node has our stack already");
  if (addresses.size() != devices.GetN()) {
    throw SimError(std::to_string(devices.GetN()) + " devices need as many addresses, not " +
                   std::to_string(addresses.size()));
  }
  const auto host = create("node" + std::to_string(node->GetId()));
  for (std::uint32_t index = 0; index < devices.GetN(); ++index) {
    if (devices.Get(index)->GetNode() != node) throw SimError("a device of another node");
    host->add_interface(devices.Get(index), {parse_interface_address(addresses[index])});
  }
  node->AggregateObject(host);
  return host;
}

HostContainer TwinpathHelper::install_each(const ns3::NodeContainer& nodes,
                                           const ns3::NetDeviceContainer& devices,
                                           const std::string& first) const {
  if (nodes.GetN() != devices.GetN()) throw SimError("one device per node is needed");
  const IpPrefix start = parse_interface_address(first);
  HostContainer hosts;
  for (std::uint32_t index = 0; index < nodes.GetN(); ++index) {
    const IpAddress own =
        IpAddress::from_words({start.address().high(), start.address().low() + index});
    if (!start.contains(own)) throw SimError("no address left in " + first);
    const std::string text = own.to_string() + "/" + std::to_string(start.len());
    hosts.add(install(nodes.Get(index), ns3::NetDeviceContainer(devices.Get(index)), {text}));
  }
  return hosts;
}

void TwinpathHelper::connect(const ns3::Ptr<TwinpathHost>& a, const ns3::Ptr<TwinpathHost>& b,
                             const std::vector<std::string>& addresses, DirectLink& link) {
  if (addresses.size() != 2) throw SimError("a link has two ends: two addresses");
  const ns3::Ptr<TwinpathHost> hosts[] = {a, b};
  for (std::size_t index = 0; index < 2; ++index) {
    InterfaceConfig interface;
    interface.addresses = {parse_interface_address(addresses[index])};
    interface.mac = direct_mac(interface.addresses.front().address());
    interface.mtu_bytes = link.end(index)->caps().mtu_bytes;
    hosts[index]->add_interface(interface, link.end(index));
  }
}

std::int64_t TwinpathHelper::assign_streams(const HostContainer& hosts, std::int64_t first) {
  std::int64_t next = first;
  for (const auto& host : hosts) next += host->assign_streams(next);
  return next - first;
}

}  // namespace twinpath::sim
