// See task_socket.h: each operation is the socket's call, tried again when its readiness changed.
#include "models/app/task_socket.h"

namespace twinpath {

bool SocketOp::await_suspend(std::coroutine_handle<> waiting) {
  waiting_ = waiting;
  waits_ = tasks_.wait(fd_, way_, *this);
  if (!waits_) fail(Errno::kAlready);
  return waits_;
}

bool SocketOp::attempt() {
  const bool over = try_now();
  if (over) waits_ = false;
  return over;
}

void SocketOp::cancel() {
  waits_ = false;
  fail(Errno::kCanceled);
}

bool ConnectOp::try_now() {
  if (!std::exchange(asked_, true)) {
    result_ = sockets().connect(now(), fd_, remote_);
    return result_ != Errno::kInProgress;
  }
  if ((sockets().readiness(fd_) & (kPollOut | kPollError | kPollHangup)) == 0) return false;
  result_ = static_cast<Errno>(sockets().get_option(fd_, SocketOption::kError).value);
  return true;
}

bool SendAllOp::try_now() {
  result_ = Errno::kNone;
  while (!left_.empty()) {
    const std::int64_t taken = sockets().send(now(), fd_, left_);
    if (errno_of(taken) == Errno::kAgain) return false;
    if (taken < 0) {
      result_ = errno_of(taken);
      return true;
    }
    left_ = left_.subspan(static_cast<std::size_t>(taken));
  }
  return true;
}

bool SendSliceOp::try_now() {
  result_ = Errno::kNone;
  while (left_.len > 0) {
    const std::int64_t taken = sockets().send_slice(now(), fd_, left_);
    if (errno_of(taken) == Errno::kAgain) return false;
    if (taken < 0) {
      result_ = errno_of(taken);
      return true;
    }
    left_.drop_front(static_cast<std::uint32_t>(taken));
  }
  return true;
}

bool SendToOp::try_now() {
  const std::int64_t taken = sockets().send_to(now(), fd_, target_, data_);
  result_ = errno_of(taken);
  return result_ != Errno::kAgain;
}

bool ReceiveOp::try_now() {
  for (;;) {
    const std::int64_t got = sockets().receive(now(), fd_, into_.subspan(have_));
    if (errno_of(got) == Errno::kAgain) return false;
    if (got > 0) have_ += static_cast<std::size_t>(got);
    result_ = got < 0 ? got : static_cast<std::int64_t>(have_);
    if (got <= 0 || until_ == Until::kSome || have_ == into_.size()) return true;
  }
}

bool ReceiveSliceOp::try_now() {
  result_ = sockets().receive_slice(now(), fd_, bytes_max_);
  return errno_of(result_.result) != Errno::kAgain;
}

bool AcceptOp::try_now() {
  result_ = sockets().accept(fd_);
  return result_.error != Errno::kAgain;
}

AcceptedSocket AcceptOp::await_resume() noexcept {
  const Fd fd = result_.error == Errno::kNone ? result_.fd : Fd::kNone;
  return {TaskSocket(tasks_, fd), result_.remote, result_.error};
}

TaskSocket::TaskSocket(TaskSet& tasks, Fd fd) : tasks_(&tasks), fd_(fd) {
  if (fd_ != Fd::kNone) tasks.adopt(fd_);
}

void TaskSocket::close() {
  if (fd_ != Fd::kNone) tasks_->close(std::exchange(fd_, Fd::kNone));
}

}  // namespace twinpath
