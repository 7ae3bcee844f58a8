// Turns of the applications, and their results.
#include "models/app/app_runner.h"

#include <algorithm>

namespace twinpath {

AppRunner::Slot::Slot(AppRunner& runner, std::string entity_path)
    : owner(runner),
      path(std::move(entity_path)),
      context{runner.ground_.sockets, runner.ground_.timers, runner.ground_.streams,
              runner.ground_.rng.fork(path), *this},
      begin(this, [](void* self, Instant now) { static_cast<Slot*>(self)->app->start(now); }) {}

void AppRunner::Slot::signal() {
  if (std::exchange(queued, true)) return;
  owner.ready_.push_back(this);
}

AppRunner::Slot& AppRunner::add_slot(std::string path) {
  slots_.push_back(std::make_unique<Slot>(*this, std::move(path)));
  return *slots_.back();
}

bool AppRunner::run_ready(Instant now) {
  if (ready_.empty()) return false;
  turn_.clear();
  std::swap(turn_, ready_);
  for (Slot* slot : turn_) {
    slot->queued = false;
    slot->app->on_ready(now);
  }
  return true;
}

App* AppRunner::find(std::string_view path) {
  const auto found =
      std::find_if(slots_.begin(), slots_.end(), [&](const auto& s) { return s->path == path; });
  return found == slots_.end() ? nullptr : (*found)->app.get();
}

bool AppRunner::done() const {
  return std::all_of(slots_.begin(), slots_.end(),
                     [](const auto& slot) { return slot->app->done(); });
}

void AppRunner::export_results(ResultSink& sink) const {
  for (const auto& slot : slots_) {
    AppReport app(sink, slot->path, "app");
    slot->app->report(app);
  }
}

}  // namespace twinpath
