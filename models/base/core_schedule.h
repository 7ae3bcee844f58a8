// Which Stage a core runs next, with what budget, and when it may idle. One object under both
// drivers: if each chose for itself, prediction would be void.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/base/outbox.h"
#include "models/base/stage.h"

namespace twinpath {

struct CoreConfig {
  std::uint32_t budget = 32;
  static constexpr auto fields() {
    return std::tuple(Field{"budget", "items a Stage may take in one turn", &CoreConfig::budget,
                            Limits{.unit = "items", .min = 1, .max = 1024}});
  }
};

// Round robin over runnable Stages. Runnable: not blocked, and said `more`, is due, or has a ready
// input.
class CoreSchedule {
 public:
  struct Pick {
    std::size_t index;
    Stage* stage;
    std::uint32_t budget;
  };

  explicit CoreSchedule(const CoreConfig& config = CoreConfig()) : config_(config) {}

  // Returns the Stage's index, its place in the order.
  std::size_t add(Stage& stage);
  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] Stage& stage(std::size_t index) { return *slots_[index].stage; }
  [[nodiscard]] Outbox& outbox(std::size_t index) { return slots_[index].outbox; }

  // The next Stage to run, or nothing: the core may idle until news or next_deadline().
  [[nodiscard]] std::optional<Pick> next(Instant now);
  // After the Stage ran, before its outbox is published.
  void ran(std::size_t index, const Work& work);
  // Publishes a Stage's outbox; a Stage whose outbox did not drain is blocked.
  void publish(std::size_t index);
  // Tries blocked outboxes again. True if any Stage was freed.
  bool retry_blocked();
  [[nodiscard]] bool blocked(std::size_t index) const { return slots_[index].blocked; }
  // A held Stage is not picked: its last turn is still being paid for.
  void hold(std::size_t index) { slots_[index].held = true; }
  void release(std::size_t index) { slots_[index].held = false; }
  // Earliest deadline among Stages that are neither blocked nor held.
  [[nodiscard]] Instant next_deadline() const;

 private:
  struct Slot {
    Stage* stage;
    Outbox outbox;
    bool more = false;
    bool blocked = false;
    bool held = false;
  };
  static bool runnable(const Slot& slot, Instant now);

  CoreConfig config_;
  std::deque<Slot> slots_;  // a deque keeps outboxes where they are
  std::size_t turn_ = 0;    // whose turn it is, in the round
};

// One turn of a picked Stage up to, not including, its publication.
Work run_turn(CoreSchedule& schedule, const CoreSchedule::Pick& pick, Instant now,
              CostLedger& ledger);

}  // namespace twinpath
