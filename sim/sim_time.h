// The simulator's clock as model time: the one place where both meet.
#pragma once

#include <ns3/nstime.h>
#include <ns3/simulator.h>

#include "models/base/time.h"

namespace twinpath::sim {

inline Instant sim_now() { return at_ns(ns3::Simulator::Now().GetNanoSeconds()); }
inline ns3::Time to_ns3_time(Duration duration) { return ns3::NanoSeconds(duration.count()); }
inline Duration from_ns3_time(const ns3::Time& time) { return Duration(time.GetNanoSeconds()); }

}  // namespace twinpath::sim
