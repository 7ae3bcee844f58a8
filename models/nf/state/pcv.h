// How a data structure says what its cost depended on: counts stored into the caller's Probe, and
// marks at loop heads. Read Bolt (NSDI'19) §3 for performance-critical variables (PCVs).
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/base/cost.h"

namespace twinpath {

// Where in a Probe a method puts its counts. Counts are added, so that several calls of one method
// for one packet share a place: their cost is linear in the sum.
class Pcvs {
 public:
  // Requires: first < kPcvsMax, and the method's counts fit behind it.
  Pcvs(Probe& probe, std::size_t first) : at_(probe.pcv.data() + first) {}
  void add(std::size_t place, std::uint32_t count) const { at_[place] += count; }

 private:
  std::uint32_t* at_;
};

}  // namespace twinpath

// Marks a loop's head for the contract analyser: the address and the PCV's name go to a section
// that is never loaded. No instruction is emitted, so the object that carries the marks is the one
// that runs, and what is counted by address there must equal what add() stored. An asm without
// outputs is volatile: the compiler keeps it where it stands. Only in functions of a source file:
// the linker may discard an inline function that a mark still points at.
#define TWINPATH_LOOP_HEAD(pcv)              \
  asm(".pushsection .pcv,\"\",@progbits\n\t" \
      ".quad 9991f\n\t"                      \
      ".asciz \"" pcv                        \
      "\"\n\t"                               \
      ".popsection\n"                        \
      "9991:" ::)
