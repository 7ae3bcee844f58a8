// Applications over any SocketApi: who has something to do gets a turn, and what all of them
// report. AppHost runs one over our own stack; a driver may run one over another.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/app/app.h"

namespace twinpath {

// What applications stand on. All of it outlives the runner.
struct AppGround {
  SocketApi& sockets;
  TimerQueue& timers;
  BufPool& streams;  // for bytes on their way to a socket
  Rng rng;
};

class AppRunner {
 public:
  explicit AppRunner(const AppGround& ground) : ground_(ground) {}
  AppRunner(const AppRunner&) = delete;
  AppRunner& operator=(const AppRunner&) = delete;

  // Adds an application of type A, made from (config, context), that starts at `start`. `path` is
  // its entity: "client/app0".
  template <typename A, typename Config>
  A& add(std::string path, Instant start, const Config& config) {
    Slot& slot = add_slot(std::move(path));
    auto app = std::make_unique<A>(config, slot.context);
    A& made = *app;
    slot.app = std::move(app);
    ground_.timers.arm(slot.begin, start);
    return made;
  }

  // The same for an application somebody else makes. Requires: `make` returns one.
  template <typename Make>
  App& add_made(std::string path, Instant start, Make make) {
    Slot& slot = add_slot(std::move(path));
    slot.app = make(static_cast<const AppContext&>(slot.context));
    ground_.timers.arm(slot.begin, start);
    return *slot.app;
  }

  // Each application that has something, once; who becomes ready meanwhile waits for the next call.
  // True when there was one.
  bool run_ready(Instant now);
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }

  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] App& app(std::size_t index) { return *slots_[index]->app; }
  [[nodiscard]] const std::string& path(std::size_t index) const { return slots_[index]->path; }
  // nullptr when there is none of that path.
  [[nodiscard]] App* find(std::string_view path);
  // All of them.
  [[nodiscard]] bool done() const;
  // Scalars and histograms of every application.
  void export_results(ResultSink& sink) const;

 private:
  struct Slot final : ReadySignal {
    Slot(AppRunner& runner, std::string entity_path);
    void signal() override;

    AppRunner& owner;
    std::string path;
    AppContext context;
    std::unique_ptr<App> app;
    Timer begin;
    bool queued = false;  // stands in ready_
  };
  Slot& add_slot(std::string path);

  AppGround ground_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> ready_;
  std::vector<Slot*> turn_;  // whose turn it is; kept for its memory
};

}  // namespace twinpath
