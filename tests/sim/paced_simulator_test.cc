// ns-3 at the pace of a clock that the test moves: when events run, what counts as late, and how
// frames from outside enter. The clock is fake, everything else is what a bridge run uses.
#include "sim/paced_simulator.h"

#include <gtest/gtest.h>
#include <ns3/simulator.h>

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "models/base/heap_pool.h"
#include "sim/live_port.h"
#include "sim/sim_time.h"
#include "sim/wakeup.h"

namespace twinpath::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class HandClock final : public WallClock {
 public:
  [[nodiscard]] Instant now() override { return now_; }
  void wait_until(Instant when) override {
    waits.push_back(when);
    now_ = when + overshoot;
  }
  void set(Duration since_start) { now_ = kStart + since_start; }

  Duration overshoot{};
  std::vector<Instant> waits;

 private:
  Instant now_ = kStart;
};

class PacedSimulatorTest : public testing::Test {
 protected:
  PacedSimulatorTest() : simulator_(ns3::Create<PacedSimulator>(clock_)) {
    ns3::Simulator::SetImplementation(simulator_);
  }
  ~PacedSimulatorTest() override { ns3::Simulator::Destroy(); }

  // Notes when it ran, in model time.
  ns3::EventId at(Duration when) {
    return ns3::Simulator::Schedule(to_ns3_time(when), [this] { ran_.push_back(sim_now()); });
  }
  std::uint32_t run_due() { return simulator_->run_due(PacedSimulator::kEventsPerLook); }

  HandClock clock_;
  ns3::Ptr<PacedSimulator> simulator_;
  std::vector<Instant> ran_;
};

TEST_F(PacedSimulatorTest, NothingRunsBeforeItsTime) {
  at(milliseconds(2));
  at(milliseconds(1));
  clock_.set(microseconds(999));
  EXPECT_EQ(run_due(), 0u);
  clock_.set(milliseconds(1));
  EXPECT_EQ(run_due(), 1u);
  EXPECT_EQ(simulator_->next_event(), kStart + milliseconds(2));
  clock_.set(milliseconds(5));
  EXPECT_EQ(run_due(), 1u);
  EXPECT_EQ(ran_, (std::vector{kStart + milliseconds(1), kStart + milliseconds(2)}));
  EXPECT_EQ(simulator_->next_event(), kNever);
}

