// Publication in the order the turn touched the rings; what does not fit keeps its place in line.
#include "models/base/outbox.h"

namespace twinpath {

bool Outbox::publish() {
  std::size_t kept = 0;
  for (RingEnd* end : ends_) {
    if (end->publish()) {
      end->touched_ = false;
    } else {
      ends_[kept++] = end;
    }
  }
  ends_.resize(kept);
  return kept == 0;
}

}  // namespace twinpath
