// The handler only stores and writes to an eventfd: both are safe in a handler. SA_RESETHAND gives
// the second signal its default meaning.
#include "emu/stop_signal.h"

#include <atomic>

#include "models/base/check.h"

namespace twinpath::emu {
namespace {

std::atomic<Worker*> stopped_worker{nullptr};
std::atomic<int> received_signal{0};
static_assert(std::atomic<Worker*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  received_signal.store(number);
  Worker* worker = stopped_worker.load();
  if (worker != nullptr) worker->request_stop();
}

}  // namespace

StopSignal::StopSignal(Worker& worker) {
  CHECK(stopped_worker.exchange(&worker) == nullptr);
  received_signal.store(0);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, &before_int_);
  sigaction(SIGTERM, &action, &before_term_);
}

StopSignal::~StopSignal() {
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
  stopped_worker.store(nullptr);
}

int StopSignal::received() { return received_signal.load(); }

}  // namespace twinpath::emu
