// Our TCP/IP stack as an ns-3 object: every field of TcpConfig and HostConfig an attribute, trace
// sources under ns-3's names, any ns3::NetDevice or direct link as interface. Aggregated to a node
// it stands beside whatever else runs there; it shares no table with ns-3's own stack.
#pragma once

#include <ns3/net-device.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/app/app_host.h"
#include "sim/event_traces.h"
#include "sim/frame_pool.h"
#include "sim/host_node.h"

namespace twinpath::sim {

// One struct, so that attributes of both are set by one accessor.
struct StackConfig : TcpConfig, HostConfig {};

class TwinpathHost : public HostNode, public EventTraces {
 public:
  static ns3::TypeId GetTypeId();
  TwinpathHost();
  ~TwinpathHost() override;

  // To be changed until the stack is built: by ip(), or when the simulation starts.
  [[nodiscard]] StackConfig& config() { return config_; }
  [[nodiscard]] const StackConfig& config() const { return config_; }

  // An interface on `device` with its MAC address; point-to-point devices need no ARP.
  PortId add_interface(ns3::Ptr<ns3::NetDevice> device, std::vector<IpPrefix> addresses);
  // An interface on any port, with decorators as in add_port().
  PortId add_interface(const InterfaceConfig& interface, std::shared_ptr<SimPort> device,
                       std::vector<std::unique_ptr<PortDecorator>> around = {});
  void add_route(const RouteConfig& route) { config_.routes.push_back(route); }

  // The stack and its applications, built on first use. Throws SimError naming everything wrong
  // with config(). After calls into them from outside of models, settle() sends what they caused.
  AppHost& apps();
  IpHost& ip() { return apps().ip(); }

  // The seed of all the stack's randomness. Default: a function of ns-3's seed and run, the stream
  // and the name.
  void set_seed(std::uint64_t seed) { seed_ = seed; }
  // ns-3's convention: uses streams from `first` on, returns how many.
  std::int64_t assign_streams(std::int64_t first);

 protected:
  void DoInitialize() override;
  void DoDispose() override;

 private:
  void build();

  StackConfig config_;
  AppHost* apps_ = nullptr;  // owned by HostNode
  std::shared_ptr<HeapPool> pool_;
  std::optional<std::uint64_t> seed_;
  std::int64_t stream_ = -1;
};

}  // namespace twinpath::sim
