// The stack's life in ns-3: configured by attributes, built once, thrown away with its node.
#include "sim/twinpath_host.h"

#include <ns3/mac48-address.h>

#include "models/base/check.h"
#include "sim/config_attributes.h"
#include "sim/frame_pool.h"
#include "sim/streams.h"

namespace twinpath::sim {

NS_OBJECT_ENSURE_REGISTERED(TwinpathHost);

namespace {

// EventTraces is a base, so a pointer to its member finds it in any TwinpathHost.
template <typename Trace>
void add_trace(ns3::TypeId& type, const char* name, const char* help, Trace EventTraces::*member) {
  type = type.AddTraceSource(name, help, ns3::MakeTraceSourceAccessor(member),
                             "twinpath::EventTrace: flow, old or first, new or second value");
}

void add_traces(ns3::TypeId& type) {
  using T = EventTraces;
  add_trace(type, "CongestionWindow", "bytes: flow, old, new", &T::congestion_window_trace);
  add_trace(type, "SlowStartThreshold", "bytes: flow, old, new", &T::slow_start_threshold_trace);
  add_trace(type, "RTT", "smoothed: flow, old, new", &T::rtt_trace);
  add_trace(type, "RTO", "retransmission timeout: flow, old, new", &T::rto_trace);
  add_trace(type, "State", "ns3::TcpSocket::TcpStates_t: flow, old, new", &T::state_trace);
  add_trace(type, "Tx", "new payload sent: flow, offset, bytes", &T::tx_trace);
  add_trace(type, "Rx", "payload in order: flow, offset, bytes", &T::rx_trace);
  add_trace(type, "Retransmission", "payload sent again: flow, offset, bytes",
            &T::retransmission_trace);
  add_trace(type, "Drop", "a packet went no further: reason, port, bytes", &T::drop_trace);
}

MacAddress mac_of(const ns3::Address& address) {
  if (!ns3::Mac48Address::IsMatchingType(address)) return MacAddress();
  std::array<std::uint8_t, MacAddress::kLen> octets{};
  ns3::Mac48Address::ConvertFrom(address).CopyTo(octets.data());
  return MacAddress(octets);
}

}  // namespace

ns3::TypeId TwinpathHost::GetTypeId() {
  static ns3::TypeId tid = [] {
    auto type = ns3::TypeId("twinpath::TwinpathHost")
                    .SetParent<HostNode>()
                    .SetGroupName("Twinpath")
                    .AddConstructor<TwinpathHost>();
    type = add_attributes<TwinpathHost, TcpConfig>(type);
    type = add_attributes<TwinpathHost, HostConfig>(type);
    add_traces(type);
    return type;
  }();
  return tid;
}

TwinpathHost::TwinpathHost() : pool_(frame_pool()) {}

TwinpathHost::~TwinpathHost() = default;

PortId TwinpathHost::add_interface(ns3::Ptr<ns3::NetDevice> device,
                                   std::vector<IpPrefix> addresses) {
  InterfaceConfig interface;
  interface.mac = mac_of(device->GetAddress());
  interface.addresses = std::move(addresses);
  interface.mtu_bytes = device->GetMtu();
  interface.arp = device->NeedsArp();
  CHECK(apps_ == nullptr);
  config_.interfaces.push_back(interface);
  return add_device(device);
}

PortId TwinpathHost::add_interface(const InterfaceConfig& interface,
                                   std::shared_ptr<SimPort> device,
                                   std::vector<std::unique_ptr<PortDecorator>> around) {
  CHECK(apps_ == nullptr);
  config_.interfaces.push_back(interface);
  return add_port(std::move(device), std::move(around));
}

AppHost& TwinpathHost::apps() {
  if (apps_ == nullptr) build();
  look_again();
  return *apps_;
}

void TwinpathHost::build() {
  HostConfig host = config_;
  host.name = name();
  host.seed = seed_.value_or(stream_seed(stream_, name()));
  std::vector<Problem> problems = validate(host);
  const TcpConfig& tcp = config_;
  const std::vector<Problem> of_tcp = tcp.validate();
  problems.insert(problems.end(), of_tcp.begin(), of_tcp.end());
  std::string text;
  for (const Problem& problem : problems) {
    text += "\n  " + problem.field + ": " + problem.value + " " + problem.message + "; allowed " +
            problem.allowed;
  }
  if (!text.empty()) throw SimError(name() + " cannot be built:" + text);
  auto stack = std::make_unique<AppHost>(host, tcp, *pool_);
  apps_ = stack.get();
  attach(apps_->ip().bus());
  set_host(std::move(stack));
}

std::int64_t TwinpathHost::assign_streams(std::int64_t first) {
  stream_ = first;
  return 1;
}

void TwinpathHost::DoInitialize() {
  apps();
  HostNode::DoInitialize();
}

void TwinpathHost::DoDispose() {
  apps_ = nullptr;
  HostNode::DoDispose();
}

}  // namespace twinpath::sim
