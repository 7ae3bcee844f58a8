// The same load between two hosts of Debian's lwIP over the same rings, with the same applications.
#pragma once

#include "tests/bench/echo/stack_pair.h"

namespace twinpath::bench {

inline constexpr std::uint64_t kLwipConnectionsMax = 16'000;

struct LwipOptions {
  // Both hosts begin anew, outside of what is measured, after so many connections. lwIP keeps every
  // TIME-WAIT in a list that each new connection walks, and has 16,384 ports for connections it
  // opens: as many without a new beginning are all it can do.
  std::uint64_t connections_per_life = kLwipConnectionsMax;
  bool huge_pages = true;
};

EchoResult run_lwip(const EchoLoad& load, const LwipOptions& options);

}  // namespace twinpath::bench