TEST_F(PacedSimulatorTest, EqualInstantsKeepTheirOrder) {
  std::vector<int> order;
  for (int number = 0; number < 5; ++number) {
    ns3::Simulator::Schedule(ns3::MilliSeconds(1), [&order, number] { order.push_back(number); });
  }
  clock_.set(milliseconds(1));
  EXPECT_EQ(run_due(), 5u);
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

TEST_F(PacedSimulatorTest, LagIsAccountedOncePerInstant) {
  clock_.set(milliseconds(0));
  EXPECT_EQ(run_due(), 0u);  // the first look: from here on lateness is ours
  for (const int ms : {10, 10, 20, 30}) at(milliseconds(ms));
  EXPECT_EQ(run_due(), 0u);
  clock_.set(milliseconds(10));
  run_due();
  clock_.set(milliseconds(70));  // the process stood still for 50 ms
  EXPECT_EQ(run_due(), 2u);
  const PaceStats& stats = simulator_->stats();
  EXPECT_EQ(stats.events, 4u);
  EXPECT_EQ(stats.lag.count(), 3u);
  EXPECT_EQ(stats.longest_lag, milliseconds(50));
  EXPECT_NEAR(static_cast<double>(stats.lag.quantile(0.999)), 50e6, 50e6 / 128);
  EXPECT_EQ(ran_.back(), kStart + milliseconds(30)) << "late events keep their model time";
}

TEST_F(PacedSimulatorTest, ABoundedNumberRunsPerLook) {
  for (int number = 0; number < 10; ++number) at(milliseconds(1));
  clock_.set(milliseconds(1));
  EXPECT_EQ(simulator_->run_due(4), 4u);
  EXPECT_EQ(simulator_->run_due(4), 4u);
  EXPECT_EQ(simulator_->run_due(4), 2u);
}

TEST_F(PacedSimulatorTest, CancelledAndRemovedEventsDoNotRun) {
  ns3::EventId cancelled = at(milliseconds(1));
  ns3::EventId removed = at(milliseconds(1));
  const ns3::EventId kept = at(milliseconds(2));
  ns3::Simulator::Cancel(cancelled);
  ns3::Simulator::Remove(removed);
  EXPECT_TRUE(cancelled.IsExpired());
  EXPECT_TRUE(removed.IsExpired());
  EXPECT_FALSE(kept.IsExpired());
  EXPECT_EQ(ns3::Simulator::GetDelayLeft(kept), ns3::MilliSeconds(2));
  clock_.set(milliseconds(3));
  run_due();
  EXPECT_EQ(ran_, std::vector{kStart + milliseconds(2)});
  EXPECT_TRUE(kept.IsExpired());
}

TEST_F(PacedSimulatorTest, RunWaitsForTheClockAndStopsWhenTold) {
  clock_.overshoot = microseconds(30);
  at(milliseconds(1));
  at(milliseconds(4));
  ns3::Simulator::Stop(ns3::MilliSeconds(2));
  ns3::Simulator::Run();
  EXPECT_EQ(ran_, std::vector{kStart + milliseconds(1)});
  EXPECT_EQ(clock_.waits, (std::vector{kStart + milliseconds(1), kStart + milliseconds(2)}));
  EXPECT_EQ(simulator_->stats().longest_lag, microseconds(30));
  EXPECT_TRUE(simulator_->is_stopped());
}

TEST_F(PacedSimulatorTest, DestroyRunsWhatWasLeftForIt) {
  int destroyed = 0;
  ns3::Simulator::ScheduleDestroy([&destroyed] { ++destroyed; });
  const ns3::EventId removed = ns3::Simulator::ScheduleDestroy([&destroyed] { destroyed += 10; });
  ns3::Simulator::Remove(removed);
  simulator_->Destroy();
  EXPECT_EQ(destroyed, 1);
}

// A device in real time: frames wait in `arrived`, its own deadline is `deadline`.
class FakeDevice final : public Outside, private Port {
 public:
  [[nodiscard]] Port& port() override { return *this; }
  void advance(Instant now) override {
    EXPECT_GE(now, time);
    time = now;
  }
  [[nodiscard]] Instant next_deadline() const override { return deadline; }
  [[nodiscard]] PortCaps caps() const override { return {}; }
  std::size_t rx_burst(std::span<BufPtr> out) override {
    std::size_t count = 0;
    for (; count < out.size() && !arrived.empty(); ++count) {
      out[count] = std::move(arrived.front());
      arrived.pop_front();
    }
    return count;
  }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    for (BufPtr& frame : frames) frame.reset();
    sent_at.insert(sent_at.end(), frames.size(), time);
    return frames.size();
  }
  [[nodiscard]] std::size_t tx_room() const override { return kBurst; }

  Instant time = kStart;
  Instant deadline = kNever;
  std::deque<BufPtr> arrived;
  std::vector<Instant> sent_at;
};

// Polls a port when told, as a HostNode does.
class Owner final : public PortOwner, private Sleeper {
 public:
  explicit Owner(SimPort& port) : port_(port), wakeup_(*this) { port.set_owner(this); }
  void frames_at(Instant when) override { wakeup_.by(when); }
  void frames_now() override { wakeup_.last_of_now(); }

  std::vector<Instant> wakes;
  std::size_t received = 0;

 private:
  void on_wake(Instant now) override {
    wakes.push_back(now);
    std::array<BufPtr, kBurst> frames;
    for (std::size_t count = kBurst; count == kBurst;) {
      count = port_.rx_burst(frames);
      for (BufPtr& frame : std::span(frames).first(count)) frame.reset();
      received += count;
    }
  }
  [[nodiscard]] std::string sleeper_name() const override { return "owner"; }

