// The sans-I/O boundary: everything enters a Host by argument and leaves it by return value. It is
// handed the time and the frames; it hands back frames and the instant it next wants to be called.
#pragma once

#include <span>

#include "models/base/packet_buf.h"
#include "models/base/port.h"
#include "models/base/time.h"

namespace twinpath {

class Host {
 public:
  virtual ~Host() = default;
  // Takes every frame. Answers wait for poll_tx().
  virtual void on_rx(Instant now, PortId port, std::span<BufPtr> frames) = 0;
  // Runs what is due. Early or twice is harmless.
  virtual void on_time(Instant now) = 0;
  // Moves out frames ready to leave by `port`, at most out.size(); returns how many. Ask only for
  // what the port can take.
  virtual std::size_t poll_tx(Instant now, PortId port, std::span<BufPtr> out) = 0;
  // When on_time() must next be called; kNever when idle. Frames waiting only for room at a port
  // are no deadline.
  [[nodiscard]] virtual Instant next_deadline() = 0;
};

// Sends what the host has for this port, as far as the port has room. Returns frames sent.
std::size_t flush(Host& host, Port& port, PortId id, Instant now);

struct PumpWork {
  std::size_t received = 0;
  std::size_t sent = 0;
};

// One turn over several ports, `ports[i]` being PortId i: at most `budget` frames in port order,
// then timers, then output of every port.
PumpWork pump_all(Host& host, std::span<Port* const> ports, Instant now, std::size_t budget);

// One turn of a host's only port, the same under every driver: receive at most one burst, run
// timers, send. Returns frames moved either way.
std::size_t pump(Host& host, Port& port, PortId id, Instant now);

}  // namespace twinpath
