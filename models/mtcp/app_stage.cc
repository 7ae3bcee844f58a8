// One turn of the applications.
#include "models/mtcp/app_stage.h"

#include <algorithm>

namespace twinpath {

AppStage::AppStage(const AppStageConfig& config, JobRings& rings, BufPool& pool)
    : config_(config),
      client_(rings),
      sockets_(client_, pool,
               {.batch_sends = config.jobs.batch_sends, .pieces_held_max = config.jobs.slots / 2}),
      apps_({sockets_, timers_, pool, Rng(config.seed).fork("app")}),
      inputs_{&client_} {}

Work AppStage::run(Turn& turn) {
  client_.begin_turn(turn.outbox);
  timers_.expire(turn.now);
  const std::uint32_t batch = std::min(turn.budget, config_.jobs.event_batch);
  const std::uint32_t heard = sockets_.collect(turn.now, batch);
  apps_.run_ready(turn.now);
  sockets_.flush(turn.now);
  Probe probe;
  probe.pcv[kPcvEvents] = heard;
  turn.ledger.add(kContract, probe);
  return {heard, apps_.has_ready() || client_.ready()};
}

}  // namespace twinpath
