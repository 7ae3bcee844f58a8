// Jobs keep their order: one that has to wait for room or for a buffer holds back those behind it.
#include "models/mtcp/job_queues.h"

#include <algorithm>
#include <array>
#include <utility>

namespace twinpath {

namespace {

constexpr std::size_t kReapedAtOnce = 32;

}  // namespace

void JobClient::begin_turn(Outbox& outbox) {
  outbox_ = &outbox;
  rings_.from_stack.set_outbox(&outbox);
  rings_.from_application.collect(outbox);
  flush();
}

void JobClient::submit(Instant, StackOp op) {
  if (waiting_.empty() && post(op)) return;
  waiting_.push_back(std::move(op));
}

bool JobClient::post(StackOp& op) {
  Outlet<StackOp>& jobs = rings_.jobs.outlet();
  lacks_buffer_ = false;
  if (jobs.room() == 0) return false;
  lacks_buffer_ = !rings_.from_application.lend(op.data);
  if (lacks_buffer_) return false;
  jobs.push(*outbox_, std::move(op));
  return true;
}

void JobClient::flush() {
  while (!waiting_.empty() && post(waiting_.front())) waiting_.pop_front();
}

std::size_t JobClient::reap(std::span<StackCompletion> out) {
  Inlet<StackCompletion>& events = rings_.events.inlet();
  const std::size_t count = std::min(out.size(), events.available());
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = events.pop(*outbox_);
    out[i].data = rings_.from_stack.adopt(std::move(out[i].data));
  }
  return count;
}

bool JobClient::ready() {
  if (rings_.events.inlet().available() > 0) return true;
  if (waiting_.empty()) return false;
  if (lacks_buffer_) return rings_.from_application.way().inlet().available() > 0;
  return rings_.jobs.outlet().room() > 0;
}

void JobServer::begin_turn(Outbox& outbox) {
  outbox_ = &outbox;
  rings_.from_application.set_outbox(&outbox);
  rings_.from_stack.collect(outbox);
}

std::uint32_t JobServer::take(Instant now, std::uint32_t jobs_max) {
  Inlet<StackOp>& jobs = rings_.jobs.inlet();
  if (!waiting_.empty() && !stack_.takes_ops()) return 0;
  const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(jobs_max, jobs.available()));
  for (std::uint32_t i = 0; i < count; ++i) {
    StackOp op = jobs.pop(*outbox_);
    op.data = rings_.from_application.adopt(std::move(op.data));
    stack_.submit(now, std::move(op));
  }
  return count;
}

bool JobServer::post(StackCompletion& completion) {
  Outlet<StackCompletion>& events = rings_.events.outlet();
  lacks_buffer_ = false;
  if (events.room() == 0) return false;
  lacks_buffer_ = !rings_.from_stack.lend(completion.data);
  if (lacks_buffer_) return false;
  events.push(*outbox_, std::move(completion));
  return true;
}

void JobServer::give() {
  for (;;) {
    while (!waiting_.empty() && post(waiting_.front())) waiting_.pop_front();
    if (!waiting_.empty()) return;
    std::array<StackCompletion, kReapedAtOnce> done;
    const std::size_t count = stack_.reap(done);
    if (count == 0) return;
    std::move(done.begin(), done.begin() + static_cast<std::ptrdiff_t>(count),
              std::back_inserter(waiting_));
  }
}

bool JobServer::ready() {
  const bool takes = waiting_.empty() || stack_.takes_ops();
  if (takes && rings_.jobs.inlet().available() > 0) return true;
  if (waiting_.empty()) return false;
  if (lacks_buffer_) return rings_.from_stack.way().inlet().available() > 0;
  return rings_.events.outlet().room() > 0;
}

}  // namespace twinpath
