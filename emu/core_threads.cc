// Workers around a core's Stages, and who wakes whom.
#include "emu/core_threads.h"

#include <utility>

namespace twinpath::emu {

CoreThreads::CoreThreads(EngineCore& core, const CoreThreadsOptions& options) {
  WorkerOptions stack = options.stack;
  WorkerOptions applications{.cpu = options.applications_cpu,
                             .schedule = stack.schedule,
                             .idle = stack.idle,
                             .all_wake = true};
  const bool share_cpu =
      core.applications() != nullptr && stack.cpu >= 0 && stack.cpu == options.applications_cpu;
  stack.idle.yields = applications.idle.yields = share_cpu;
  stack_ = std::make_unique<Worker>(stack_clock_, std::move(stack));
  stack_->add(core.stack());
  if (core.applications() == nullptr) return;
  applications_ = std::make_unique<Worker>(applications_clock_, std::move(applications));
  applications_->add(*core.applications());
  core.set_job_wakers({applications_.get(), stack_.get()});
}

void CoreThreads::set_finished(std::function<bool(Instant)> finished, Instant at_most) {
  Worker& asked = applications_ ? *applications_ : *stack_;
  asked.set_finished(std::move(finished), at_most);
}

void CoreThreads::start() {
  stack_->start();
  if (applications_) applications_->start();
}

void CoreThreads::join() {
  if (applications_) {
    applications_->join();
    stack_->request_stop();
  }
  stack_->join();
}

void CoreThreads::stop() {
  stack_->request_stop();
  if (applications_) {
    applications_->request_stop();
    applications_->join();
  }
  stack_->join();
}

}  // namespace twinpath::emu
