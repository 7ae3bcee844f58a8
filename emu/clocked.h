// What on a core must hear the time besides its Stages: ports that stamp frames, decorators that
// hold frames back. Told once per turn of the loop.
#pragma once

#include "models/base/time.h"

namespace twinpath::emu {

class Clocked {
 public:
  virtual ~Clocked() = default;
  virtual void advance(Instant now) = 0;
  // When advance() must next be called; kNever when idle.
  [[nodiscard]] virtual Instant next_deadline() const { return kNever; }
};

}  // namespace twinpath::emu
