// The crank every driver turns.
#include "models/base/host.h"

#include <algorithm>
#include <array>

#include "models/base/check.h"

namespace twinpath {

std::size_t flush(Host& host, Port& port, PortId id, Instant now) {
  std::size_t sent = 0;
  std::array<BufPtr, kBurst> frames;
  for (;;) {
    const std::size_t room = std::min(port.tx_room(), kBurst);
    const std::size_t ready = host.poll_tx(now, id, std::span(frames).first(room));
    if (ready == 0) return sent;
    CHECK(port.tx_burst(std::span(frames).first(ready)) == ready);
    sent += ready;
    if (ready < room) return sent;
  }
}

std::size_t pump(Host& host, Port& port, PortId id, Instant now) {
  std::array<BufPtr, kBurst> frames;
  const std::size_t received = port.rx_burst(frames);
  if (received > 0) host.on_rx(now, id, std::span(frames).first(received));
  host.on_time(now);
  return received + flush(host, port, id, now);
}

}  // namespace twinpath
