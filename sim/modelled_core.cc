// The life of one core: asleep, running a turn until its price has passed, publishing.
#include "sim/modelled_core.h"

#include <algorithm>

#include "models/base/check.h"
#include "models/base/hash.h"
#include "sim/core_group.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

ModelledCore::ModelledCore(CoreGroup& group, std::string name, const ModelledCoreConfig& config,
                           const CoreConfig& schedule, const Pricer& pricer)
    : group_(group),
      name_(std::move(name)),
      config_(config),
      schedule_(schedule),
      pricer_(pricer),
      timer_(this, [](void* core, Instant) {
        auto* self = static_cast<ModelledCore*>(core);
        self->group_.due_.push_back(self);
      }) {}

Outbox& ModelledCore::add(Stage& stage) { return schedule_.outbox(schedule_.add(stage)); }

void ModelledCore::add_port(SimPort& port) {
  port.set_owner(this);
  ports_.push_back(&port);
}

void ModelledCore::wake() {
  if (!retry_) group_.retries_.push_back(this);
  retry_ = true;
  wake_at(sim_now());
}

void ModelledCore::frames_now() {
  const bool turns_now = !is_busy_ && (!is_asleep_ || config_.wake_price == Duration{});
  if (turns_now && !group_.is_working_) group_.wakeup_.last_of_now();
  wake_at(sim_now());
}

void ModelledCore::start() { wake_at(sim_now()); }

// Only an idle core needs to be told: a busy one looks around when its turn is over.
void ModelledCore::wake_at(Instant news) {
  if (is_busy_) return;
  turn_at_ = std::min(turn_at_, is_asleep_ ? after(news, config_.wake_price) : news);
  rearm();
}

void ModelledCore::rearm() {
  const Instant next = is_busy_ ? busy_until_ : turn_at_;
  if (next == kNever) {
    group_.timers_.cancel(timer_);
    return;
  }
  if (timer_.deadline() == next) return;
  group_.timers_.arm(timer_, next);
  if (!group_.is_working_) group_.wakeup_.by(next);
}

// The slice that ran until now is over; a turn that is paid for in full becomes visible.
void ModelledCore::finish(Instant now) {
  is_busy_ = false;
  turn_at_ = now;
  if (running_.left > Duration{}) {
    sliced_.push_back(running_);
    return;
  }
  schedule_.release(running_.stage);
  schedule_.stage(running_.stage).charged(now, running_.price);
  schedule_.publish(running_.stage);
}

void ModelledCore::retry_blocked(Instant now) {
  retry_ = false;
  if (schedule_.retry_blocked()) wake_at(now);
}

// Sliced turns and fresh ones alternate, as a time-slicing operating system would let them.
void ModelledCore::turn(Instant now) {
  turn_at_ = kNever;
  is_asleep_ = false;
  const bool sliced_first = prefer_sliced_ && !sliced_.empty();
  prefer_sliced_ = !sliced_first && !sliced_.empty();
  if (!sliced_first && fresh_turn(now)) return;
  if (!sliced_.empty()) {
    const Running next = sliced_.front();
    sliced_.pop_front();
    run_slice(now, next);
    return;
  }
  is_asleep_ = true;
  const Instant next = idle_until(now);
  CHECK(next > now);
  turn_at_ = after(next, config_.wake_price);
}

bool ModelledCore::fresh_turn(Instant now) {
  const auto pick = schedule_.next(now);
  if (!pick) return false;
  const std::string_view stage = pick->stage->name();
  group_.count_turn(*this, stage, now);
  run_turn(schedule_, *pick, now, ledger_);
  ++turns_;
  const Duration price = price_of(stage);
  busy_ += price;
  schedule_.hold(pick->index);  // until its effects are out
  run_slice(now, {pick->index, price, price});
  return true;
}

void ModelledCore::run_slice(Instant now, Running running) {
  const Duration slice = std::min(running.left, config_.quantum);
  running.left -= slice;
  running_ = running;
  busy_until_ = after(now, slice);
  is_busy_ = true;
}

// Whole nanoseconds; what is left of a cycle is charged to the next turn, so that a million turns
// of 1.5 ns cost 1.5 ms.
Duration ModelledCore::price_of(std::string_view stage) {
  if (config_.is_free) return Duration{};
  constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
  const auto frequency = static_cast<std::uint64_t>(config_.frequency_hz);
  const Uint128 units =
      static_cast<Uint128>(pricer_.cycles(stage, ledger_.rows())) * kNsPerSecond + cycle_remainder_;
  const auto whole = static_cast<std::int64_t>(units / frequency);
  cycle_remainder_ = static_cast<std::uint64_t>(units % frequency);
  return std::max(Duration(whole), Duration(1));
}

// Frames that wait already wait for a blocked Stage: freeing it is the news, not they.
Instant ModelledCore::idle_until(Instant now) const {
  Instant next = schedule_.next_deadline();
  for (const SimPort* port : ports_) {
    const Instant arrival = port->next_arrival();
    if (arrival > now) next = std::min(next, arrival);
  }
  return next;
}

}  // namespace twinpath::sim
