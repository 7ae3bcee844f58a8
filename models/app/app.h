// An application on a host: started once, then told when a socket of its may be ready. It owns its
// sockets and timers; nothing it does blocks or calls into a driver.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "models/app/metrics.h"
#include "models/base/packet_buf.h"
#include "models/base/rng.h"
#include "models/base/timer.h"
#include "models/socket/poller.h"

namespace twinpath {

// What an application is given. All of it outlives the application.
struct AppContext {
  SocketApi& sockets;
  TimerQueue& timers;
  BufPool& streams;  // for bytes on their way to a socket
  Rng rng;
  ReadySignal& ready;  // for the application's poller
};

// Epoll's way of working, which every application here follows: told once per change, it goes on
// until the socket says EAGAIN.
inline constexpr std::uint32_t kBothWays = kPollIn | kPollOut | kPollReadHangup;
inline constexpr std::size_t kEventsPerWait = 32;

// Of an application with a clock of its own: what that clock asked for and what it did of it.
struct Offered {
  std::uint64_t asked = 0;
  std::uint64_t done = 0;
};

class App {
 public:
  virtual ~App() = default;
  virtual void start(Instant now) = 0;
  // Handles everything that is ready. Called after the poller signalled.
  virtual void on_ready(Instant now) = 0;
  // Nothing more will come of it. A server: it has served, and nobody is connected any more.
  [[nodiscard]] virtual bool done() const = 0;
  virtual void report(AppReport& report) const = 0;
  // Nothing unless a rate drives it. `now` is the end of the run.
  [[nodiscard]] virtual std::optional<Offered> offered(Instant) const { return std::nullopt; }
};

}  // namespace twinpath
