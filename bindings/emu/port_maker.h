// From an end of a link to its PortStack: which device it is on this test-bed, and at which end the
// link of the scenario is realised.
#pragma once

#include <deque>
#include <memory>

#include "bindings/emu/bed.h"
#include "bindings/emu/port_stack.h"
#include "bindings/plan/plan.h"
#include "emu/eal.h"
#include "emu/ring_pair.h"

namespace twinpath::bind {

class PortMaker {
 public:
  // Requires: all of these outlive the ports.
  PortMaker(const Job& job, const Bed& bed, emu::Eal& eal, emu::MbufPool& pool)
      : job_(job), bed_(bed), eal_(eal), pool_(pool) {}
  PortMaker(const PortMaker&) = delete;
  PortMaker& operator=(const PortMaker&) = delete;

  // Requires: the host at this end is none of Linux. Throws PlanError and SetupError.
  std::unique_ptr<PortStack> make(std::size_t link, bool end_a);

 private:
  [[nodiscard]] BedPort port_for(std::size_t link, bool end_a);

  const Job& job_;
  const Bed& bed_;
  emu::Eal& eal_;
  emu::MbufPool& pool_;
  std::deque<std::unique_ptr<emu::RingPair>> rings_;  // by link
};

// What EAL is started with for the ports of `bed`.
emu::EalOptions eal_options(const Bed& bed);

}  // namespace twinpath::bind
