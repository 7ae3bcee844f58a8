// A Port inside the simulator. What it adds to Port is news: its owner polls it only when it has
// been told to, because an idle poll would be an event.
#pragma once

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
};

class SimPort : public Port {
 public:
  // Before any frame moves.
  void set_owner(PortOwner* owner) { owner_ = owner; }
  // When rx_burst() will next have something; kNever when nothing is on its way.
  [[nodiscard]] virtual Instant next_arrival() const = 0;

 protected:
  PortOwner* owner_ = nullptr;
};

}  // namespace twinpath::sim
