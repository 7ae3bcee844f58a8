// Round robin: fair, stateless beyond one index, and what OpenNetVM and mTCP loops do in practice.
// Priorities would be another policy behind the same calls.
#include "models/base/core_schedule.h"

#include <algorithm>

#include "models/base/check.h"

namespace twinpath {

std::size_t CoreSchedule::add(Stage& stage) {
  slots_.push_back({.stage = &stage, .outbox = Outbox()});
  return slots_.size() - 1;
}

bool CoreSchedule::runnable(const Slot& slot, Instant now) {
  if (slot.blocked || slot.held) return false;
  if (slot.more || slot.stage->next_deadline() <= now) return true;
  const auto inputs = slot.stage->inputs();
  return std::any_of(inputs.begin(), inputs.end(), [](Input* input) { return input->ready(); });
}

std::optional<CoreSchedule::Pick> CoreSchedule::next(Instant now) {
  for (std::size_t step = 0; step < slots_.size(); ++step) {
    const std::size_t index = (turn_ + step) % slots_.size();
    if (!runnable(slots_[index], now)) continue;
    turn_ = index + 1;
    return Pick{index, slots_[index].stage, config_.budget};
  }
  return std::nullopt;
}

void CoreSchedule::ran(std::size_t index, const Work& work) { slots_[index].more = work.more; }

void CoreSchedule::publish(std::size_t index) {
  slots_[index].blocked = !slots_[index].outbox.publish();
}

bool CoreSchedule::retry_blocked() {
  bool freed = false;
  for (std::size_t index = 0; index < slots_.size(); ++index) {
    if (!slots_[index].blocked) continue;
    publish(index);
    freed = freed || !slots_[index].blocked;
  }
  return freed;
}

Instant CoreSchedule::next_deadline() const {
  Instant earliest = kNever;
  for (const Slot& slot : slots_) {
    if (!slot.blocked && !slot.held) earliest = std::min(earliest, slot.stage->next_deadline());
  }
  return earliest;
}

Work run_turn(CoreSchedule& schedule, const CoreSchedule::Pick& pick, Instant now,
              CostLedger& ledger) {
  ledger.clear();
  Turn turn{now, pick.budget, ledger, schedule.outbox(pick.index)};
  const Work work = pick.stage->run(turn);
  CHECK(work.items <= pick.budget);
  schedule.ran(pick.index, work);
  return work;
}

}  // namespace twinpath
