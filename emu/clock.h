// The only clock of the DPDK driver, read once per turn and handed to the models as an argument.
#pragma once

#include "models/base/time.h"

namespace twinpath::emu {

class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes back.
  [[nodiscard]] virtual Instant now() = 0;
};

}  // namespace twinpath::emu
