// A core of the driver on heap pools and fake ports: order, publication, sleeping, stopping. Free
// of DPDK, so the thread sanitizer runs it.
#include "emu/worker.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "emu/stop_signal.h"
#include "emu/tsc_clock.h"
#include "models/base/host_stage.h"
#include "models/base/ring.h"
#include "models/host/echo_host.h"
#include "tests/emu/fake_port.h"

namespace twinpath::emu {
namespace {

using namespace std::chrono_literals;
using test::FakePort;
using test::SteppedClock;

// Sends `total` numbers down a ring.
class Counter final : public Stage {
 public:
  Counter(Outlet<int>& out, int total) : out_(out), left_(total) {}
  [[nodiscard]] std::string_view name() const override { return "counter"; }
  Work run(Turn& turn) override {
    std::uint32_t items = 0;
    for (; items < turn.budget && left_ > 0 && out_.room() > 0; ++items) {
      out_.push(turn.outbox, left_--);
    }
    return {items, left_ > 0};
  }
  [[nodiscard]] Instant next_deadline() override { return left_ > 0 ? kStart : kNever; }

 private:
  Outlet<int>& out_;
  int left_;
};

class Adder final : public Stage {
 public:
  explicit Adder(Inlet<int>& in) : in_(in), inputs_{&in} {}
  [[nodiscard]] std::string_view name() const override { return "adder"; }
  Work run(Turn& turn) override {
    Work work;
    for (; work.items < turn.budget && in_.available() > 0; ++work.items) {
      sum_ += in_.pop(turn.outbox);
    }
    return work;
  }
  [[nodiscard]] std::span<Input* const> inputs() override { return inputs_; }
  [[nodiscard]] std::int64_t sum() const { return sum_; }

 private:
  Inlet<int>& in_;
  std::array<Input*, 1> inputs_;
  std::int64_t sum_ = 0;
};

// Does something only at instants.
class Alarm final : public Stage {
 public:
  explicit Alarm(Instant at) : at_(at) {}
  [[nodiscard]] std::string_view name() const override { return "alarm"; }
  Work run(Turn& turn) override {
    if (turn.now >= at_) {
      rang_ = turn.now;
      at_ = kNever;
    }
    return {1, false};
  }
  [[nodiscard]] Instant next_deadline() override { return at_; }
  [[nodiscard]] Instant rang() const { return rang_; }

