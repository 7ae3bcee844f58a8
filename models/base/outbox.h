// Everything a turn does to others leaves through its Stage's outbox: published items, freed slots,
// doorbells. In emu it is published when the turn ends; in sim at the instant the turn's price has
// passed. So nothing a Stage does is visible before the time its work has cost.
#pragma once

#include <cstddef>
#include <vector>

namespace twinpath {

// One end of a ring, as far as its outbox knows it.
class RingEnd {
 public:
  virtual ~RingEnd() = default;
  // Makes this turn's pushes or pops visible and wakes the other side. False: some did not fit and
  // stay here.
  virtual bool publish() = 0;

 private:
  friend class Outbox;
  bool touched_ = false;
};

class Outbox {
 public:
  // `end` has something to publish. Once per turn is enough; more is harmless.
  void touch(RingEnd& end) {
    if (end.touched_) return;
    end.touched_ = true;
    ends_.push_back(&end);
  }
  [[nodiscard]] bool empty() const { return ends_.empty(); }
  // False: something did not fit; it stays, and its Stage must not run until a later call drains
  // it.
  bool publish();

 private:
  std::vector<RingEnd*> ends_;  // in order of touching; bounded by the Stage's number of ring ends
};

}  // namespace twinpath
