// A host of a Plan over the stack the Plan names, with its applications: the same for an emulation,
// its replay, and lwIP in a simulation.
#pragma once

#include <memory>

#include "bindings/plan/plan.h"
#include "models/app/app_host.h"
#include "models/foreign/lwip/lwip_app_host.h"

namespace twinpath::bind {

struct PlannedHost {
  std::unique_ptr<Host> host;
  AppRunner* apps = nullptr;
  AppHost* ours = nullptr;      // of the stack "twinpath"
  LwipAppHost* lwip = nullptr;  // of the stack "lwip"

  void export_results(ResultSink& sink) const;
};

// Of plan.hosts[index]. Requires: its stack is one of the two. Throws PlanError.
PlannedHost make_host(const Plan& plan, std::size_t index, std::uint64_t seed, BufPool& pool);

}  // namespace twinpath::bind
