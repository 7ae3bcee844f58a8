// Who runs the tasks of one application: it waits for their sockets and timers with the
// application's poller and clock, and goes on with whoever can. One thread, no stack switching:
// between two co_await nothing else of the application runs. The same under every driver.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "models/app/app.h"
#include "models/app/task.h"

namespace twinpath {

// What a task waits for at a socket. It is part of the task's frame.
class PendingOp {
 public:
  virtual ~PendingOp() = default;
  // Tries again. True: it is over, one way or the other.
  virtual bool attempt() = 0;
  // The socket was closed by another task: over, with kCanceled.
  virtual void cancel() = 0;

 protected:
  friend class TaskSet;
  std::coroutine_handle<> waiting_;
};

class TaskSet final : private TaskEnd {
 public:
  static constexpr std::uint32_t kTasksMax = 65536;
  enum class Way : std::uint8_t { kIn, kOut };

  // At most `tasks_max` at a time.
  TaskSet(const AppContext& context, std::uint32_t tasks_max);
  TaskSet(const TaskSet&) = delete;
  TaskSet& operator=(const TaskSet&) = delete;
  // Cancels every task. Their sockets go with the host.
  ~TaskSet() override;

  // Takes the task over; it first runs in this turn, after whoever spawned it waits or ends. False:
  // there are tasks_max already, the task is gone.
  bool spawn(Task<> task);
  // Everything that can go on does, until all wait. Called by the application's start() and
  // on_ready().
  void run(Instant now);

  // The instant of this turn; it stands still until the next co_await that has to wait.
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] std::size_t size() const { return running_; }
  // The most there were at a time.
  [[nodiscard]] std::size_t most() const { return most_; }
  // What the first task that threw said; empty if none did. Only its task ended.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const AppContext& context() const { return context_; }
  [[nodiscard]] SocketApi& sockets() const { return context_.sockets; }

  // For awaitables. `adopt` has the poller watch a new socket of ours.
  void adopt(Fd fd);
  void close(Fd fd);
  // False: another task waits this way already.
  bool wait(Fd fd, Way way, PendingOp& op);
  void forget(Fd fd, Way way);
  // A timer's: goes on with `waiting`.
  void wake(Instant now, std::coroutine_handle<> waiting);

 private:
  struct Waiting {
    std::array<PendingOp*, 2> ops{};  // by Way
  };
  struct Slot {
    std::optional<Task<>> task;
    std::uint32_t next_free = 0;
  };

  void on_task_end(std::uint32_t slot) noexcept override { ended_.push_back(slot); }
  void attempt(Fd fd, Way way);
  void drain();
  void collect();
  [[nodiscard]] PendingOp*& op_of(Fd fd, Way way) {
    return waiting_[static_cast<std::size_t>(fd)].ops[static_cast<std::size_t>(way)];
  }

  AppContext context_;
  Poller poller_;
  std::array<PollEvent, kEventsPerWait> events_;
  std::vector<Waiting> waiting_;  // by descriptor
  std::vector<Slot> slots_;       // grows to the most there were
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> ended_;
  std::vector<std::coroutine_handle<>> ready_;  // at most one per task
  std::size_t next_ready_ = 0;
  std::uint32_t tasks_max_;
  std::size_t running_ = 0;
  std::size_t most_ = 0;
  Instant now_{};
  bool ending_ = false;
  std::string problem_;
};

// co_await sleep(...): the task goes on `delay` later, at once behind others if that is zero.
class SleepOp {
 public:
  SleepOp(TaskSet& tasks, Duration delay);
  SleepOp(const SleepOp&) = delete;
  SleepOp& operator=(const SleepOp&) = delete;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  void await_resume() const noexcept {}

 private:
  TaskSet& tasks_;
  Duration delay_;
  std::coroutine_handle<> waiting_;
  Timer timer_;
};

}  // namespace twinpath
