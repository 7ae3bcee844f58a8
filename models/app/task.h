// Code in blocking style: a function that returns a Task and waits with co_await. A Task does
// nothing until it is awaited or spawned (task_set.h), and destroying it cancels it: every local of
// its frame is destroyed where it stands. Read the C++20 standard, [dcl.fct.def.coroutine].
//
//   Task<Errno> greet(TaskSocket& socket) {
//     co_return co_await socket.send_all(kGreeting);
//   }
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

namespace twinpath {

// Hears that a spawned task came to its end. Its frame may be destroyed once its resume() returned.
class TaskEnd {
 public:
  virtual ~TaskEnd() = default;
  virtual void on_task_end(std::uint32_t slot) noexcept = 0;
};

namespace task_detail {

// Goes on with whoever awaited the task, in the same turn and without growing the stack.
struct FinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
    auto& promise = self.promise();
    if (promise.end != nullptr) promise.end->on_task_end(promise.slot);
    return promise.continuation;
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  std::exception_ptr failure;
  TaskEnd* end = nullptr;  // of a spawned task
  std::uint32_t slot = 0;

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { failure = std::current_exception(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  std::coroutine_handle<Promise> get_return_object() {
    return std::coroutine_handle<Promise>::from_promise(*this);
  }
  void return_value(T result) { value.emplace(std::move(result)); }
  T result() { return std::move(*value); }
};
template <>
struct Promise<void> : PromiseBase {
  std::coroutine_handle<Promise> get_return_object() {
    return std::coroutine_handle<Promise>::from_promise(*this);
  }
  void return_void() const noexcept {}
  void result() const noexcept {}
};

}  // namespace task_detail

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  // What the compiler makes of a function that returns a Task.
  Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // Awaited, it runs at once; whoever awaits goes on when it is over, with its result or what it
  // threw.
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    handle_.promise().continuation = awaiting;
    return handle_;
  }
  T await_resume() {
    if (handle_.promise().failure) std::rethrow_exception(handle_.promise().failure);
    return handle_.promise().result();
  }

  [[nodiscard]] Handle handle() const { return handle_; }

 private:
  Handle handle_;
};

}  // namespace twinpath
