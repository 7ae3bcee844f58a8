// Runs logged turns again: the same Stages at the same instants with the same items. The bytes that
// come out must equal the emulation's; where an input takes something else, the code has diverged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>

#include "models/base/core_schedule.h"
#include "models/base/port.h"
#include "models/base/turn_log.h"

namespace twinpath {

// Hands out recorded frames, in each turn as many as the log says.
class ReplayPort : public Port {
 public:
  // What an emulated port received, in order.
  void feed(BufPtr frame) { waiting_.push_back(std::move(frame)); }
  void allow(std::size_t frames) { allowed_ += frames; }
  std::size_t rx_burst(std::span<BufPtr> out) override;

 private:
  std::deque<BufPtr> waiting_;
  std::size_t allowed_ = 0;
};

// Runs one logged turn of `schedule` and publishes it. `ports[i]` is behind input i of the Stage,
// null where that input is a ring. False: an input took another number of items than the log says.
bool replay_turn(CoreSchedule& schedule, const TurnRecord& record,
                 std::span<ReplayPort* const> ports);

}  // namespace twinpath
