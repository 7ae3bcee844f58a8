// A real device among simulated ones: a SimPort over a Port that lives in real time. Whoever polls
// the device tells it the time; what has arrived gets an event of its own at that instant.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "sim/sim_port.h"

namespace twinpath::sim {

// What stands outside of the simulation: a port, what is around it, and its own deadlines.
class Outside {
 public:
  virtual ~Outside() = default;
  [[nodiscard]] virtual Port& port() = 0;
  // Never goes back.
  virtual void advance(Instant now) = 0;
  [[nodiscard]] virtual Instant next_deadline() const = 0;
};

class LivePort final : public SimPort {
 public:
  // Bursts taken from outside per look at it, beside the one that look found. Devices that fill
  // faster than the simulation empties them would hold it at one instant for ever.
  static constexpr std::size_t kBurstsPerLook = 8;

  // Requires: `outside` outlives this.
  explicit LivePort(Outside& outside) : outside_(outside) {}

  // Takes a burst from outside if the last was fetched. True: frames wait from `now` on. Frames
  // that are not fetched in time pile up in the device, which drops and counts. Requires: no event
  // after `now` has run.
  bool poll(Instant now);

  void set_owner(PortOwner* owner) override { owner_ = owner; }
  // What the next look tells instead when this one's bursts are used up is kNever.
  [[nodiscard]] Instant next_arrival() const override;
  [[nodiscard]] PortCaps caps() const override { return outside_.port().caps(); }
  std::size_t rx_burst(std::span<BufPtr> out) override;
  std::size_t tx_burst(std::span<BufPtr> frames) override;
  [[nodiscard]] std::size_t tx_room() const override { return outside_.port().tx_room(); }

 private:
  void advance(Instant now);

  Outside& outside_;
  PortOwner* owner_ = nullptr;
  Instant advanced_ = kStart;
  std::array<BufPtr, kBurst> waiting_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t bursts_left_ = kBurstsPerLook;
};

}  // namespace twinpath::sim
