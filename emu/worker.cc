// The loop of a core. Time is read once per turn: the reading that ends a turn begins the next.
#include "emu/worker.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>
#include <x86intrin.h>

#include <algorithm>

#include "emu/turn_log.h"
#include "models/base/check.h"

namespace twinpath::emu {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr unsigned long kTimerSlackNs = 1'000;  // the kernel's 50 us would delay every wake-up

Duration thread_cpu() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return Duration(used.tv_sec * kNsPerSecond + used.tv_nsec);
}

// The thread is pinned, goes first and has exact timers for the scope.
class PollingThread {
 public:
  PollingThread(int cpu, bool realtime) {
    pthread_getaffinity_np(pthread_self(), sizeof(before_), &before_);
    prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
    const sched_param lowest{.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    realtime_ = realtime && pthread_setschedparam(pthread_self(), SCHED_FIFO, &lowest) == 0;
    if (cpu < 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
  }
  PollingThread(const PollingThread&) = delete;
  PollingThread& operator=(const PollingThread&) = delete;
  ~PollingThread() {
    pthread_setaffinity_np(pthread_self(), sizeof(before_), &before_);
    prctl(PR_SET_TIMERSLACK, 0);
    const sched_param none{.sched_priority = 0};
    if (realtime_) pthread_setschedparam(pthread_self(), SCHED_OTHER, &none);
  }

 private:
  cpu_set_t before_{};
  bool realtime_ = false;
};

}  // namespace

Worker::Worker(Clock& clock, WorkerOptions options)
    : clock_(clock),
      options_(std::move(options)),
      schedule_(options_.schedule),
      wait_(options_.wake_fds) {}

Worker::~Worker() { CHECK(!thread_.joinable()); }

std::size_t Worker::add(Stage& stage) {
  stats_.stages.emplace_back();
  return schedule_.add(stage);
}

void Worker::set_finished(std::function<bool(Instant)> finished, Instant at_most) {
  finished_ = std::move(finished);
  at_most_ = at_most;
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::request_stop() {
  stop_.store(true, std::memory_order_release);
  wait_.wake_surely();
}

void Worker::wake() { wait_.wake(); }

bool Worker::finished(Instant now) const {
  return stop_requested() || (finished_ && finished_(now));
}

void Worker::run() {
  const PollingThread polling(options_.cpu, options_.realtime);
  if (options_.on_thread_start) options_.on_thread_start();
  const Duration cpu_before = thread_cpu();
  const Instant began = clock_.now();
  last_work_ = began;
  loop();
  stats_.lived += clock_.now() - began;
  stats_.cpu += thread_cpu() - cpu_before;
}

void Worker::loop() {
  Instant now = clock_.now();
  while (!finished(now)) {
    advance(now);
    schedule_.retry_blocked();
    const std::optional<CoreSchedule::Pick> pick = schedule_.next(now);
    now = pick ? turn(*pick, now) : idle(now);
  }
  wait_.cancel();
  add_unserved(now);
}

// Late too is what was due and never got its turn: without it a run in which nothing ran at all
// would show no lag.
void Worker::add_unserved(Instant now) {
  if (const Instant due = schedule_.next_deadline(); due <= now) add_lag(now - due);
  for (const Clocked* part : clocked_) {
    const Instant due = part->next_deadline();
    if (due <= now && due > advanced_) add_lag(now - due);
  }
}

// What a part held back for later and gives out now counts as a timer too.
void Worker::advance(Instant now) {
  for (Clocked* part : clocked_) {
    const Instant due = part->next_deadline();
    if (due <= now && due > advanced_) add_lag(now - due);
    part->advance(now);
  }
  advanced_ = now;
}

void Worker::add_lag(Duration lag) {
  stats_.timer_lag.add(static_cast<std::uint64_t>(lag.count()));
}

Instant Worker::turn(const CoreSchedule::Pick& pick, Instant now) {
  wait_.cancel();
  const Instant due = pick.stage->next_deadline();
  if (due <= now) add_lag(now - due);
  if (log_ != nullptr) log_->begin_turn(*pick.stage);
  const Work work = run_turn(schedule_, pick, now, ledger_);
  schedule_.publish(pick.index);
  const Instant end = clock_.now();
  if (log_ != nullptr) log_->end_turn(*pick.stage, {now, end, pick.index});
  pick.stage->charged(now, end - now);
  StageStats& stage = stats_.stages[pick.index];
  ++stage.turns;
  stage.items += work.items;
  stage.busy += end - now;
  ++stats_.turns;
  stats_.busy += end - now;
  last_work_ = end;
  return end;
}

Instant Worker::next_deadline() const {
  Instant earliest = std::min(schedule_.next_deadline(), at_most_);
  for (const Clocked* part : clocked_) earliest = std::min(earliest, part->next_deadline());
  return earliest;
}

Instant Worker::idle(Instant now) {
  const IdlePolicy& policy = options_.idle;
  ++stats_.idle_polls;
  const Instant due = next_deadline();
  const Instant latest = due == kNever ? kNever : due - policy.margin;
  if (now - last_work_ < policy.spin || latest <= now) {
    wait_.cancel();
    policy.yields ? static_cast<void>(sched_yield()) : _mm_pause();
    return clock_.now();
  }
  if (wait_.prepare()) return clock_.now();  // one more look at the inputs before sleeping
  wait_.sleep(std::min(options_.all_wake ? policy.sleep : policy.nap, latest - now));
  ++stats_.sleeps;
  const Instant awake = clock_.now();
  stats_.slept += awake - now;
  return awake;
}

}  // namespace twinpath::emu
