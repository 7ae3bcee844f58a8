// See build.h.
#include "bindings/plan/build.h"

#include <utility>

#include "bindings/plan/apply.h"
#include "bindings/plan/native.h"
#include "models/base/hash.h"

namespace twinpath::bind {
namespace {

constexpr std::uint64_t kMacPrefix = 0x025450000000;  // "TP", locally administered

std::size_t index_of(const Plan& plan, std::string_view host) {
  for (std::size_t index = 0; index < plan.hosts.size(); ++index) {
    if (plan.hosts[index].name == host) return index;
  }
  throw PlanError({{"hosts", std::string(host), "is not a host of this plan", "", ""}});
}

// Links before `link` that end at `host`.
PortId port_of(const Plan& plan, std::size_t link, std::string_view host) {
  PortId port = 0;
  for (std::size_t index = 0; index < link; ++index) {
    if (plan.links[index].a == host || plan.links[index].b == host) ++port;
  }
  return port;
}

IpPrefix address_at(const HostPlan& host, std::size_t port) {
  if (port < host.addresses.size()) {
    if (const auto address = IpPrefix::parse(host.addresses[port])) return *address;
  }
  const std::string given = port < host.addresses.size() ? host.addresses[port] : "";
  throw PlanError(
      {{host.name + ".addresses", given, "no address for interface " + std::to_string(port),
        "198.18.0.1/24 or 2001:db8::1/64", ""}});
}

void append(const std::string& where, const std::vector<twinpath::Problem>& found,
            std::vector<Problem>& problems) {
  for (const auto& [field, value, message, allowed] : found) {
    problems.push_back({where + "." + field, value, message, allowed, ""});
  }
}

}  // namespace

LinkEnds ends_of(const Plan& plan, std::size_t link) {
  const LinkPlan& joined = plan.links.at(link);
  return {{index_of(plan, joined.a), port_of(plan, link, joined.a)},
          {index_of(plan, joined.b), port_of(plan, link, joined.b)}};
}

bool is_emulated(const HostPlan& host) { return host.stack != "linux"; }

std::vector<EmulatedPort> emulated_ports(const Plan& plan) {
  std::vector<EmulatedPort> ports;
  for (std::size_t link = 0; link < plan.links.size(); ++link) {
    const LinkEnds ends = ends_of(plan, link);
    for (const bool end_a : {true, false}) {
      const LinkEnd& end = end_a ? ends.a : ends.b;
      if (is_emulated(plan.hosts[end.host])) ports.push_back({link, end_a, end});
    }
  }
  return ports;
}

std::string port_path(const Plan& plan, const LinkEnd& end) {
  return plan.hosts.at(end.host).name + "/eth" + std::to_string(end.port);
}

MacAddress mac_of(const LinkEnd& end) {
  return MacAddress::from_u64(kMacPrefix | (std::uint64_t{end.host} & 0xffff) << 8 |
                              (std::uint64_t{end.port} & 0xff));
}

HostConfig host_config(const Plan& plan, std::size_t host, std::uint64_t seed) {
  const HostPlan& asked = plan.hosts.at(host);
  HostConfig config;
  config.name = asked.name;
  config.seed = hash_text(seed, asked.name);
  config.publisher = static_cast<std::uint16_t>(host);
  // By names, in one pass: a plan may have thousands of links, and every host asks.
  for (const LinkPlan& link : plan.links) {
    for (const std::string* end : {&link.a, &link.b}) {
      if (*end != asked.name) continue;
      const auto port = static_cast<PortId>(config.interfaces.size());
      InterfaceConfig interface;
      interface.mac = mac_of({host, port});
      interface.addresses = {address_at(asked, port)};
      config.interfaces.push_back(std::move(interface));
    }
  }
  std::vector<Problem> problems;
  append(asked.name, validate(config), problems);
  if (!problems.empty()) throw PlanError(std::move(problems));
  return config;
}

TcpConfig tcp_config(const HostPlan& host) {
  TcpConfig config;
  std::vector<Problem> problems;
  apply_settings(host.tcp, host.name + ".tcp", config, problems);
  append(host.name + ".tcp", config.validate(), problems);
  if (!problems.empty()) throw PlanError(std::move(problems));
  if (host.congestion) {
    const NativeUse use(*host.congestion, NativeKind::kCongestion, host.name + ".tcp.congestion");
    config.custom_congestion = use.make_congestion();
  }
  return config;
}

LinkConfig link_config(const LinkPlan& link) {
  LinkConfig config;
  config.rate_bps = static_cast<std::uint64_t>(link.rate_bps.value_or(0));
  config.delay = link.delay;
  config.jitter = link.jitter;
  config.queue_bytes = static_cast<std::uint64_t>(link.queue_bytes);
  config.ecn_threshold_bytes = static_cast<std::uint64_t>(link.ecn_threshold_bytes);
  config.faults.loss = link.loss;
  config.faults.reorder = link.reorder;
  config.faults.duplicate = link.duplicate;
  config.faults.corrupt = link.corrupt;
  std::vector<Problem> problems;
  append(link.name, validate(config), problems);
  if (!problems.empty()) throw PlanError(std::move(problems));
  return config;
}

IpAddress address_towards(const Plan& plan, std::string_view from, std::string_view to) {
  for (std::size_t link = 0; link < plan.links.size(); ++link) {
    const LinkPlan& joined = plan.links[link];
    const bool forth = joined.a == from && joined.b == to;
    if (!forth && (joined.b != from || joined.a != to)) continue;
    const LinkEnds ends = ends_of(plan, link);
    const LinkEnd& there = forth ? ends.b : ends.a;
    return address_at(plan.hosts[there.host], there.port).address();
  }
  throw PlanError(
      {{"apps", std::string(to), "no link joins it with " + std::string(from), "", ""}});
}

}  // namespace twinpath::bind
