// The modelled cores of one simulation and the order of what they do at one instant: outboxes
// first, then turns by (core, stage). One event for all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/base/timer.h"
#include "sim/modelled_core.h"
#include "sim/wakeup.h"

namespace twinpath::sim {

class CoreGroup final : private Sleeper {
 public:
  // More turns than this at one instant are a livelock and throw SimError with the Stages' names.
  static constexpr std::uint32_t kTurnsPerInstantMax = 1'000'000;

  CoreGroup();
  ~CoreGroup() override;
  CoreGroup(const CoreGroup&) = delete;
  CoreGroup& operator=(const CoreGroup&) = delete;

  // Cores take turns in order of creation.
  ModelledCore& add_core(std::string name, const ModelledCoreConfig& config,
                         const CoreConfig& schedule, const Pricer& pricer);
  // Lets every Stage look around once, now. Call when everything is connected.
  void start();
  [[nodiscard]] std::size_t size() const { return cores_.size(); }
  [[nodiscard]] ModelledCore& core(std::size_t index) { return *cores_[index]; }
  [[nodiscard]] const ModelledCore& core(std::size_t index) const { return *cores_[index]; }

 private:
  friend class ModelledCore;
  void on_wake(Instant now) override;
  [[nodiscard]] std::string sleeper_name() const override { return "the modelled cores"; }
  void collect(Instant now);
  void apply_outboxes(Instant now);
  void run_turns(Instant now);
  void count_turn(const ModelledCore& core, std::string_view stage, Instant now);

  std::vector<std::unique_ptr<ModelledCore>> cores_;
  TimerQueue timers_;
  std::vector<ModelledCore*> due_;      // at this instant, in core order
  std::vector<ModelledCore*> retries_;  // news for outboxes that may be blocked
  Wakeup wakeup_;
  Instant counted_at_ = kNever;
  std::uint32_t turns_at_instant_ = 0;
  std::vector<std::string> culprits_;  // the Stages of the last turns before the limit
  bool is_working_ = false;
};

}  // namespace twinpath::sim
