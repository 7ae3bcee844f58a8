// The two ends of a core's job queues. JobClient is the application's: a StackApi whose operations
// are jobs and whose completions come in batches. JobServer is the stack's: it plays the jobs on
// its own StackApi and hands back what completes. Each belongs to one Stage and acts only in that
// Stage's turns.
#pragma once

#include <deque>

#include "models/mtcp/job_rings.h"

namespace twinpath {

// The application's end, also the Input of its Stage.
class JobClient final : public StackApi, public Input {
 public:
  static constexpr std::size_t kWaitingMax = 4096;

  // Requires: `rings` outlives this.
  explicit JobClient(JobRings& rings) : rings_(rings) {}
  JobClient(const JobClient&) = delete;
  JobClient& operator=(const JobClient&) = delete;

  // Requires: before anything else in a turn. Buffers that came home are the pool's again.
  void begin_turn(Outbox& outbox);
  // After the last turn, on one thread: buffers go home without a ring.
  void end() { rings_.from_stack.set_outbox(nullptr); }

  // The operation waits here as long as the ring has no room for it.
  void submit(Instant now, StackOp op) override;
  std::size_t reap(std::span<StackCompletion> out) override;
  [[nodiscard]] bool takes_ops() const override { return waiting_.size() < kWaitingMax; }

  // News from the stack, or room again for a job that waited for it.
  [[nodiscard]] bool ready() override;
  [[nodiscard]] std::uint64_t taken() const override { return rings_.events.inlet().taken(); }

 private:
  void flush();
  // Whether the job went into the ring.
  bool post(StackOp& op);

  JobRings& rings_;
  Outbox* outbox_ = nullptr;
  bool lacks_buffer_ = false;  // the first that waits needs one to come home
  // Bounded by kWaitingMax where the submitter asks takes_ops(), and by kOpsPerSocketMax of a kind
  // per socket in what has credits.
  std::deque<StackOp> waiting_;
};

class JobServer final : public Input {
 public:
  // Requires: all outlive this.
  JobServer(JobRings& rings, StackApi& stack) : rings_(rings), stack_(stack) {}
  JobServer(const JobServer&) = delete;
  JobServer& operator=(const JobServer&) = delete;

  void begin_turn(Outbox& outbox);
  void end() { rings_.from_application.set_outbox(nullptr); }
  // Submits at most `jobs_max` jobs, none while too much of what was done waits for the client to
  // hear of it; returns how many.
  std::uint32_t take(Instant now, std::uint32_t jobs_max);
  // Hands over what has completed, as far as there is room.
  void give();

  [[nodiscard]] bool ready() override;
  [[nodiscard]] std::uint64_t taken() const override { return rings_.jobs.inlet().taken(); }

 private:
  bool post(StackCompletion& completion);

  JobRings& rings_;
  StackApi& stack_;
  Outbox* outbox_ = nullptr;
  bool lacks_buffer_ = false;
  std::deque<StackCompletion> waiting_;  // at most one batch
};

}  // namespace twinpath
