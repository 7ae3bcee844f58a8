// The applications' thread of a core: they hear of completions in batches, run, and what they asked
// for leaves as one batch of jobs.
#pragma once

#include <array>
#include <string>

#include "models/app/app_runner.h"
#include "models/mtcp/job_queues.h"
#include "models/socket/stack_sockets.h"

namespace twinpath {

struct AppStageConfig {
  std::string name = "apps";
  std::uint64_t seed = 1;
  JobConfig jobs{};
};

class AppStage final : public Stage {
 public:
  // Contract row of a turn.
  static constexpr ContractId kContract = 2;
  static constexpr std::size_t kPcvEvents = 0;

  // `pool` gives chunks for what applications send. Requires: both outlive the stage.
  AppStage(const AppStageConfig& config, JobRings& rings, BufPool& pool);
  AppStage(const AppStage&) = delete;
  AppStage& operator=(const AppStage&) = delete;
  ~AppStage() override { client_.end(); }

  [[nodiscard]] std::string_view name() const override { return config_.name; }
  Work run(Turn& turn) override;
  [[nodiscard]] Instant next_deadline() override { return timers_.next_deadline(); }
  [[nodiscard]] std::span<Input* const> inputs() override { return inputs_; }

  [[nodiscard]] AppRunner& apps() { return apps_; }
  [[nodiscard]] StackSockets& sockets() { return sockets_; }

 private:
  AppStageConfig config_;
  TimerQueue timers_;
  JobClient client_;
  StackSockets sockets_;
  AppRunner apps_;
  std::array<Input*, 1> inputs_;
};

}  // namespace twinpath
