// Turns of tasks: an event lets the one operation that waits for it try again; what is over goes on
// the list of who is ready, and nobody is resumed from within another.
#include "models/app/task_set.h"

#include "models/base/check.h"

namespace twinpath {

TaskSet::TaskSet(const AppContext& context, std::uint32_t tasks_max)
    : context_(context),
      poller_(context.sockets, &context.ready),
      tasks_max_(std::min(tasks_max, kTasksMax)) {}

TaskSet::~TaskSet() {
  ending_ = true;
  slots_.clear();
}

bool TaskSet::spawn(Task<> task) {
  if (running_ == tasks_max_) return false;
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
    // on_task_end() may not fail, and what is ready or free is one per slot at most.
    ended_.reserve(slots_.capacity());
    free_.reserve(slots_.capacity());
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  auto& promise = task.handle().promise();
  promise.end = this;
  promise.slot = slot;
  ready_.push_back(task.handle());
  slots_[slot].task.emplace(std::move(task));
  most_ = std::max(most_, ++running_);
  return true;
}

void TaskSet::run(Instant now) {
  now_ = now;
  drain();
  while (const std::size_t count = poller_.wait(events_)) {
    for (const PollEvent& event : std::span(events_).first(count)) {
      constexpr std::uint32_t kBoth = kPollError | kPollHangup;
      if ((event.events & (kPollIn | kPollReadHangup | kBoth)) != 0) attempt(event.fd, Way::kIn);
      if ((event.events & (kPollOut | kBoth)) != 0) attempt(event.fd, Way::kOut);
    }
    drain();
  }
}

void TaskSet::attempt(Fd fd, Way way) {
  PendingOp* const op = op_of(fd, way);
  if (op == nullptr || !op->attempt()) return;
  op_of(fd, way) = nullptr;
  ready_.push_back(op->waiting_);
}

void TaskSet::drain() {
  while (next_ready_ < ready_.size()) {
    ready_[next_ready_++].resume();
    collect();
  }
  ready_.clear();
  next_ready_ = 0;
}

void TaskSet::collect() {
  for (const std::uint32_t slot : ended_) {
    const Task<> task = std::move(*slots_[slot].task);
    slots_[slot].task.reset();
    free_.push_back(slot);
    --running_;
    const std::exception_ptr failure = task.handle().promise().failure;
    if (!failure || !problem_.empty()) continue;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      problem_ = error.what();
    } catch (...) {
      problem_ = "a task threw what is no std::exception";
    }
  }
  ended_.clear();
}

void TaskSet::adopt(Fd fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (waiting_.size() <= index) waiting_.resize(index + 1);
  waiting_[index] = Waiting();
  poller_.add(fd, {kBothWays, Trigger::kEdge, 0});
}

void TaskSet::close(Fd fd) {
  if (ending_) return;
  for (const Way way : {Way::kIn, Way::kOut}) {
    PendingOp* const op = std::exchange(op_of(fd, way), nullptr);
    if (op == nullptr) continue;
    op->cancel();
    ready_.push_back(op->waiting_);
  }
  context_.sockets.close(now_, fd);
}

bool TaskSet::wait(Fd fd, Way way, PendingOp& op) {
  PendingOp*& place = op_of(fd, way);
  if (place != nullptr) return false;
  place = &op;
  return true;
}

void TaskSet::forget(Fd fd, Way way) { op_of(fd, way) = nullptr; }

void TaskSet::wake(Instant now, std::coroutine_handle<> waiting) {
  ready_.push_back(waiting);
  run(now);
}

SleepOp::SleepOp(TaskSet& tasks, Duration delay)
    : tasks_(tasks), delay_(delay), timer_(this, [](void* self, Instant now) {
        auto& op = *static_cast<SleepOp*>(self);
        op.tasks_.wake(now, op.waiting_);
      }) {}

void SleepOp::await_suspend(std::coroutine_handle<> waiting) {
  waiting_ = waiting;
  tasks_.context().timers.arm(timer_, after(tasks_.now(), std::max(delay_, Duration::zero())));
}

}  // namespace twinpath
