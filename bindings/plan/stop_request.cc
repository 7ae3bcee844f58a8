// The handler only stores. SA_RESETHAND gives the second signal its default meaning.
#include "bindings/plan/stop_request.h"

#include <atomic>

namespace twinpath::bind {
namespace {

std::atomic<bool> stop_came{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int) { stop_came.store(true, std::memory_order_relaxed); }

}  // namespace

StopRequest::StopRequest() {
  stop_came.store(false);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, &before_int_);
  sigaction(SIGTERM, &action, &before_term_);
}

StopRequest::~StopRequest() {
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
}

bool StopRequest::came() { return stop_came.load(std::memory_order_relaxed); }

}  // namespace twinpath::bind
