// The event list as ns-3's default keeps it; what differs is when the next one may run.
#include "sim/paced_simulator.h"

#include <ns3/simulator.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "models/base/check.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

NS_OBJECT_ENSURE_REGISTERED(PacedSimulator);

namespace {

// An arrival that waited longer than this was kept waiting.
constexpr Duration kArrivalGrace = std::chrono::microseconds(100);

}  // namespace

ns3::TypeId PacedSimulator::GetTypeId() {
  static ns3::TypeId tid = ns3::TypeId("twinpath::PacedSimulator")
                               .SetParent<ns3::SimulatorImpl>()
                               .SetGroupName("Twinpath");
  return tid;
}

PacedSimulator::PacedSimulator(WallClock& clock)
    : clock_(clock),
      context_(ns3::Simulator::NO_CONTEXT),
      uid_(ns3::EventId::UID::INVALID),
      next_uid_(ns3::EventId::UID::VALID) {}

PacedSimulator::~PacedSimulator() = default;

void PacedSimulator::DoDispose() {
  while (events_ != nullptr && !events_->IsEmpty()) events_->RemoveNext().impl->Unref();
  events_ = nullptr;
  ns3::SimulatorImpl::DoDispose();
}

void PacedSimulator::Destroy() {
  while (!at_destroy_.empty()) {
    const ns3::Ptr<ns3::EventImpl> event = at_destroy_.front().PeekEventImpl();
    at_destroy_.pop_front();
    if (!event->IsCancelled()) event->Invoke();
  }
}

void PacedSimulator::SetScheduler(ns3::ObjectFactory factory) {
  const auto scheduler = factory.Create<ns3::Scheduler>();
  while (events_ != nullptr && !events_->IsEmpty()) scheduler->Insert(events_->RemoveNext());
  events_ = scheduler;
}

Instant PacedSimulator::next_event() const {
  if (events_->IsEmpty()) return kNever;
  const std::uint64_t steps = events_->PeekNext().key.m_ts;
  return at_ns(ns3::TimeStep(steps).GetNanoSeconds());
}

// Until Simulator::Run() ns-3 keeps a set of every Time there is, to convert them to another
// resolution: a tree and a mutex for each, as often as a packet is handled. Whoever drives this
// class turn by turn never calls it, so it is called here for that, and runs no event.
void PacedSimulator::begin() {
  began_ = clock_.now();
  if (ns3::Simulator::GetImplementation() != this) return;
  is_beginning_ = true;
  ns3::Simulator::Run();
  is_beginning_ = false;
}

std::uint32_t PacedSimulator::run_due(std::uint32_t most) {
  if (began_ == kNever) begin();
  std::uint32_t ran = 0;
  while (ran < most && !IsFinished()) {
    const Instant due = next_event();
    const Instant at = clock_.now();
    if (due > at) break;
    account(due, at);
    run_next();
    ++ran;
  }
  return ran;
}

void PacedSimulator::Run() {
  if (is_beginning_) return;
  stopped_ = false;
  while (!IsFinished()) {
    if (run_due(kEventsPerLook) == 0) clock_.wait_until(next_event());
  }
}

void PacedSimulator::account(Instant due, Instant at) {
  ++stats_.events;
  if (due == accounted_) return;
  accounted_ = due;
  const Duration lag = at - due;
  if (due < began_) return;
  if (due == arrival_ && lag < kArrivalGrace) return;
  stats_.lag.add(static_cast<std::uint64_t>(lag.count()));
  stats_.longest_lag = std::max(stats_.longest_lag, lag);
}

void PacedSimulator::run_next() {
  const ns3::Scheduler::Event next = events_->RemoveNext();
  CHECK(next.key.m_ts >= now_);
  now_ = next.key.m_ts;
  context_ = next.key.m_context;
  uid_ = next.key.m_uid;
  next.impl->Invoke();
  next.impl->Unref();
  context_ = ns3::Simulator::NO_CONTEXT;
}

ns3::Scheduler::EventKey PacedSimulator::insert(std::uint32_t context, const ns3::Time& delay,
                                                ns3::EventImpl* event) {
  CHECK(delay.IsPositive());
  ns3::Scheduler::Event made;
  made.impl = event;
  made.key.m_ts = now_ + static_cast<std::uint64_t>(delay.GetTimeStep());
  made.key.m_uid = next_uid_++;
  made.key.m_context = context;
  events_->Insert(made);
  return made.key;
}

void PacedSimulator::Stop(const ns3::Time& delay) {
  ns3::Simulator::Schedule(delay, [] { ns3::Simulator::Stop(); });
}

ns3::EventId PacedSimulator::Schedule(const ns3::Time& delay, ns3::EventImpl* event) {
  const ns3::Scheduler::EventKey key = insert(context_, delay, event);
  return ns3::EventId(event, key.m_ts, key.m_context, key.m_uid);
}

void PacedSimulator::ScheduleWithContext(std::uint32_t context, const ns3::Time& delay,
                                         ns3::EventImpl* event) {
  insert(context, delay, event);
}

ns3::EventId PacedSimulator::ScheduleNow(ns3::EventImpl* event) {
  return Schedule(ns3::TimeStep(0), event);
}

ns3::EventId PacedSimulator::ScheduleDestroy(ns3::EventImpl* event) {
  at_destroy_.emplace_back(ns3::Ptr<ns3::EventImpl>(event, false), now_, ns3::Simulator::NO_CONTEXT,
                           ns3::EventId::UID::DESTROY);
  return at_destroy_.back();
}

void PacedSimulator::Remove(const ns3::EventId& id) {
  if (id.GetUid() == ns3::EventId::UID::DESTROY) {
    at_destroy_.remove(id);
    return;
  }
  if (IsExpired(id)) return;
  ns3::Scheduler::Event event;
  event.impl = id.PeekEventImpl();
  event.key.m_ts = id.GetTs();
  event.key.m_context = id.GetContext();
  event.key.m_uid = id.GetUid();
  events_->Remove(event);
  event.impl->Cancel();
  event.impl->Unref();
}

void PacedSimulator::Cancel(const ns3::EventId& id) {
  if (!IsExpired(id)) id.PeekEventImpl()->Cancel();
}

bool PacedSimulator::IsExpired(const ns3::EventId& id) const {
  if (id.PeekEventImpl() == nullptr || id.PeekEventImpl()->IsCancelled()) return true;
  if (id.GetUid() == ns3::EventId::UID::DESTROY) {
    return std::find(at_destroy_.begin(), at_destroy_.end(), id) == at_destroy_.end();
  }
  return std::pair(id.GetTs(), id.GetUid()) <= std::pair(now_, uid_);
}

ns3::Time PacedSimulator::GetDelayLeft(const ns3::EventId& id) const {
  return IsExpired(id) ? ns3::TimeStep(0) : ns3::TimeStep(id.GetTs() - now_);
}

ns3::Time PacedSimulator::GetMaximumSimulationTime() const {
  return ns3::TimeStep(std::numeric_limits<std::int64_t>::max());
}

}  // namespace twinpath::sim
