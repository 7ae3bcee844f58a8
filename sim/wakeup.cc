// The one event object behind all wake-ups of an owner.
#include "sim/wakeup.h"

#include <ns3/simulator.h>

#include <algorithm>

#include "models/base/check.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

class Wakeup::Event final : public ns3::EventImpl {
 public:
  explicit Event(Wakeup& owner) : owner_(&owner) {}

 private:
  // The simulator drops its reference after this returns, so not when a SimError passes through.
  void Notify() override {
    try {
      owner_->fire();
    } catch (...) {
      Unref();
      throw;
    }
  }
  Wakeup* owner_;
};

Wakeup::Wakeup(Sleeper& sleeper) : sleeper_(sleeper), event_(ns3::Create<Event>(*this)) {}

Wakeup::~Wakeup() { stop(); }

void Wakeup::by(Instant at) {
  if (next() <= at) return;  // at == kNever included
  const Instant now = sim_now();
  const Instant when = std::max(at, now);
  if (next() <= when) return;
  pending_.push_back(when);
  event_->Ref();  // the simulator drops it after firing
  ns3::Simulator::ScheduleWithContext(context_, to_ns3_time(when - now), ns3::PeekPointer(event_));
}

void Wakeup::last_of_now() {
  const Instant now = sim_now();
  requeue_ = next() == now;
  by(now);
}

void Wakeup::stop() { event_->Cancel(); }

void Wakeup::fire() {
  CHECK(!pending_.empty());
  const Instant now = pending_.back();
  pending_.pop_back();
  if (requeue_) {
    requeue_ = false;
    by(now);
    return;
  }
  count_wake(now);
  sleeper_.on_wake(now);
}

void Wakeup::count_wake(Instant now) {
  wakes_at_instant_ = now == last_wake_ ? wakes_at_instant_ + 1 : 0;
  last_wake_ = now;
  if (wakes_at_instant_ < kWakesPerInstantMax) return;
  throw SimError("livelock: " + sleeper_.sleeper_name() + " was woken " +
                 std::to_string(kWakesPerInstantMax) + " times at " + std::to_string(to_ns(now)) +
                 " ns and model time does not advance");
}

}  // namespace twinpath::sim
