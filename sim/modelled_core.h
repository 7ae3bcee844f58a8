// A core of modelled time. A turn at t runs the real code at t, costs what the Pricer says (at
// least 1 ns) and is seen by others at t + price: until then its outbox waits. An idle core is no
// event: it sleeps until a publication, a frame or a deadline, and pays to wake up.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <tuple>
#include <vector>

#include "models/base/core_schedule.h"
#include "models/base/field.h"
#include "models/base/timer.h"
#include "sim/pricer.h"
#include "sim/sim_port.h"

namespace twinpath::sim {

class CoreGroup;

struct ModelledCoreConfig {
  double frequency_hz = 2.5e9;
  Duration wake_price{};               // from news to the first turn of an idle core
  Duration quantum = Duration::max();  // a longer turn is seen as if sliced among its core's Stages
  bool is_free = false;                // cores=0: turns cost nothing at all

  static constexpr auto fields() {
    return std::tuple(
        Field{"frequency_hz", "cycles per second", &ModelledCoreConfig::frequency_hz,
              Limits{.unit = "Hz", .min = 1e6, .max = 1e11}},
        Field{"wake_price", "from news to the first turn of an idle core",
              &ModelledCoreConfig::wake_price, Limits{.unit = "ns", .min = 0, .max = 1e9}},
        Field{"quantum", "a longer turn is delayed as if sliced among the core's stages",
              &ModelledCoreConfig::quantum, Limits{.unit = "ns", .min = 1, .max = 9.3e18}},
        Field{"is_free", "turns cost nothing", &ModelledCoreConfig::is_free});
  }
};

class ModelledCore final : public Waker, private PortOwner {
 public:
  // Requires: the pricer outlives the core.
  ModelledCore(CoreGroup& group, std::string name, const ModelledCoreConfig& config,
               const CoreConfig& schedule, const Pricer& pricer);

  [[nodiscard]] const std::string& name() const { return name_; }
  // Returns the Stage's outbox, for what publishes through it. The Stage outlives the core.
  Outbox& add(Stage& stage);
  // Frames at `port` wake this core.
  void add_port(SimPort& port);
  // A ring of this core has news: items arrived, or slots became free.
  void wake() override;

  [[nodiscard]] std::uint64_t turns() const { return turns_; }
  // Time charged so far.
  [[nodiscard]] Duration busy() const { return busy_; }

 private:
  friend class CoreGroup;
  struct Running {
    std::size_t stage;
    Duration left;   // of its price
    Duration price;  // the whole
  };

  void wake_at(Instant news);
  void frames_at(Instant at) override { wake_at(at); }
  void frames_now() override;
  void start();

  void rearm();
  [[nodiscard]] bool done_by(Instant now) const { return is_busy_ && busy_until_ <= now; }
  [[nodiscard]] bool starts_by(Instant now) const { return !is_busy_ && turn_at_ <= now; }
  void finish(Instant now);
  void retry_blocked(Instant now);
  void turn(Instant now);
  bool fresh_turn(Instant now);
  void run_slice(Instant now, Running running);
  Duration price_of(std::string_view stage);
  [[nodiscard]] Instant idle_until(Instant now) const;

  CoreGroup& group_;
  std::string name_;
  ModelledCoreConfig config_;
  CoreSchedule schedule_;
  const Pricer& pricer_;
  CostLedger ledger_;
  std::vector<SimPort*> ports_;
  std::deque<Running> sliced_;  // over-long turns that wait for their next slice; one per Stage
  Running running_{};
  Instant busy_until_{};
  Instant turn_at_ = kNever;
  Timer timer_;
  Duration busy_{};
  std::uint64_t turns_ = 0;
  std::uint64_t cycle_remainder_ = 0;  // in units of 1/frequency ns
  std::size_t index_ = 0;              // in the group
  bool is_busy_ = false;
  bool is_asleep_ = true;
  bool prefer_sliced_ = false;
  bool retry_ = false;
};

}  // namespace twinpath::sim
