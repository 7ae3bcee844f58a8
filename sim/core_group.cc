// One instant of all modelled cores.
#include "sim/core_group.h"

#include <algorithm>

#include "models/base/check.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

CoreGroup::CoreGroup() : wakeup_(*this) {}
CoreGroup::~CoreGroup() { wakeup_.stop(); }

ModelledCore& CoreGroup::add_core(std::string name, const ModelledCoreConfig& config,
                                  const CoreConfig& schedule, const Pricer& pricer) {
  cores_.push_back(
      std::make_unique<ModelledCore>(*this, std::move(name), config, schedule, pricer));
  cores_.back()->index_ = cores_.size() - 1;
  return *cores_.back();
}

void CoreGroup::start() {
  for (const auto& core : cores_) core->start();
}

void CoreGroup::on_wake(Instant now) {
  is_working_ = true;
  do {
    apply_outboxes(now);
    run_turns(now);
  } while (timers_.next_deadline() <= now);
  is_working_ = false;
  wakeup_.by(timers_.next_deadline());
}

void CoreGroup::collect(Instant now) {
  due_.clear();
  timers_.expire(now);
  std::sort(due_.begin(), due_.end(),
            [](const auto* left, const auto* right) { return left->index_ < right->index_; });
}

// Publication wakes the other end of a ring: an inlet's news may free an outbox that was blocked,
// whose publication is news again. Each publication moves items out of an outbox and none comes in
// before the next turn, so this ends.
void CoreGroup::apply_outboxes(Instant now) {
  collect(now);
  for (ModelledCore* core : due_) {
    if (core->done_by(now)) core->finish(now);
    core->rearm();
  }
  for (std::size_t next = 0; next < retries_.size(); ++next) retries_[next]->retry_blocked(now);
  retries_.clear();
}

void CoreGroup::run_turns(Instant now) {
  collect(now);
  for (ModelledCore* core : due_) {
    if (core->starts_by(now)) core->turn(now);
    core->rearm();
  }
}

void CoreGroup::count_turn(const ModelledCore& core, std::string_view stage, Instant now) {
  constexpr std::size_t kCulpritsMax = 8;
  if (now != counted_at_) {
    counted_at_ = now;
    turns_at_instant_ = 0;
    culprits_.clear();
  }
  if (++turns_at_instant_ <= kTurnsPerInstantMax) return;
  const std::string name = core.name() + "/" + std::string(stage);
  const bool is_known = std::find(culprits_.begin(), culprits_.end(), name) != culprits_.end();
  if (!is_known && culprits_.size() < kCulpritsMax) culprits_.push_back(name);
  // Ten rounds more than the limit, so that every Stage taking part has had its turn.
  if (turns_at_instant_ < kTurnsPerInstantMax + 10 * kCulpritsMax) return;
  std::string names;
  for (const std::string& culprit : culprits_) names += (names.empty() ? "" : ", ") + culprit;
  throw SimError("livelock: more than " + std::to_string(kTurnsPerInstantMax) + " turns at " +
                 std::to_string(to_ns(now)) + " ns by " + names);
}

}  // namespace twinpath::sim
