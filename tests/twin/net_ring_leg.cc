// The experiment on DPDK's net_ring devices under a clock set by hand: every machine is a core's
// schedule over EthdevPorts, a link is the decorator that realises it in emulations. The time moves
// to the next deadline when nobody has anything to do.
#include <algorithm>
#include <deque>

#include "emu/ring_pair.h"
#include "models/base/host_stage.h"
#include "models/port/link_port.h"
#include "tests/emu/world.h"
#include "tests/twin/experiment.h"

namespace twinpath::test {

namespace {

class NetRingLeg {
 public:
  explicit NetRingLeg(const Experiment& experiment)
      : experiment_(experiment),
        number_(next_number()),
        pool_({.name = "twin" + std::to_string(number_), .bufs = 8191, .cached = 0}) {}

  Records run() {
    for (const Machine& machine : experiment_.machines) ports_.emplace_back(machine.ports);
    for (const Wire& wire : experiment_.wires) connect(wire);
    for (std::size_t index = 0; index < experiment_.machines.size(); ++index) build(index);
    for (Instant next = kStart; next <= experiment_.until; next = next_deadline()) {
      now_ = next;
      run_instant();
    }
    return std::move(records_);
  }

 private:
  struct End {
    explicit End(emu::Device& device) : ethdev(device, 0) {}
    emu::EthdevPort ethdev;
    std::unique_ptr<LinkPort> link;  // on end a only: one element holds both directions
    std::unique_ptr<RecordPort> record;
  };
  struct Core {
    CoreSchedule schedule;
    std::unique_ptr<Host> host;
    std::unique_ptr<StageSet> stages;
    std::unique_ptr<HostStage> host_stage;
  };

  static int next_number() {
    static int number = 0;
    return number++;
  }
  void connect(const Wire& wire) {
    const std::string name = "twin" + std::to_string(number_) + wire.name;
    auto& pair = pairs_.emplace_back(eal_, emu::RingPairOptions{name, 1024});
    End& a = open(pair.end_a());
    End& b = open(pair.end_b());
    a.link = std::make_unique<LinkPort>(a.ethdev, LinkElementConfig{wire.both_ways, wire.both_ways},
                                        Rng(experiment_.seed), wire.name);
    place(wire.a, a, *a.link);
    place(wire.b, b, b.ethdev);
  }
  End& open(const std::string& device) {
    devices_.push_back(std::make_unique<emu::Device>(eal_, emu::DeviceOptions{.device = device},
                                                     std::array{&pool_}));
    return ends_.emplace_back(*devices_.back());
  }
  void place(std::pair<std::size_t, PortId> where, End& end, Port& outer) {
    const std::string name =
        experiment_.machines[where.first].name + "/" + std::to_string(where.second);
    end.record = std::make_unique<RecordPort>(outer, records_[name], [this] { return now_; });
    ports_[where.first][where.second] = end.record.get();
  }
  void build(std::size_t index) {
    const Machine& machine = experiment_.machines[index];
    Core& core = cores_.emplace_back();
    if (machine.make_host) {
      core.host = machine.make_host(pool_);
      core.host_stage =
          std::make_unique<HostStage>(machine.name, *core.host, ports_[index], ContractId{0});
      core.schedule.add(*core.host_stage);
      return;
    }
    core.stages = machine.make_stages(ports_[index], pool_);
    for (Stage* stage : core.stages->stages()) core.schedule.add(*stage);
  }
  // Rounds over all machines until nobody moves; what crosses a ring is seen within the instant.
  void run_instant() {
    bool is_moving = true;
    while (is_moving) {
      for (End& end : ends_) end.ethdev.advance(now_);
      for (End& end : ends_) {
        if (end.link) end.link->begin_turn(now_);
      }
      is_moving = false;
      for (Core& core : cores_) {
        core.schedule.retry_blocked();
        const auto pick = core.schedule.next(now_);
        if (!pick) continue;
        run_turn(core.schedule, *pick, now_, ledger_);
        core.schedule.publish(pick->index);
        is_moving = true;
      }
    }
  }
  [[nodiscard]] Instant next_deadline() const {
    Instant next = kNever;
    for (const Core& core : cores_) next = std::min(next, core.schedule.next_deadline());
    for (const End& end : ends_) {
      if (end.link) next = std::min(next, end.link->next_deadline());
    }
    return next == kNever ? kNever : std::max(next, now_ + Duration(1));
  }

  const Experiment& experiment_;
  emu::Eal& eal_ = emu::test::eal();  // before the pool
  int number_;
  emu::MbufPool pool_;
  Instant now_{};
  Records records_;
  std::deque<emu::RingPair> pairs_;
  std::vector<std::unique_ptr<emu::Device>> devices_;
  std::deque<End> ends_;
  std::vector<std::vector<Port*>> ports_;
  std::deque<Core> cores_;
  CostLedger ledger_;
};

}  // namespace

Records run_on_net_ring(const Experiment& experiment) { return NetRingLeg(experiment).run(); }

}  // namespace twinpath::test
