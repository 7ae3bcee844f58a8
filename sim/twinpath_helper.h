// Puts our stack on ns-3 nodes, in the shape of ns-3's own helpers. Nothing here aborts: what
// cannot be done is a SimError with the reason.
#pragma once

#include <ns3/net-device-container.h>
#include <ns3/node-container.h>

#include <string>
#include <utility>
#include <vector>

#include "sim/direct_link.h"
#include "sim/host_container.h"

namespace twinpath::sim {

class TwinpathHelper {
 public:
  // Any attribute of twinpath::TwinpathHost, for the hosts installed from now on. Throws SimError
  // when there is none of that name or the value is out of its range.
  void set_attribute(const std::string& name, const ns3::AttributeValue& value);

  // The stack on a node with one interface per device: "10.1.1.1/24", in the same order.
  ns3::Ptr<TwinpathHost> install(ns3::Ptr<ns3::Node> node, const ns3::NetDeviceContainer& devices,
                                 const std::vector<std::string>& addresses) const;
  // One device per node, addresses counted up from `first`: "10.1.1.1/24".
  HostContainer install_each(const ns3::NodeContainer& nodes,
                             const ns3::NetDeviceContainer& devices,
                             const std::string& first) const;
  // Two stacks joined by a direct link, without a device. `addresses` are those of the two ends.
  static void connect(const ns3::Ptr<TwinpathHost>& a, const ns3::Ptr<TwinpathHost>& b,
                      const std::vector<std::string>& addresses, DirectLink& link);

  // ns-3's convention: returns how many streams were used.
  static std::int64_t assign_streams(const HostContainer& hosts, std::int64_t first);

 private:
  [[nodiscard]] ns3::Ptr<TwinpathHost> create(const std::string& name) const;

  std::vector<std::pair<std::string, ns3::Ptr<ns3::AttributeValue>>> attributes_;
};

// "198.18.0.1/24"; throws SimError when the text is anything else.
IpPrefix parse_interface_address(const std::string& text);

}  // namespace twinpath::sim
