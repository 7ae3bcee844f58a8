// See port_maker.h.
#include "bindings/emu/port_maker.h"

#include <string>

#include "bindings/plan/build.h"

namespace twinpath::bind {

emu::EalOptions eal_options(const Bed& bed) {
  emu::EalOptions options;
  for (const BedPort& port : bed.ports) options.devices.push_back(port.device);
  return options;
}

BedPort PortMaker::port_for(std::size_t link, bool end_a) {
  const LinkPlan& plan = job_.plan.links[link];
  const std::string& host = end_a ? plan.a : plan.b;
  if (job_.testbed == "net_ring") {
    while (rings_.size() <= link) {
      rings_.push_back(std::make_unique<emu::RingPair>(
          eal_, emu::RingPairOptions{.name = "l" + std::to_string(rings_.size())}));
    }
    return {host, plan.name, end_a ? rings_[link]->end_a() : rings_[link]->end_b()};
  }
  for (const BedPort& port : bed_.ports) {
    if (port.host == host && port.link == plan.name) return port;
  }
  throw PlanError({{plan.name, host, "the test-bed has no port for this end", "", ""}});
}

std::unique_ptr<PortStack> PortMaker::make(std::size_t link, bool end_a) {
  const LinkPlan& plan = job_.plan.links[link];
  const LinkEnds ends = ends_of(job_.plan, link);
  const auto is_ours = [&](const LinkEnd& end) { return is_emulated(job_.plan.hosts[end.host]); };
  const BedPort bed_port = port_for(link, end_a);
  PortStackOptions options{.path = port_path(job_.plan, end_a ? ends.a : ends.b),
                           .device = bed_port.device,
                           .rate_bps = bed_port.rate_bps};
  options.faces_linux = !is_ours(end_a ? ends.b : ends.a);
  if (end_a || !is_ours(ends.a)) {
    const LinkConfig config = link_config(plan);
    options.link = {.name = plan.name,
                    .config = {.from_a = config, .from_b = config},
                    .host_end = end_a ? LinkElement::kEndA : LinkElement::kEndB};
  }
  return std::make_unique<PortStack>(eal_, pool_, options, Rng(job_.seed));
}

}  // namespace twinpath::bind
