// Two net_ring devices wired to each other: what one sends the other receives. The unprivileged
// test-bed where both ends are ours.
#pragma once

#include <string>

#include "emu/eal.h"

struct rte_ring;

namespace twinpath::emu {

struct RingPairOptions {
  std::string name = "pair";   // the devices are net_ring_NAME_a and net_ring_NAME_b
  std::uint32_t slots = 1024;  // per direction, a power of two
};

// Must outlive the Devices opened on its ends, and end before the pool of the frames between them.
class RingPair {
 public:
  // Throws SetupError when EAL's memory does not suffice.
  RingPair(Eal& eal, const RingPairOptions& options);
  RingPair(const RingPair&) = delete;
  RingPair& operator=(const RingPair&) = delete;
  ~RingPair();

  [[nodiscard]] std::string end_a() const { return "net_ring_" + options_.name + "_a"; }
  [[nodiscard]] std::string end_b() const { return "net_ring_" + options_.name + "_b"; }

 private:
  RingPairOptions options_;
  rte_ring* towards_a_ = nullptr;
  rte_ring* towards_b_ = nullptr;
};

}  // namespace twinpath::emu
