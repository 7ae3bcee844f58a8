// SIGINT and SIGTERM as a polite end of a simulation: while one of these lives, the first signal is
// only noted and the run ends at its next turn with its rows written; a second one ends the
// process, for whoever cannot wait. The emulator's is emu/stop_signal.h, which must also wake a
// sleeper.
#pragma once

#include <csignal>

namespace twinpath::bind {

class StopRequest {
 public:
  // Requires: no other StopRequest alive.
  StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;
  ~StopRequest();

  // Cheap enough to ask every turn.
  [[nodiscard]] static bool came();

 private:
  using Action = struct sigaction;
  Action before_int_{};
  Action before_term_{};
};

}  // namespace twinpath::bind
