// One seed, run: the world built, its faults, its end, and what was wrong with it.
#pragma once

#include <string>
#include <vector>

#include "tests/swarm/scenario.h"

namespace twinpath::swarm {

struct Verdict {
  std::vector<std::string> violations;
  std::uint64_t fingerprint = 0;
  std::uint64_t frames = 0;
  std::uint64_t retransmits = 0;
  std::uint64_t moves = 0;  // connections that left and came back
  std::uint64_t attacks = 0;
  std::uint64_t challenges = 0;  // answers to what was forged (RFC 5961)
  Instant finished{};
};

Verdict run(const Scenario& scenario);

}  // namespace twinpath::swarm
