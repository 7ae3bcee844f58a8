// From a Plan to the configuration of models, the same for both drivers: addresses, links, TCP. A
// host's interfaces stand in the order of the plan's links; interface i is "HOST/ethI".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bindings/plan/plan.h"
#include "models/host/host_config.h"
#include "models/port/link.h"
#include "models/tcp/config.h"

namespace twinpath::bind {

// One end of a link: which host, which of its interfaces.
struct LinkEnd {
  std::size_t host = 0;  // index into plan.hosts
  PortId port = 0;       // index into that host's interfaces
};
struct LinkEnds {
  LinkEnd a;
  LinkEnd b;
};

// The ends of plan.links[link]. Requires: the plan came from parse_plan().
LinkEnds ends_of(const Plan& plan, std::size_t link);
// The ports of hosts an emulation of `plan` runs itself, in the order it numbers them: by link, end
// a first. Linux runs the others.
struct EmulatedPort {
  std::size_t link = 0;
  bool end_a = true;
  LinkEnd where;
};
std::vector<EmulatedPort> emulated_ports(const Plan& plan);
bool is_emulated(const HostPlan& host);
// "client/eth0": the entity of a port, the same under both drivers.
std::string port_path(const Plan& plan, const LinkEnd& end);
// 02:54:50 and the numbers of host and port: ours, unicast, the same in every run.
MacAddress mac_of(const LinkEnd& end);

// Interfaces with addresses, TCP's fields, links. Each throws PlanError with every problem of it.
HostConfig host_config(const Plan& plan, std::size_t host, std::uint64_t seed);
TcpConfig tcp_config(const HostPlan& host);
LinkConfig link_config(const LinkPlan& link);
// Where an app on `from` reaches the host `to`: its address on the link that joins them.
IpAddress address_towards(const Plan& plan, std::string_view from, std::string_view to);

}  // namespace twinpath::bind
