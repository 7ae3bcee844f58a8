// The threads of an mTCP core: one that runs stack and applications, or one for each, on one
// processor or on two. Knows nothing of DPDK, as the worker.
#pragma once

#include <memory>

#include "emu/tsc_clock.h"
#include "emu/worker.h"
#include "models/mtcp/engine_core.h"

namespace twinpath::emu {

struct CoreThreadsOptions {
  WorkerOptions stack{};
  int applications_cpu = -1;  // of the second thread; -1: where it may run
};

class CoreThreads {
 public:
  // Requires: `core` outlives this. Two threads on one CPU give way to each other instead of
  // polling.
  CoreThreads(EngineCore& core, const CoreThreadsOptions& options);
  CoreThreads(const CoreThreads&) = delete;
  CoreThreads& operator=(const CoreThreads&) = delete;
  ~CoreThreads() { stop(); }

  // The stack's, for parts that must hear the time. Requires: not started.
  [[nodiscard]] Worker& stack() { return *stack_; }
  // nullptr when there is one thread.
  [[nodiscard]] Worker* applications() { return applications_.get(); }
  // The applications' thread stops by itself once `finished` says so, asked between its turns, or
  // at `at_most`; the stack's with it. Requires: before start().
  void set_finished(std::function<bool(Instant)> finished, Instant at_most);

  void start();
  // Until set_finished()'s condition has come true.
  void join();
  // Both end after their running turns.
  void stop();

 private:
  TscClock stack_clock_;
  TscClock applications_clock_;
  std::unique_ptr<Worker> stack_;
  std::unique_ptr<Worker> applications_;
};

}  // namespace twinpath::emu
