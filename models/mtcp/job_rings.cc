// Lending: the copy is the exception, for bytes somebody else keeps too.
#include "models/mtcp/job_rings.h"

#include <cstring>

namespace twinpath {

LentBufs::~LentBufs() {
  // What was under way when both threads ended. Both ends are this thread's now.
  Outbox outbox;
  way_.outlet().set_waker(nullptr);
  way_.inlet().set_waker(nullptr);
  for (bool all_out = false; !all_out || way_.inlet().available() > 0;) {
    all_out = way_.outlet().publish();
    collect(outbox);
    way_.inlet().publish();
  }
}

bool LentBufs::lend(Slice& data) {
  if (!data.buf) return true;
  if (lent_ == slots_) return false;
  if (!data.buf.is_unique()) {
    BufPtr copy(home_.take());
    if (copy == nullptr) return false;
    std::memcpy(copy->push_back(data.len).data(), data.bytes().data(), data.len);
    data = {BufRef(std::move(copy)), 0, data.len};
  }
  ++lent_;
  return true;
}

void LentBufs::take_home(PacketBuf* buf) {
  buf->pool = &home_;
  home_.give_back({&buf, 1});
  --lent_;
}

void LentBufs::collect(Outbox& outbox) {
  Inlet<PacketBuf*>& arrivals = way_.inlet();
  for (std::size_t left = arrivals.available(); left > 0; --left) take_home(arrivals.pop(outbox));
}

Slice LentBufs::adopt(Slice data) {
  if (!data.buf) return data;
  BufPtr buf = data.buf.take_if_unique();
  CHECK(buf != nullptr);
  buf->pool = this;
  data.buf = BufRef(std::move(buf));
  return data;
}

void LentBufs::give_back(std::span<PacketBuf* const> bufs) noexcept {
  for (PacketBuf* buf : bufs) {
    if (outbox_ == nullptr) {
      take_home(buf);
    } else {
      way_.outlet().push(*outbox_, buf);
    }
  }
}

void set_wakers(JobRings& rings, const JobWakers& wakers) {
  rings.jobs.outlet().set_waker(wakers.stack);
  rings.events.outlet().set_waker(wakers.application);
  rings.jobs.inlet().set_waker(wakers.application);
  rings.events.inlet().set_waker(wakers.stack);
  rings.from_stack.way().outlet().set_waker(wakers.stack);
  rings.from_application.way().outlet().set_waker(wakers.application);
}

}  // namespace twinpath
