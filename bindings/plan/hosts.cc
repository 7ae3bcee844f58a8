// See hosts.h.
#include "bindings/plan/hosts.h"

#include "bindings/lwip/lwip_library.h"
#include "bindings/plan/apps.h"
#include "bindings/plan/build.h"

namespace twinpath::bind {
namespace {

std::unique_ptr<LwipAppHost> make_lwip(const HostPlan& asked, const HostConfig& config,
                                       BufPool& pool) {
  std::vector<Problem> problems;
  for (const auto& [field, value, message, allowed] : validate_for_lwip(config)) {
    problems.push_back({asked.name + "." + field, value, message, allowed, ""});
  }
  if (!asked.tcp.empty() || asked.congestion) {
    problems.push_back({asked.name + ".tcp", "", "lwIP's TCP has no settings", "none", ""});
  }
  if (!problems.empty()) throw PlanError(std::move(problems));
  try {
    return std::make_unique<LwipAppHost>(config, open_lwip(), pool);
  } catch (const LwipError& error) {
    throw PlanError({{asked.name + ".stack", "lwip", error.what(), "", ""}});
  }
}

}  // namespace

void PlannedHost::export_results(ResultSink& sink) const {
  if (ours != nullptr) ours->export_results(sink);
  if (lwip != nullptr) lwip->export_results(sink);
}

PlannedHost make_host(const Plan& plan, std::size_t index, std::uint64_t seed, BufPool& pool) {
  const HostPlan& asked = plan.hosts.at(index);
  const HostConfig config = host_config(plan, index, seed);
  PlannedHost made;
  if (asked.stack == "lwip") {
    auto host = make_lwip(asked, config, pool);
    made.lwip = host.get();
    made.apps = &host->runner();
    made.host = std::move(host);
  } else {
    auto host = std::make_unique<AppHost>(config, tcp_config(asked), pool);
    made.ours = host.get();
    made.apps = &host->runner();
    made.host = std::move(host);
  }
  add_apps(plan, index, *made.apps);
  return made;
}

}  // namespace twinpath::bind
