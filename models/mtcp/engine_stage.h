// An engine as a Stage: the stack's thread of a core. With a JobHost, jobs are its second input.
#pragma once

#include <string>
#include <vector>

#include "models/base/host_stage.h"
#include "models/mtcp/engine.h"
#include "models/mtcp/job_host.h"

namespace twinpath {

class EngineStage final : public Stage {
 public:
  // Contract row of a turn: frames moved either way, and jobs taken.
  static constexpr ContractId kContract = 1;
  static constexpr std::size_t kPcvFrames = 0;
  static constexpr std::size_t kPcvJobs = 1;

  // Requires: `host` and `port` outlive the stage. `jobs` is `host`, or nullptr.
  EngineStage(std::string name, const EngineConfig& config, Host& host, Port& port,
              JobHost* jobs = nullptr);

  [[nodiscard]] std::string_view name() const override { return name_; }
  Work run(Turn& turn) override;
  [[nodiscard]] Instant next_deadline() override { return engine_.next_deadline(); }
  [[nodiscard]] std::span<Input* const> inputs() override { return inputs_; }

 private:
  std::string name_;
  // What leaves a turn leaves by its outbox: without batches a turn is one frame's.
  std::size_t frames_max_;
  StagePort port_;
  Engine engine_;
  JobHost* jobs_;
  std::vector<Input*> inputs_;
};

}  // namespace twinpath
