// A host's drops in a capture: the instant, the length and the reason, on the host's own interface.
#pragma once

#include <cstdint>
#include <string>

#include "models/base/event.h"
#include "models/port/pcapng.h"

namespace twinpath {

// The bytes are in the capture of the port they came by.
class PcapngHostDrops final : public EventListener {
 public:
  PcapngHostDrops(PcapngWriter& writer, std::uint32_t interface, std::string host)
      : writer_(writer), interface_(interface), host_(std::move(host)) {}
  // Requires: subscribed to FrameDropped alone.
  void on_event(const EventHeader& header) override;

 private:
  PcapngWriter& writer_;
  std::uint32_t interface_;
  std::string host_;
};

}  // namespace twinpath
