// A Port around a Port. Ports know no time, so whoever drives a stack of decorators tells the
// outermost one what time the turn has; it tells those inside.
//
// Decorators look at finished frames: a capture must show, and damage must break, the checksum that
// goes out. So whatever the device offers to fill in or cut for its host, a decorated port does
// not.
#pragma once

#include <algorithm>

#include "models/base/port.h"
#include "models/base/time.h"

namespace twinpath {

enum class Direction : std::uint8_t { kReceive, kTransmit };

class PortDecorator : public Port {
 public:
  // Requires: `inner` outlives this.
  explicit PortDecorator(Port& inner) : inner_(inner) {}
  explicit PortDecorator(PortDecorator& inner) : inner_(inner), decorated_(&inner) {}
  PortDecorator(const PortDecorator&) = delete;
  PortDecorator& operator=(const PortDecorator&) = delete;

  // Requires: before the calls of every turn, and `now` never goes back.
  void begin_turn(Instant now) {
    if (decorated_ != nullptr) decorated_->begin_turn(now);
    now_ = now;
    on_turn();
  }
  // When a turn is wanted although no frame arrives from outside; kNever when never.
  [[nodiscard]] Instant next_deadline() const {
    return decorated_ == nullptr ? own_deadline()
                                 : std::min(own_deadline(), decorated_->next_deadline());
  }

  [[nodiscard]] PortCaps caps() const override {
    PortCaps caps = inner_.caps();
    caps.tx_checksum = false;
    caps.gso = false;
    caps.chains = false;
    return caps;
  }
  std::size_t rx_burst(std::span<BufPtr> out) override { return inner_.rx_burst(out); }
  std::size_t tx_burst(std::span<BufPtr> frames) override { return inner_.tx_burst(frames); }
  [[nodiscard]] std::size_t tx_room() const override { return inner_.tx_room(); }

 protected:
  [[nodiscard]] Port& inner() const { return inner_; }
  [[nodiscard]] Instant now() const { return now_; }

 private:
  virtual void on_turn() {}
  [[nodiscard]] virtual Instant own_deadline() const { return kNever; }

  Port& inner_;
  PortDecorator* decorated_ = nullptr;
  Instant now_ = kStart;
};

}  // namespace twinpath
