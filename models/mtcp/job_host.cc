// Jobs come behind frames, so what arrived in this turn can complete them at once.
#include "models/mtcp/job_host.h"

namespace twinpath {

void JobHost::on_time(Instant now) {
  ip_.on_time(now);
  server_.take(now, job_batch_);
  stack_.run(now);
  server_.give();
}

std::size_t JobHost::poll_tx(Instant now, PortId port, std::span<BufPtr> out) {
  const std::size_t count = ip_.poll_tx(now, port, out);
  // Room at the port may let a sender of datagrams go on.
  if (stack_.has_ready()) ip_.ask_for_turn(now);
  return count;
}

}  // namespace twinpath
