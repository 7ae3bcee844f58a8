// A link in front of a Port.
#include "models/port/link_port.h"

#include <algorithm>
#include <array>

namespace twinpath {

std::size_t LinkPort::rx_burst(std::span<BufPtr> out) {
  std::array<BufPtr, kBurst> frames;
  const std::size_t count = inner().rx_burst(frames);
  link_.on_rx(now(), device_end(), std::span(frames).first(count));
  return link_.poll_tx(now(), host_end_, out);
}

std::size_t LinkPort::tx_burst(std::span<BufPtr> frames) {
  link_.on_rx(now(), host_end_, frames);
  send_due();
  return frames.size();
}

void LinkPort::send_due() { flush(link_, inner(), device_end(), now()); }

Instant LinkPort::own_deadline() const {
  const Instant sent = link_.direction_from(host_end_).next_deadline();
  const Instant received = link_.direction_from(device_end()).next_deadline();
  const bool waits_for_room = sent <= now() && inner().tx_room() == 0;
  return waits_for_room ? received : std::min(sent, received);
}

}  // namespace twinpath