  SimPort& port_;
  Wakeup wakeup_;
};

class LivePortTest : public PacedSimulatorTest {
 protected:
  void arrive(std::size_t frames) {
    for (std::size_t i = 0; i < frames; ++i) device_.arrived.push_back(BufPtr(pool_.take()));
  }
  bool poll() {
    const bool came = port_.poll(clock_.now());
    if (came) simulator_->note_arrival(clock_.now());
    return came;
  }

  HeapPool pool_;
  FakeDevice device_;
  LivePort port_{device_};
  Owner owner_{port_};
};

TEST_F(LivePortTest, AFrameEntersAtTheInstantItIsSeen) {
  clock_.set(microseconds(1500));
  EXPECT_FALSE(poll());
  arrive(3);
  clock_.set(microseconds(1700));
  EXPECT_TRUE(poll());
  EXPECT_EQ(run_due(), 1u);
  EXPECT_EQ(owner_.wakes, std::vector{kStart + microseconds(1700)});
  EXPECT_EQ(owner_.received, 3u);
  EXPECT_EQ(simulator_->stats().lag.count(), 0u) << "it was served at once";
}

TEST_F(LivePortTest, ALateSimulationLeavesFramesToTheDevice) {
  run_due();
  at(milliseconds(1));
  arrive(kBurst + 5);
  clock_.set(milliseconds(2));
  EXPECT_TRUE(poll());
  EXPECT_FALSE(poll()) << "the first burst was not fetched yet";
  EXPECT_EQ(device_.arrived.size(), 5u);
  EXPECT_EQ(simulator_->run_due(1), 1u);  // the event at 1 ms comes first
  EXPECT_EQ(ran_, std::vector{kStart + milliseconds(1)});
  EXPECT_EQ(owner_.received, 0u);
  clock_.set(milliseconds(3));
  run_due();
  EXPECT_EQ(owner_.received, kBurst + 5);
  EXPECT_EQ(simulator_->stats().longest_lag, milliseconds(1));
  EXPECT_EQ(simulator_->stats().lag.count(), 2u) << "an arrival that waited counts as late";
}

TEST_F(LivePortTest, AFloodDoesNotHoldTheSimulationAtOneInstant) {
  constexpr std::size_t kPerLook = (LivePort::kBurstsPerLook + 1) * kBurst;
  arrive(2 * kPerLook + 1);
  for (const std::size_t received : {kPerLook, 2 * kPerLook, 2 * kPerLook + 1}) {
    EXPECT_TRUE(poll());
    EXPECT_EQ(run_due(), 1u);
    EXPECT_EQ(owner_.received, received);
    clock_.set(clock_.now() - kStart + microseconds(300));
  }
  EXPECT_FALSE(poll());
  EXPECT_EQ(owner_.wakes,
            (std::vector{kStart, kStart + microseconds(300), kStart + microseconds(600)}));
}

TEST_F(LivePortTest, ADeadlineOfTheDeviceWakesItsOwner) {
  device_.deadline = kStart + milliseconds(4);
  clock_.set(milliseconds(1));
  EXPECT_FALSE(poll());
  EXPECT_EQ(simulator_->next_event(), kStart + milliseconds(4));
  device_.deadline = kNever;
  clock_.set(milliseconds(4));
  run_due();
  EXPECT_EQ(owner_.wakes, std::vector{kStart + milliseconds(4)});
}

TEST_F(LivePortTest, WhatIsSentIsNeverStampedBeforeTheLastLook) {
  clock_.set(milliseconds(7));
  poll();
  BufPtr frame(pool_.take());
  EXPECT_EQ(port_.tx_burst(std::span(&frame, 1)), 1u);  // the simulation is still at zero
  EXPECT_EQ(device_.sent_at, std::vector{kStart + milliseconds(7)});
}

}  // namespace
}  // namespace twinpath::sim
