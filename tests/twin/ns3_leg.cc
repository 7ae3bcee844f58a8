// The experiment in ns-3: Hosts on HostNodes, Stages on modelled cores whose time is free, direct
// links between them.
#include <ns3/simulator.h>

#include "models/base/host_stage.h"
#include "sim/core_group.h"
#include "sim/direct_link.h"
#include "sim/frame_pool.h"
#include "sim/host_node.h"
#include "sim/sim_time.h"
#include "tests/twin/experiment.h"

namespace twinpath::test {

namespace {

using sim::sim_now;

// A SimPort that notes what passes.
class RecordSimPort final : public sim::SimPort {
 public:
  RecordSimPort(std::shared_ptr<sim::SimPort> inner, std::vector<Record>& records)
      : inner_(std::move(inner)), record_(*inner_, records, sim_now) {}
  void set_owner(sim::PortOwner* owner) override { inner_->set_owner(owner); }
  [[nodiscard]] Instant next_arrival() const override { return inner_->next_arrival(); }
  [[nodiscard]] PortCaps caps() const override { return inner_->caps(); }
  [[nodiscard]] std::size_t tx_room() const override { return inner_->tx_room(); }
  std::size_t rx_burst(std::span<BufPtr> out) override { return record_.rx_burst(out); }
  std::size_t tx_burst(std::span<BufPtr> frames) override { return record_.tx_burst(frames); }

 private:
  std::shared_ptr<sim::SimPort> inner_;
  RecordPort record_;
};

class Ns3Leg {
 public:
  explicit Ns3Leg(const Experiment& experiment) : experiment_(experiment) {}
  ~Ns3Leg() {
    for (const auto& node : nodes_) node->Dispose();
    ns3::Simulator::Destroy();
  }
  Records run() {
    for (const Machine& machine : experiment_.machines) {
      ports_.emplace_back(machine.ports);
    }
    for (const Wire& wire : experiment_.wires) connect(wire);
    for (std::size_t index = 0; index < experiment_.machines.size(); ++index) build(index);
    cores_.start();
    ns3::Simulator::Stop(sim::to_ns3_time(experiment_.until - kStart) + ns3::NanoSeconds(1));
    ns3::Simulator::Run();
    return std::move(records_);
  }

 private:
  void connect(const Wire& wire) {
    sim::DirectLink link({.name = wire.name, .from_a = wire.both_ways, .from_b = wire.both_ways},
                         Rng(experiment_.seed));
    place(wire.a, link.end(0));
    place(wire.b, link.end(1));
  }
  void place(std::pair<std::size_t, PortId> where, std::shared_ptr<sim::SimPort> end) {
    const std::string name =
        experiment_.machines[where.first].name + "/" + std::to_string(where.second);
    ports_[where.first][where.second] =
        std::make_shared<RecordSimPort>(std::move(end), records_[name]);
  }
  void build(std::size_t index) {
    const Machine& machine = experiment_.machines[index];
    if (machine.make_host) {
      nodes_.push_back(ns3::CreateObject<sim::HostNode>());
      for (const auto& port : ports_[index]) nodes_.back()->add_port(port);
      nodes_.back()->set_host(machine.make_host(*pool_));
      return;
    }
    sim::ModelledCore& core =
        cores_.add_core(machine.name, {.is_free = true}, CoreConfig(), pricer_);
    std::vector<Port*> ports;
    for (const auto& port : ports_[index]) ports.push_back(port.get());
    stage_sets_.push_back(machine.make_stages(ports, *pool_));
    for (Stage* stage : stage_sets_.back()->stages()) core.add(*stage);
    for (const auto& port : ports_[index]) core.add_port(*port);
    stage_sets_.back()->set_waker(core);
  }

  const Experiment& experiment_;
  std::shared_ptr<HeapPool> pool_ = sim::frame_pool();
  Records records_;
  std::vector<std::vector<std::shared_ptr<RecordSimPort>>> ports_;
  std::vector<ns3::Ptr<sim::HostNode>> nodes_;
  std::vector<std::unique_ptr<StageSet>> stage_sets_;
  sim::ZeroPricer pricer_;
  sim::CoreGroup cores_;
};

}  // namespace

Records run_on_ns3(const Experiment& experiment) { return Ns3Leg(experiment).run(); }

}  // namespace twinpath::test
