// An application in blocking style: derive, write run() with co_await. It runs under every driver
// and over every stack, and from a Plan as any native application (models/native/app.h).
//
//   class Ask final : public TaskApp {
//    public:
//     struct Config { ... };
//     Ask(const Config& config, const AppContext& context) : TaskApp(context), config_(config) {}
//    private:
//     Task<> run() override {
//       TaskSocket socket = stream();
//       if (co_await socket.connect({config_.to, config_.port}) != Errno::kNone) co_return;
//       co_await socket.send_all(question_);
//       co_await socket.receive_all(answer_);
//       co_await sleep(std::chrono::seconds(1));
//     }
//   };
#pragma once

#include "models/app/task_socket.h"

namespace twinpath {

class TaskApp : public App {
 public:
  void start(Instant now) final;
  void on_ready(Instant now) final { tasks_.run(now); }
  // Every task has ended.
  [[nodiscard]] bool done() const override { return started_ && tasks_.size() == 0; }
  // Failures, and the first one's reason; override to add more.
  void report(AppReport& report) const override;

 protected:
  explicit TaskApp(const AppContext& context, std::uint32_t tasks_max = TaskSet::kTasksMax)
      : tasks_(context, tasks_max) {}

  // The first task. What spawned tasks still run keeps the application from being done. Frames of
  // unfinished tasks are destroyed after the members of the derived class: their destructors must
  // not touch those.
  virtual Task<> run() = 0;

  bool spawn(Task<> task) { return tasks_.spawn(std::move(task)); }
  SleepOp sleep(Duration delay) { return {tasks_, delay}; }
  [[nodiscard]] Instant now() const { return tasks_.now(); }
  [[nodiscard]] const AppContext& context() const { return tasks_.context(); }
  [[nodiscard]] std::size_t tasks() const { return tasks_.size(); }
  // New sockets; not open when the host has no more.
  [[nodiscard]] TaskSocket stream() { return make(SocketKind::kStream); }
  [[nodiscard]] TaskSocket datagram() { return make(SocketKind::kDatagram); }
  // A stream that listens at `port` of every address; not open, and a failure, when it cannot.
  [[nodiscard]] TaskSocket listen(std::uint16_t port, std::uint32_t backlog = kBacklog);
  // Counts a failure; the first one's words are reported.
  void fail(std::string_view what, Errno error);

 private:
  static constexpr std::uint32_t kBacklog = 4096;
  TaskSocket make(SocketKind kind);

  TaskSet tasks_;
  bool started_ = false;
  std::uint64_t failures_ = 0;
  std::string problem_;
};

}  // namespace twinpath
