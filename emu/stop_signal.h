// SIGINT and SIGTERM as a polite end: while one of these lives, the first signal asks the worker to
// stop after its turn; a second one ends the process, for whoever cannot wait.
#pragma once

#include <csignal>

#include "emu/worker.h"

namespace twinpath::emu {

class StopSignal {
 public:
  // Requires: no other StopSignal alive.
  explicit StopSignal(Worker& worker);
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  ~StopSignal();

  // The signal that came, 0 when none did.
  [[nodiscard]] static int received();

 private:
  using Action = struct sigaction;
  Action before_int_{};
  Action before_term_{};
};

}  // namespace twinpath::emu
