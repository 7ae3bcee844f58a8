// ns-3's stack set up like ours: one address per interface, the same MAC, no queueing discipline in
// front of the link, whose own queue is the one the scenario asks for.
#include "sim/ns3_host.h"

#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4.h>
#include <ns3/string.h>
#include <ns3/tcp-l4-protocol.h>
#include <ns3/type-id.h>

#include "sim/port_net_device.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

namespace {

// ns-3 has two Renos; TcpLinuxReno is the one of RFC 5681 as hosts run it.
const char* congestion_type(CongestionKind kind) {
  switch (kind) {
    case CongestionKind::kCubic:
      return "ns3::TcpCubic";
    case CongestionKind::kDctcp:
      return "ns3::TcpDctcp";
    case CongestionKind::kBbr:
      return "ns3::TcpBbr";
    default:
      return "ns3::TcpLinuxReno";
  }
}

}  // namespace

Ns3Host::Ns3Host(const HostConfig& config, const TcpConfig& tcp)
    : name_(config.name), node_(ns3::CreateObject<ns3::Node>()), wakeup_(*this) {
  wakeup_.set_context(node_->GetId());
  ns3::InternetStackHelper internet;
  internet.SetIpv6StackInstall(false);
  internet.AssignStreams(ns3::NodeContainer(node_), node_->GetId() * std::int64_t{1000});
  internet.Install(node_);
  const auto kind = ns3::TypeId::LookupByName(congestion_type(tcp.congestion));
  node_->GetObject<ns3::TcpL4Protocol>()->SetAttributeFailSafe("SocketType",
                                                               ns3::TypeIdValue(kind));
  sockets_ = std::make_unique<Ns3Sockets>(node_, tcp, *pool_);
  sockets_->set_waker(this);
  apps_ = std::make_unique<AppRunner>(
      AppGround{*sockets_, timers_, *pool_, Rng(config.seed).fork("app")});
}

Ns3Host::~Ns3Host() {
  wakeup_.stop();
  apps_.reset();
  sockets_.reset();
}

void Ns3Host::add_interface(const InterfaceConfig& interface, std::shared_ptr<SimPort> port,
                            std::vector<std::unique_ptr<PortDecorator>> around) {
  const auto device = ns3::CreateObject<PortNetDevice>();
  ns3::Mac48Address mac;
  mac.CopyFrom(interface.mac.octets().data());
  device->SetAddress(mac);
  device->SetMtu(static_cast<std::uint16_t>(interface.mtu_bytes));
  device->attach(std::move(port), std::move(around));
  node_->AddDevice(device);
  const auto ipv4 = node_->GetObject<ns3::Ipv4>();
  const std::uint32_t index = ipv4->AddInterface(device);
  for (const IpPrefix& prefix : interface.addresses) {
    if (!prefix.is_v4()) continue;
    ipv4->AddAddress(index, {ns3::Ipv4Address(prefix.address().v4().value()),
                             ns3::Ipv4Mask(netmask(prefix.len()).value())});
  }
  ipv4->SetMetric(index, 1);
  ipv4->SetUp(index);
}

void Ns3Host::wake() { wakeup_.by(sim_now()); }

void Ns3Host::on_wake(Instant now) {
  timers_.expire(now);
  apps_->run_ready(now);
  if (apps_->has_ready()) wakeup_.by(now);
  wakeup_.by(timers_.next_deadline());
  if (after_turn_) after_turn_(now);
}

}  // namespace twinpath::sim
