// From the rules of a Plan to what they stand for: a population becomes its members. Done by
// workers only, so that a Plan of a thousand clients stays as short as one of two.
//
// Member i of the population "clients" is the host "clients[i]"; its apps are "clients[i]/app0" and
// so on, and each link of the population becomes one per member, "wire[i]". The addresses of a link
// of a population are those of member 0: member i has the i-th network of that length after it, at
// both ends. An app in stop.when stands for that of every member.
#pragma once

#include "bindings/plan/plan.h"

namespace twinpath::bind {

// Ensures: every host of the result has count 1; a plan without populations is returned as it is.
// Throws PlanError for a link between two populations, an app that talks to one, an address that
// cannot be stepped and for more hosts, links or apps than a plan may have.
Plan expand(Plan plan);

}  // namespace twinpath::bind
