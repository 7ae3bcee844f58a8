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

PumpWork pump_all(Host& host, std::span<Port* const> ports, Instant now, std::size_t budget) {
  PumpWork work;
  std::array<BufPtr, kBurst> frames;
  for (PortId id = 0; id < ports.size(); ++id) {
    const std::size_t wanted = std::min(budget - work.received, kBurst);
    if (wanted == 0) break;
    const std::size_t received = ports[id]->rx_burst(std::span(frames).first(wanted));
    if (received > 0) host.on_rx(now, id, std::span(frames).first(received));
    work.received += received;
  }
  host.on_time(now);
  for (PortId id = 0; id < ports.size(); ++id) work.sent += flush(host, *ports[id], id, now);
  return work;
}

std::size_t pump(Host& host, Port& port, PortId id, Instant now) {
  std::array<BufPtr, kBurst> frames;
  const std::size_t received = port.rx_burst(frames);
  if (received > 0) host.on_rx(now, id, std::span(frames).first(received));
  host.on_time(now);
  return received + flush(host, port, id, now);
}

}  // namespace twinpath
