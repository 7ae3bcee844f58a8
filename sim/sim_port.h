// A Port inside the simulator. What it adds to Port is news: its owner polls it only when it has
// been told to, because an idle poll would be an event.
#pragma once

#include <ns3/packet.h>

#include "models/base/port.h"
#include "models/base/time.h"

namespace twinpath::sim {

// Who polls a port. Implemented by HostNode and ModelledCore.
class PortOwner {
 public:
  virtual ~PortOwner() = default;
  // Frames will wait at a port at `at`: poll then.
  virtual void frames_at(Instant at) = 0;
  // Frames wait now, and more may arrive at this instant: poll when all have.
  virtual void frames_now() = 0;

  // Whether the two below have a listener: they need a copy of every frame.
  [[nodiscard]] virtual bool wants_drops() const { return false; }
  // A frame of this host found the queue of its link full.
  virtual void tx_dropped(ns3::Ptr<const ns3::Packet> frame) { static_cast<void>(frame); }
  // A frame for this host was lost on the link. Told when it is sent, not when it would arrive.
  virtual void rx_dropped(ns3::Ptr<const ns3::Packet> frame) { static_cast<void>(frame); }
};

class SimPort : public Port {
 public:
  // Before any frame moves; null when the owner goes away.
  virtual void set_owner(PortOwner* owner) = 0;
  // When rx_burst() will next have something; kNever when nothing is on its way.
  [[nodiscard]] virtual Instant next_arrival() const = 0;
};

}  // namespace twinpath::sim
