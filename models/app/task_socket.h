// A socket in blocking style: co_await connect, accept, send_all, receive. One task may read while
// another writes; a third that waits the same way gets kAlready. Closing the socket completes what
// waits at it with kCanceled. Errors are Linux's (models/base/linux_errno.h).
#pragma once

#include "models/app/task_set.h"

namespace twinpath {

// Tries at once, waits only for what is not possible yet.
class SocketOp : public PendingOp {
 public:
  SocketOp(TaskSet& tasks, Fd fd, TaskSet::Way way) : tasks_(tasks), fd_(fd), way_(way) {}
  SocketOp(const SocketOp&) = delete;
  SocketOp& operator=(const SocketOp&) = delete;
  ~SocketOp() override {
    if (waits_) tasks_.forget(fd_, way_);
  }
  [[nodiscard]] bool await_ready() { return fd_ == Fd::kNone || attempt(); }
  // False: it goes on at once.
  bool await_suspend(std::coroutine_handle<> waiting);
  bool attempt() final;
  void cancel() final;

 protected:
  // True: over, the result stands.
  virtual bool try_now() = 0;
  virtual void fail(Errno error) = 0;
  [[nodiscard]] SocketApi& sockets() const { return tasks_.sockets(); }
  [[nodiscard]] Instant now() const { return tasks_.now(); }

  TaskSet& tasks_;
  Fd fd_;

 private:
  TaskSet::Way way_;
  bool waits_ = false;
};

// Operations that end with an error or none.
class ErrnoOp : public SocketOp {
 public:
  using SocketOp::SocketOp;
  [[nodiscard]] Errno await_resume() const noexcept { return result_; }

 protected:
  void fail(Errno error) override { result_ = error; }
  Errno result_ = Errno::kBadDescriptor;  // what a socket that is none gives
};

class ConnectOp final : public ErrnoOp {
 public:
  ConnectOp(TaskSet& tasks, Fd fd, const SocketAddress& remote)
      : ErrnoOp(tasks, fd, TaskSet::Way::kOut), remote_(remote) {}

 private:
  bool try_now() override;
  SocketAddress remote_;
  bool asked_ = false;
};

class SendAllOp final : public ErrnoOp {
 public:
  SendAllOp(TaskSet& tasks, Fd fd, std::span<const std::byte> data)
      : ErrnoOp(tasks, fd, TaskSet::Way::kOut), left_(data) {}

 private:
  bool try_now() override;
  std::span<const std::byte> left_;
};

class SendSliceOp final : public ErrnoOp {
 public:
  SendSliceOp(TaskSet& tasks, Fd fd, Slice data)
      : ErrnoOp(tasks, fd, TaskSet::Way::kOut), left_(std::move(data)) {}

 private:
  bool try_now() override;
  Slice left_;
};

class SendToOp final : public ErrnoOp {
 public:
  SendToOp(TaskSet& tasks, Fd fd, const SocketAddress& target, std::span<const std::byte> data)
      : ErrnoOp(tasks, fd, TaskSet::Way::kOut), target_(target), data_(data) {}

 private:
  bool try_now() override;
  SocketAddress target_;
  std::span<const std::byte> data_;
};

// Bytes, 0 at the end of the stream, or a negative Errno.
class ReceiveOp final : public SocketOp {
 public:
  enum class Until : std::uint8_t { kSome, kFull };
  ReceiveOp(TaskSet& tasks, Fd fd, std::span<std::byte> into, Until until)
      : SocketOp(tasks, fd, TaskSet::Way::kIn), into_(into), until_(until) {}
  [[nodiscard]] std::int64_t await_resume() const noexcept { return result_; }

 private:
  bool try_now() override;
  void fail(Errno error) override { result_ = failure(error); }
  std::span<std::byte> into_;
  Until until_;
  std::size_t have_ = 0;
  std::int64_t result_ = failure(Errno::kBadDescriptor);
};

class ReceiveSliceOp final : public SocketOp {
 public:
  ReceiveSliceOp(TaskSet& tasks, Fd fd, std::uint32_t bytes_max)
      : SocketOp(tasks, fd, TaskSet::Way::kIn), bytes_max_(bytes_max) {
    fail(Errno::kBadDescriptor);
  }
  [[nodiscard]] Received await_resume() noexcept { return std::move(result_); }

 private:
  bool try_now() override;
  void fail(Errno error) override { result_.result = failure(error); }
  std::uint32_t bytes_max_;
  Received result_;
};

struct AcceptedSocket;

class AcceptOp final : public SocketOp {
 public:
  AcceptOp(TaskSet& tasks, Fd fd) : SocketOp(tasks, fd, TaskSet::Way::kIn) {
    fail(Errno::kBadDescriptor);
  }
  [[nodiscard]] AcceptedSocket await_resume() noexcept;

 private:
  bool try_now() override;
  void fail(Errno error) override { result_.error = error; }
  Accepted result_;
};

class TaskSocket {
 public:
  // None: every operation ends with kBadDescriptor.
  TaskSocket() = default;
  // Takes over a descriptor of these tasks' sockets.
  TaskSocket(TaskSet& tasks, Fd fd);
  TaskSocket(TaskSocket&& other) noexcept
      : tasks_(other.tasks_), fd_(std::exchange(other.fd_, Fd::kNone)) {}
  TaskSocket& operator=(TaskSocket other) noexcept {
    std::swap(tasks_, other.tasks_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~TaskSocket() { close(); }

  [[nodiscard]] bool is_open() const { return fd_ != Fd::kNone; }
  [[nodiscard]] Fd fd() const { return fd_; }

  Errno bind(const SocketAddress& local) { return sockets().bind(fd_, local); }
  Errno listen(std::uint32_t backlog) { return sockets().listen(fd_, backlog); }
  Errno shutdown(ShutdownHow how) { return sockets().shutdown(tasks_->now(), fd_, how); }
  Errno set_option(SocketOption option, std::int64_t value) {
    return sockets().set_option(tasks_->now(), fd_, option, value);
  }
  void close();

  // Requires of what follows: tasks_ is there, which it is unless default-constructed.
  ConnectOp connect(const SocketAddress& remote) { return {*tasks_, fd_, remote}; }
  AcceptOp accept() { return {*tasks_, fd_}; }
  // Every byte is the stack's, or an error. The bytes are copied and must stay until then.
  SendAllOp send_all(std::span<const std::byte> data) { return {*tasks_, fd_, data}; }
  SendSliceOp send_all(Slice data) { return {*tasks_, fd_, std::move(data)}; }
  SendToOp send_to(const SocketAddress& target, std::span<const std::byte> data) {
    return {*tasks_, fd_, target, data};
  }
  // What there is, at least one byte; 0 at the end of the stream.
  ReceiveOp receive(std::span<std::byte> into) {
    return {*tasks_, fd_, into, ReceiveOp::Until::kSome};
  }
  // All of `into`; less only when the stream ended before.
  ReceiveOp receive_all(std::span<std::byte> into) {
    return {*tasks_, fd_, into, ReceiveOp::Until::kFull};
  }
  // A piece without a copy; of a datagram socket one datagram with its source.
  ReceiveSliceOp receive_slice(std::uint32_t bytes_max) { return {*tasks_, fd_, bytes_max}; }

 private:
  [[nodiscard]] SocketApi& sockets() const { return tasks_->sockets(); }

  TaskSet* tasks_ = nullptr;
  Fd fd_ = Fd::kNone;
};

struct AcceptedSocket {
  TaskSocket socket;
  SocketAddress remote{};
  Errno error = Errno::kNone;
};

}  // namespace twinpath
