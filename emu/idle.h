// How a core spends time it has no work for. Polling on answers in well under a microsecond but
// burns the core, which starves peers on a small machine; so after a while without work it sleeps
// on the devices' descriptors until news, or until shortly before the next deadline.
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "models/base/time.h"

namespace twinpath::emu {

struct IdlePolicy {
  Duration spin = std::chrono::microseconds(50);    // polled on after the last work
  Duration margin = std::chrono::microseconds(60);  // awake this long before a deadline
  Duration nap = std::chrono::microseconds(50);     // longest sleep when some input cannot wake us
  Duration sleep = std::chrono::milliseconds(20);   // longest sleep when all can
  // Instead of polling on, lets others on its CPU run: for threads that work for each other there.
  bool yields = false;
};

// The sleeping place of one thread. Others end a sleep by wake(); nothing is lost between the last
// look at the inputs and the sleep: prepare(), look once more, then sleep().
class IdleWait {
 public:
  explicit IdleWait(std::span<const int> wake_fds);
  IdleWait(const IdleWait&) = delete;
  IdleWait& operator=(const IdleWait&) = delete;
  ~IdleWait();

  // From now on wake() leaves a mark. False when that was so already.
  bool prepare();
  void cancel();
  // Until a descriptor is readable, wake() was called since prepare(), or `longest` has passed.
  void sleep(Duration longest);
  // From any thread and from a signal handler.
  void wake();
  // The same, whether or not anybody sleeps.
  void wake_surely() const;

 private:
  std::vector<int> fds_;  // [0] is our own
  // Only read-modify-write operations touch it: they are totally ordered, so either the sleeper
  // sees what was published before wake(), or wake() sees the sleeper. A plain store and load would
  // need a fence between them.
  std::atomic<int> sleeping_{0};
  bool prepared_ = false;
};

}  // namespace twinpath::emu