 private:
  Instant at_;
  Instant rang_ = kNever;
};

TEST(Worker, RunsAHostOverItsPortAndAccountsForTheTime) {
  HeapPool pool;
  FakePort port;
  for (std::uint8_t i = 0; i < 40; ++i) port.arriving.push_back(test::marked_frame(pool, 60, i));
  EchoHost host;
  std::array<Port*, 1> ports{&port};
  HostStage stage("echo", host, ports, 0);
  SteppedClock clock;
  Worker worker(clock);
  worker.add(stage);
  worker.set_finished([&](Instant) { return port.sent.size() == 40; }, kNever);
  worker.run();
  ASSERT_EQ(port.sent.size(), 40U);
  EXPECT_EQ(port.sent[39].bytes.back(), std::byte{39});
  EXPECT_EQ(worker.stats().stages[0].items, 40U);
  EXPECT_EQ(worker.stats().stages[0].turns, worker.stats().turns);
  EXPECT_EQ(worker.stats().busy, worker.stats().turns * clock.step);
}

TEST(Worker, AHostWithMoreThanThePortTakesGoesOnOnceThereIsRoom) {
  HeapPool pool;
  FakePort port;
  port.room = 4;
  for (std::uint8_t i = 0; i < 20; ++i) port.arriving.push_back(test::marked_frame(pool, 60, i));
  EchoHost host;
  std::array<Port*, 1> ports{&port};
  HostStage stage("echo", host, ports, 0);
  SteppedClock clock;
  Worker worker(clock);
  worker.add(stage);
  worker.set_finished([&](Instant) { return port.sent.size() == 20; }, at_ns(1'000'000));
  worker.run();
  EXPECT_EQ(port.sent.size(), 20U);
}

TEST(Worker, StagesOnTwoCoresPassEverythingThroughAFullRing) {
  constexpr int kItems = 100'000;
  Ring<int> ring(64);
  Counter counter(ring.outlet(), kItems);
  Adder adder(ring.inlet());
  TscClock clock_a;
  TscClock clock_b;
  Worker from(clock_a, {.all_wake = true});
  Worker to(clock_b, {.all_wake = true});
  from.add(counter);
  to.add(adder);
  ring.outlet().set_waker(&to);
  ring.inlet().set_waker(&from);
  constexpr std::int64_t kSum = std::int64_t{kItems} * (kItems + 1) / 2;
  to.set_finished([&](Instant) { return adder.sum() == kSum; }, at_ns(60'000'000'000));
  to.start();
  from.start();
  to.join();
  from.request_stop();
  from.join();
  EXPECT_EQ(adder.sum(), kSum);
}

TEST(Worker, SleepsWhenIdleAndStillMeetsItsDeadline) {
  TscClock clock;
  Worker worker(clock, {.all_wake = true});
  Alarm alarm(at_ns(30'000'000));
  worker.add(alarm);
  worker.set_finished([&](Instant) { return alarm.rang() != kNever; }, kNever);
  worker.run();
  EXPECT_GE(alarm.rang(), at_ns(30'000'000));
  EXPECT_LT(alarm.rang(), at_ns(500'000'000)) << "also on a busy machine";
  EXPECT_GE(worker.stats().sleeps, 1U);
  EXPECT_GT(worker.stats().slept, 15ms);
  EXPECT_LT(worker.stats().cpu, 15ms);
  EXPECT_EQ(worker.stats().timer_lag.count(), 1U);
}

TEST(Worker, WhatNeverGotItsTurnWasLate) {
  TscClock clock;
  Worker worker(clock, {});
  Alarm alarm(kStart);
  worker.add(alarm);
  worker.set_finished([](Instant) { return true; }, kNever);
  while (clock.now() <= kStart + 2ms) continue;
  worker.run();
  EXPECT_EQ(alarm.rang(), kNever);
  ASSERT_EQ(worker.stats().timer_lag.count(), 1U);
  EXPECT_GT(worker.stats().timer_lag.quantile(1), 1'000'000U);
}

TEST(Worker, AReadableDescriptorEndsItsSleep) {
  std::array<int, 2> pipe_fds{};
  ASSERT_EQ(pipe(pipe_fds.data()), 0);
  TscClock clock;
  Worker worker(clock, {.wake_fds = {pipe_fds[0]}, .all_wake = true});
  Alarm never(kNever);
  worker.add(never);
  std::atomic<bool> told{false};
  std::atomic<int> looks{0};
  worker.set_finished(
      [&](Instant) {
        ++looks;
        return told.load();
      },
      kNever);
  worker.start();
  // It has looked and does not look again for a while: it sleeps.
  for (int seen = -1; looks.load() == 0 || seen != looks.load();) {
    seen = looks.load();
    std::this_thread::sleep_for(5ms);
  }
  told.store(true);
  ASSERT_EQ(write(pipe_fds[1], "x", 1), 1);
  worker.join();
  EXPECT_GE(worker.stats().sleeps, 1U);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST(Worker, StopsBySignalAfterItsTurn) {
  TscClock clock;
  Worker worker(clock, {.all_wake = true});
  Alarm never(kNever);
  worker.add(never);
  const StopSignal stop(worker);
  worker.start();
  std::this_thread::sleep_for(5ms);
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  worker.join();
  EXPECT_TRUE(worker.stop_requested());
  EXPECT_EQ(StopSignal::received(), SIGTERM);
}

TEST(Worker, EndsAtItsLastInstantWhateverHappens) {
  TscClock clock;
  Worker worker(clock, {.all_wake = true});
  Alarm never(kNever);
  worker.add(never);
  worker.set_finished([&](Instant now) { return now >= at_ns(10'000'000); }, at_ns(10'000'000));
  worker.run();
  EXPECT_LT(clock.now(), at_ns(500'000'000));
}

}  // namespace
}  // namespace twinpath::emu
