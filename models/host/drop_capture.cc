// See drop_capture.h.
#include "models/host/drop_capture.h"

#include "models/host/frame_dropped.h"

namespace twinpath {

void PcapngHostDrops::on_event(const EventHeader& header) {
  const auto& drop = as<FrameDropped>(header);
  const std::string comment = "dropped: " + std::string(name(drop.reason)) + ", " +
                              (drop.way == Way::kIn ? "received by " : "to be sent by ") + host_ +
                              "/eth" + std::to_string(drop.port);
  writer_.write({interface_, header.at, std::nullopt, comment}, {}, drop.len);
}

}  // namespace twinpath
