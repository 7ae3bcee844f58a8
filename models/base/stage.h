// A Stage is a polled actor: NFs, µStacks, NetKernel engines, application loops. It runs a bounded
// piece of work when its core's schedule picks it and otherwise says when it next wants to run.
// Stages on different cores share rings, and extents published through rings, nothing else.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "models/base/cost.h"
#include "models/base/outbox.h"
#include "models/base/time.h"

namespace twinpath {

// Something a Stage waits for: a ring's receiving end, a port.
class Input {
 public:
  virtual ~Input() = default;
  // Whether work waits now. May poll a device into a staging area, hence not const.
  [[nodiscard]] virtual bool ready() = 0;
  // Items handed out since the start; the turn log notes the differences.
  [[nodiscard]] virtual std::uint64_t taken() const { return 0; }
};

// Who must be told that a ring has news. Drivers implement it; nobody by default.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake() = 0;
};

// What one turn is given.
struct Turn {
  Instant now;
  std::uint32_t budget;  // items at most
  CostLedger& ledger;    // what happened, to be priced
  Outbox& outbox;        // effects on others
};

struct Work {
  std::uint32_t items = 0;  // taken from inputs, or timers fired
  bool more = false;        // work is left: run again without waiting for news
};

class Stage {
 public:
  virtual ~Stage() = default;
  // Unique on its core; appears in entity paths and error texts.
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual Work run(Turn& turn) = 0;
  // kNever when only inputs can bring work.
  [[nodiscard]] virtual Instant next_deadline() { return kNever; }
  [[nodiscard]] virtual std::span<Input* const> inputs() { return {}; }
  // What the turn cost: the price in sim, the TSC difference in emu. The only way CPU time reaches
  // a model.
  virtual void charged(Instant now, Duration cost) {
    static_cast<void>(now);
    static_cast<void>(cost);
  }
};

}  // namespace twinpath
