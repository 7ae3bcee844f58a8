// A wire between two of our hosts with no ns3::Packet on it: frames are moved into a LinkModel,
// whose arithmetic says when they arrive, and the far end is woken at that instant. One event per
// frame and hop at most; frames that arrive together share one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "models/base/rng.h"
#include "models/port/fingerprint.h"
#include "models/port/link.h"
#include "sim/frame_pool.h"
#include "sim/sim_port.h"

namespace twinpath::sim {

struct DirectLinkConfig {
  std::string name = "link";
  LinkConfig from_a;  // the direction from end 0 to end 1
  LinkConfig from_b;
  std::uint32_t mtu_bytes = 1500;
  bool fingerprint = true;  // keep the chains of chain()
};

class DirectLink {
 public:
  // `run` is the run's generator: every decision is a function of it, the link's name, the
  // direction and the frame's index. Requires: validate() finds nothing in either direction.
  DirectLink(const DirectLinkConfig& config, const Rng& run);

  // End 0 is a, end 1 is b. A port keeps its link alive.
  [[nodiscard]] std::shared_ptr<SimPort> end(std::size_t index);
  // What `end(index)` sends passes through this.
  [[nodiscard]] const LinkModel& direction_from(std::size_t index) const;
  // Another configuration for what `end(index)` sends from now on, see LinkModel::reconfigure().
  void reconfigure(std::size_t index, const LinkConfig& config);
  // Bytes that `end(index)` sent and that wait for their turn now.
  [[nodiscard]] std::uint64_t queued_bytes(std::size_t index);
  // Hears of every frame that `end(index)` sent and the link took; nobody when null.
  void set_drop_listener(std::size_t index, LinkDropListener* listener);
  // What passed `end(index)`, as the run's fingerprint wants it. A frame that no fault can touch is
  // hashed once for both ends.
  [[nodiscard]] const FrameChain& chain(std::size_t index, Direction direction) const;
  [[nodiscard]] const std::string& name() const;

 private:
  struct Wire;
  class End;
  std::shared_ptr<Wire> wire_;
  std::array<std::shared_ptr<End>, 2> ends_;
};

}  // namespace twinpath::sim
