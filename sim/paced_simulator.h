// ns-3 in real time: a simulator whose events run no earlier than a wall clock reaches their
// instant, so that a real device can be part of the topology. Unlike ns-3's own, it runs in pieces
// on the thread that polls the devices (no second thread, no lock, no sleep in the way of frames)
// and keeps account of how late every instant was.
#pragma once

#include <ns3/event-id.h>
#include <ns3/event-impl.h>
#include <ns3/object-factory.h>
#include <ns3/scheduler.h>
#include <ns3/simulator-impl.h>

#include <cstdint>
#include <list>

#include "models/base/histogram.h"
#include "models/base/time.h"

namespace twinpath::sim {

// Real time as the simulator sees it: model time's zero is its zero.
class WallClock {
 public:
  virtual ~WallClock() = default;
  // Never goes back.
  [[nodiscard]] virtual Instant now() = 0;
  // Returns at `when`, or earlier. For who has nothing better to do than to look at the clock.
  virtual void wait_until(Instant when) {
    while (now() < when) {
    }
  }
};

// How far the simulation was behind the clock.
struct PaceStats {
  Histogram lag;  // ns from the instant of an event to when it ran; once per instant
  Duration longest_lag{};
  std::uint64_t events = 0;
};

class PacedSimulator final : public ns3::SimulatorImpl {
 public:
  // Events that run() runs before it reads what is outside again.
  static constexpr std::uint32_t kEventsPerLook = 256;

  static ns3::TypeId GetTypeId();
  // Requires: the clock outlives every call of this.
  explicit PacedSimulator(WallClock& clock);
  ~PacedSimulator() override;

  // Runs what the clock has reached, at most `most` events; how many. Stops after Stop().
  std::uint32_t run_due(std::uint32_t most);
  // The instant of the next event; kNever when there is none.
  [[nodiscard]] Instant next_event() const;
  // Something from outside arrives at `when` and gets an event of its own: that it is served at
  // once says nothing about timers, so it is no part of the lag unless it is late.
  void note_arrival(Instant when) { arrival_ = when; }
  [[nodiscard]] bool is_stopped() const { return stopped_; }
  [[nodiscard]] const PaceStats& stats() const { return stats_; }

  void Destroy() override;
  [[nodiscard]] bool IsFinished() const override { return stopped_ || events_->IsEmpty(); }
  void Stop() override { stopped_ = true; }
  void Stop(const ns3::Time& delay) override;
  ns3::EventId Schedule(const ns3::Time& delay, ns3::EventImpl* event) override;
  void ScheduleWithContext(std::uint32_t context, const ns3::Time& delay,
                           ns3::EventImpl* event) override;
  ns3::EventId ScheduleNow(ns3::EventImpl* event) override;
  ns3::EventId ScheduleDestroy(ns3::EventImpl* event) override;
  void Remove(const ns3::EventId& id) override;
  void Cancel(const ns3::EventId& id) override;
  [[nodiscard]] bool IsExpired(const ns3::EventId& id) const override;
  // The loop for programs without devices of their own to poll: waits for the clock in between.
  void Run() override;
  [[nodiscard]] ns3::Time Now() const override { return ns3::TimeStep(now_); }
  [[nodiscard]] ns3::Time GetDelayLeft(const ns3::EventId& id) const override;
  [[nodiscard]] ns3::Time GetMaximumSimulationTime() const override;
  void SetScheduler(ns3::ObjectFactory factory) override;
  [[nodiscard]] std::uint32_t GetSystemId() const override { return 0; }
  [[nodiscard]] std::uint32_t GetContext() const override { return context_; }
  [[nodiscard]] std::uint64_t GetEventCount() const override { return stats_.events; }

 protected:
  void DoDispose() override;

 private:
  ns3::Scheduler::EventKey insert(std::uint32_t context, const ns3::Time& delay,
                                  ns3::EventImpl* event);
  void run_next();
  void begin();
  void account(Instant due, Instant at);

  WallClock& clock_;
  ns3::Ptr<ns3::Scheduler> events_;
  std::list<ns3::EventId> at_destroy_;
  std::uint64_t now_ = 0;  // ns-3's time steps
  std::uint32_t context_;
  std::uint32_t uid_;       // of the event that runs
  std::uint32_t next_uid_;  // 32 bits in ns-3 as well
  bool stopped_ = false;
  bool is_beginning_ = false;
  Instant began_ = kNever;  // what was due before that waited for the start, not for us
  Instant accounted_ = Instant::min();
  Instant arrival_ = kNever;
  PaceStats stats_;
};

}  // namespace twinpath::sim
