// The budget of a replayed turn is what the turn took, so rings give no more than they gave then.
#include "models/base/turn_replay.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "models/base/check.h"

namespace twinpath {

std::size_t ReplayPort::rx_burst(std::span<BufPtr> out) {
  const std::size_t count = std::min({out.size(), allowed_, waiting_.size()});
  for (std::size_t index = 0; index < count; ++index) {
    out[index] = std::move(waiting_.front());
    waiting_.pop_front();
  }
  allowed_ -= count;
  return count;
}

bool replay_turn(CoreSchedule& schedule, const TurnRecord& record,
                 std::span<ReplayPort* const> ports) {
  CHECK(record.stage < schedule.size());
  Stage& stage = schedule.stage(record.stage);
  const auto inputs = stage.inputs();
  CHECK(inputs.size() <= kLoggedInputs && ports.size() <= inputs.size());
  std::array<std::uint64_t, kLoggedInputs> before{};
  for (std::size_t index = 0; index < inputs.size(); ++index)
    before[index] = inputs[index]->taken();
  for (std::size_t index = 0; index < ports.size(); ++index) {
    if (ports[index] != nullptr) ports[index]->allow(record.items[index]);
  }
  const std::uint32_t items = std::accumulate(record.items.begin(), record.items.end(), 0U);
  CostLedger ledger;
  schedule.retry_blocked();
  run_turn(schedule, {record.stage, &stage, std::max(items, 1U)}, at_ns(record.now_ns), ledger);
  schedule.publish(record.stage);
  for (std::size_t index = 0; index < inputs.size(); ++index) {
    if (inputs[index]->taken() - before[index] != record.items[index]) return false;
  }
  return true;
}

}  // namespace twinpath
