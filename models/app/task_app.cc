// See task_app.h.
#include "models/app/task_app.h"

namespace twinpath {

void TaskApp::start(Instant now) {
  started_ = true;
  tasks_.spawn(run());
  tasks_.run(now);
}

void TaskApp::report(AppReport& report) const {
  const bool threw = !tasks_.problem().empty();
  report.scalar(metric::kFailures, static_cast<double>(failures_ + (threw ? 1 : 0)));
  report.problem(problem_.empty() ? tasks_.problem() : problem_);
}

TaskSocket TaskApp::make(SocketKind kind) {
  const FdResult made = context().sockets.socket(kind);
  if (made.error != Errno::kNone) fail("socket", made.error);
  return {tasks_, made.error == Errno::kNone ? made.fd : Fd::kNone};
}

TaskSocket TaskApp::listen(std::uint16_t port, std::uint32_t backlog) {
  TaskSocket socket = stream();
  if (!socket.is_open()) return socket;
  Errno error = socket.bind({IpAddress(), port});
  if (error == Errno::kNone) error = socket.listen(backlog);
  if (error == Errno::kNone) return socket;
  fail("listen", error);
  socket.close();
  return socket;
}

void TaskApp::fail(std::string_view what, Errno error) {
  ++failures_;
  if (problem_.empty()) problem_ = std::string(what) + ": " + std::string(symbol(error));
}

}  // namespace twinpath
