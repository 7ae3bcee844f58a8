// A network function is one packet at a time: what to do with it now, and what that took. It keeps
// state but knows no ring, port or clock; NfStage runs it under either driver. After Vigor, whose
// functions take the time as an argument so that they can be analysed whole.
#pragma once

#include <cstdint>

#include "models/base/cost.h"
#include "models/base/packet_buf.h"
#include "models/base/port.h"
#include "models/base/time.h"

namespace twinpath {

struct Verdict {
  enum class Action : std::uint8_t { kDrop, kForward };
  Action action = Action::kDrop;
  PortId out = 0;  // of a packet to be forwarded

  static constexpr Verdict drop() { return {}; }
  static constexpr Verdict forward(PortId out) { return {Action::kForward, out}; }
  friend constexpr bool operator==(const Verdict&, const Verdict&) = default;
};

class NetworkFunction {
 public:
  virtual ~NetworkFunction() = default;

  // May change the packet. `probe` arrives cleared; the function says which of its outcomes this is
  // and counts what its cost depends on.
  virtual Verdict process(Instant now, PortId in, PacketBuf& packet, Probe& probe) = 0;
  // Called for every packet of a burst before the first is processed: the place to ask for state
  // that is not in the cache.
  virtual void prefetch(const PacketBuf& packet) { static_cast<void>(packet); }
};

}  // namespace twinpath
