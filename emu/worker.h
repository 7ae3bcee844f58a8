// A core of the DPDK driver: one thread that runs Stages by the models' CoreSchedule, publishes
// each outbox at the end of its turn, and sleeps when there is nothing to do. Knows nothing of
// DPDK, so the thread sanitizer runs it on heap pools and fake ports (through DPDK's uninstrumented
// libraries it reports races that are none).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "emu/clock.h"
#include "emu/clocked.h"
#include "emu/idle.h"
#include "models/base/core_schedule.h"
#include "models/base/histogram.h"

namespace twinpath::emu {

class TurnLog;

struct WorkerOptions {
  std::uint16_t core = 0;  // its number in logs
  int cpu = -1;            // pinned there while it runs; -1: where the thread may run
  // Ahead of ordinary processes on its CPU, where the process may ask for that (root). A machine
  // with other work to do made p99.9 of timer lag 20 ms without. Only for workers that sleep.
  bool realtime = false;
  CoreConfig schedule{};
  IdlePolicy idle{};
  std::vector<int> wake_fds{};  // readable when frames wait
  bool all_wake = false;        // every input wakes by a descriptor or a ring: sleeps may be long
  std::function<void()> on_thread_start{};  // DPDK wants to know its threads
};

struct StageStats {
  std::uint64_t turns = 0;
  std::uint64_t items = 0;
  Duration busy{};
};

struct WorkerStats {
  std::uint64_t turns = 0;
  std::uint64_t idle_polls = 0;
  std::uint64_t sleeps = 0;
  Duration busy{};      // inside turns
  Duration slept{};     // wall time given away
  Duration cpu{};       // of the thread, by the kernel's count
  Duration lived{};     // wall time of run()
  Histogram timer_lag;  // ns from a deadline to when it was served, of Stages and of Clocked parts
  std::vector<StageStats> stages;
};

class Worker final : public Waker {
 public:
  // Requires: `clock` belongs to this worker alone.
  explicit Worker(Clock& clock, WorkerOptions options = WorkerOptions());
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  // Requires: not running.
  ~Worker() override;

  // Requires: all of these before run() or start().
  std::size_t add(Stage& stage);
  void add(Clocked& part) { clocked_.push_back(&part); }
  void set_log(TurnLog& log) { log_ = &log; }
  // The worker stops by itself once `finished` says so; asked between turns. It is also asked at
  // `at_most`, whatever else happens.
  void set_finished(std::function<bool(Instant)> finished, Instant at_most);

  // On the calling thread, until finished or stopped.
  void run();
  // On a thread of its own; join() waits for its end.
  void start();
  void join();

  // From any thread and from a signal handler: ends after the running turn.
  void request_stop();
  [[nodiscard]] bool stop_requested() const { return stop_.load(std::memory_order_acquire); }
  // From any thread: a ring of ours has news.
  void wake() override;

  // Requires: not running.
  [[nodiscard]] const WorkerStats& stats() const { return stats_; }
  [[nodiscard]] CoreSchedule& schedule() { return schedule_; }

 private:
  void loop();
  void advance(Instant now);
  void add_lag(Duration lag);
  void add_unserved(Instant now);
  Instant turn(const CoreSchedule::Pick& pick, Instant now);
  Instant idle(Instant now);
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] bool finished(Instant now) const;

  Clock& clock_;
  WorkerOptions options_;
  CoreSchedule schedule_;
  CostLedger ledger_;
  std::vector<Clocked*> clocked_;
  std::function<bool(Instant)> finished_;
  Instant at_most_ = kNever;
  TurnLog* log_ = nullptr;
  IdleWait wait_;
  WorkerStats stats_;
  Instant last_work_{};
  Instant advanced_ = Instant::min();
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace twinpath::emu
