// The load over Linux's loopback, both ends on one thread, so that every cycle the kernel spends is
// the thread's: softirqs of the loopback run in the sender's context.
#pragma once

#include "tests/bench/echo/load.h"

namespace twinpath::bench {

enum class LinuxStyle {
  // Epoll programs as they are commonly written: non-blocking sockets, edge triggered, several
  // connections at once.
  kDefault,
  // As little as the socket calls allow: no poller, every call at the moment when it cannot wait,
  // one connection after the other (so its state stays in the cache), accept only with data.
  kTuned,
};

EchoResult run_linux(const EchoLoad& load, LinuxStyle style);

}  // namespace twinpath::bench
