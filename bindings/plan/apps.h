// The applications of a Plan onto a host, the same under both drivers.
#pragma once

#include "bindings/plan/plan.h"
#include "models/app/app_host.h"

namespace twinpath::bind {

// Adds every application that plan.hosts[host] runs to `target`, each under its entity path.
// Throws PlanError with every problem of theirs.
void add_apps(const Plan& plan, std::size_t host, AppRunner& target);
inline void add_apps(const Plan& plan, std::size_t host, AppHost& target) {
  add_apps(plan, host, target.runner());
}

}  // namespace twinpath::bind
