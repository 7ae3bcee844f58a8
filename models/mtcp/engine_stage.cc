// One turn of the engine under a core's schedule.
#include "models/mtcp/engine_stage.h"

#include <algorithm>
#include <utility>

namespace twinpath {

EngineStage::EngineStage(std::string name, const EngineConfig& config, Host& host, Port& port,
                         JobHost* jobs)
    : name_(std::move(name)),
      frames_max_(config.batch_events && config.batch_transmit ? kEngineBatchMax : 1),
      port_(port),
      engine_(config, host, port_),
      jobs_(jobs),
      inputs_{&port_} {
  if (jobs != nullptr) inputs_.push_back(&jobs->jobs());
}

Work EngineStage::run(Turn& turn) {
  port_.begin_turn(turn.outbox);
  const std::uint64_t jobs_before = jobs_ == nullptr ? 0 : jobs_->jobs().taken();
  if (jobs_ != nullptr) jobs_->begin_turn(turn.outbox);
  const PumpWork work = engine_.run(turn.now, std::min<std::size_t>(turn.budget, frames_max_));
  const std::uint64_t jobs_after = jobs_ == nullptr ? 0 : jobs_->jobs().taken();
  const auto jobs = static_cast<std::uint32_t>(jobs_after - jobs_before);
  Probe probe;
  probe.pcv[kPcvFrames] = static_cast<std::uint32_t>(work.received + work.sent);
  probe.pcv[kPcvJobs] = jobs;
  turn.ledger.add(kContract, probe);
  const bool more = std::ranges::any_of(inputs_, [](Input* input) { return input->ready(); });
  const auto items = static_cast<std::uint32_t>(work.received) + jobs;
  return {std::min(items, turn.budget), more};
}

}  // namespace twinpath
