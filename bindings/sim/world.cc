// Building in the order of the plan, so that two runs of one plan are built alike.
#include "bindings/sim/world.h"

#include <ns3/object-factory.h>
#include <ns3/simulator.h>

#include "bindings/plan/apps.h"
#include "bindings/plan/hosts.h"
#include "bindings/plan/stop_request.h"
#include "models/host/frame_dropped.h"
#include "models/port/pcap.h"
#include "sim/sim_time.h"

namespace twinpath::bind {
namespace {

void check(const Plan& plan, bool has_outside) {
  std::vector<Problem> problems;
  for (const HostPlan& host : plan.hosts) {
    const bool is_simulated = host.stack != "linux";
    if (!is_simulated && !(has_outside && host.stack == "linux")) {
      problems.push_back({host.name + ".stack", host.stack, "does not exist in the simulator",
                          "twinpath, ns3, lwip", ""});
    }
    if (!plan.costs || host.cores == 0) continue;
    if (host.stack != "twinpath") {
      problems.push_back({host.name + ".cores", std::to_string(host.cores),
                          "the stack " + host.stack + " has no modelled cores", "0", ""});
    } else if (host.cores > 1) {
      problems.push_back({host.name + ".cores", std::to_string(host.cores),
                          "a host's stack runs on one core; more are not available yet", "0..1",
                          ""});
    }
  }
  if (!problems.empty()) throw PlanError(std::move(problems));
}

std::string file_name(std::string path) {
  for (char& letter : path) {
    if (letter == '/') letter = '-';
  }
  return path + ".pcap";
}

}  // namespace

World::World(const Job& job, Gateway* gateway)
    : job_(job), gateway_(gateway), progress_(job.progress_fd) {
  check(plan(), gateway != nullptr);
  ns3::ObjectFactory scheduler("ns3::PriorityQueueScheduler");  // 5.5 M events/s, the map's are 3.3
  ns3::Simulator::SetScheduler(scheduler);
  open_pcapng();
  for (std::size_t index = 0; index < plan().hosts.size(); ++index) add_host(index);
  for (std::size_t index = 0; index < plan().links.size(); ++index) add_link(index);
  for (std::size_t index = 0; index < plan().hosts.size(); ++index) {
    if (!seats_[index].is_outside()) furnish(index);
  }
  listen_for_drops();
  find_awaited();
  if (plan().costs) add_cores();
}

void World::furnish(std::size_t index) {
  if (seats_[index].node) return;  // it came with its applications
  add_apps(plan(), index, seats_[index].apps());
  if (seats_[index].ns3s) seats_[index].ns3s->start();
}

// One core per host that has some; its stack and applications are one Stage there.
void World::add_cores() {
  // At 1 GHz a cycle is a nanosecond, which is what profiles are written in.
  constexpr double kCyclesPerSecond = 1e9;
  sim::LinearPricer::Price price;
  price.base_cycles = static_cast<std::uint64_t>(plan().costs->per_turn.count());
  price.pcv_cycles[HostStage::kPcvFrames] =
      static_cast<std::uint64_t>(plan().costs->per_frame.count());
  pricer_.set(sim::CoreTurn::kContract, price);
  cores_.emplace();
  for (std::size_t index = 0; index < plan().hosts.size(); ++index) {
    const HostPlan& host = plan().hosts[index];
    if (host.cores == 0) continue;
    seats_[index].ours->run_on(cores_->add_core(
        host.name + "/core0", {.frequency_hz = kCyclesPerSecond}, CoreConfig(), pricer_));
  }
  cores_->start();
}

void World::record_cores(ResultSink& sink, Instant now) const {
  if (!cores_ || now <= kStart) return;
  for (std::size_t index = 0; index < cores_->size(); ++index) {
    const sim::ModelledCore& core = cores_->core(index);
    // A turn is charged when it begins; the last one may end behind the run.
    const double busy = std::min(1.0, to_seconds(core.busy()) / to_seconds(now - kStart));
    AppReport(sink, core.name(), "core").scalar(metric::kCoreBusy, busy, core.turns());
  }
}

World::~World() {
  cores_.reset();
  for (Seat& seat : seats_) {
    if (seat.ours) seat.ours->Dispose();
    if (seat.node) seat.node->Dispose();
    seat.ns3s.reset();
  }
  ns3::Simulator::Destroy();
}

void World::add_host(std::size_t index) {
  configs_.push_back(host_config(plan(), index, job_.seed));
  Seat seat;
  if (plan().hosts[index].stack == "ns3") {
    seat.ns3s = std::make_unique<sim::Ns3Host>(configs_.back(), tcp_config(plan().hosts[index]));
    seat.ns3s->set_after_turn([this](Instant now) { look(now); });
  } else if (plan().hosts[index].stack == "twinpath") {
    seat.ours = make_ours(index);
  } else if (plan().hosts[index].stack == "lwip") {
    make_lwip(index, seat);
  }
  seats_.push_back(std::move(seat));
}

ns3::Ptr<sim::TwinpathHost> World::make_ours(std::size_t index) {
  const auto host = ns3::CreateObject<sim::TwinpathHost>();
  HostConfig scalars = configs_[index];
  scalars.interfaces.clear();  // they come with their ports
  static_cast<HostConfig&>(host->config()) = scalars;
  static_cast<TcpConfig&>(host->config()) = tcp_config(plan().hosts[index]);
  host->set_name(scalars.name);
  host->set_seed(scalars.seed);
  host->set_after_turn([this](Instant now) { look(now); });
  return host;
}

void World::make_lwip(std::size_t index, Seat& seat) {
  PlannedHost made = make_host(plan(), index, job_.seed, *pool_);
  seat.lwip = made.lwip;
  seat.node = ns3::CreateObject<sim::HostNode>();
  seat.node->set_name(plan().hosts[index].name);
  seat.node->set_after_turn([this](Instant now) { look(now); });
  seat.node->set_host(std::move(made.host));
}

bool World::add_way_out(std::size_t index) {
  if (gateway_ == nullptr) return false;
  const LinkEnds ends = ends_of(plan(), index);
  bool is_real = false;
  for (const bool end_a : {true, false}) {
    const LinkEnd& where = end_a ? ends.a : ends.b;
    if (seats_[where.host].is_outside()) continue;
    std::shared_ptr<sim::SimPort> port = gateway_->way_out(index, end_a);
    if (port == nullptr) continue;
    is_real = true;
    add_interface(where, std::move(port));
  }
  return is_real;
}

void World::add_link(std::size_t index) {
  if (add_way_out(index)) return;
  const LinkPlan& asked = plan().links[index];
  const LinkConfig config = link_config(asked);
  const LinkEnds ends = ends_of(plan(), index);
  links_.emplace_back(sim::DirectLinkConfig{.name = asked.name, .from_a = config, .from_b = config},
                      Rng(job_.seed));
  link_plans_.push_back(index);
  for (const std::size_t end : {std::size_t{0}, std::size_t{1}}) {
    const LinkEnd& where = end == 0 ? ends.a : ends.b;
    ports_.push_back({port_path(plan(), where), links_.size() - 1, end});
    add_interface(where, links_.back().end(end));
  }
}

void World::add_interface(const LinkEnd& where, std::shared_ptr<sim::SimPort> port) {
  auto around = watch(*port, port_path(plan(), where));
  const InterfaceConfig& interface = configs_[where.host].interfaces[where.port];
  const Seat& seat = seats_[where.host];
  if (seat.ours) {
    seat.ours->add_interface(interface, std::move(port), std::move(around));
  } else if (seat.node) {
    seat.node->add_port(std::move(port), std::move(around));
  } else {
    seat.ns3s->add_interface(interface, std::move(port), std::move(around));
  }
}

void World::open_pcapng() {
  if (!job_.pcapng) return;
  std::vector<std::string> ports;
  for (std::size_t link = 0; link < plan().links.size(); ++link) {
    const LinkEnds ends = ends_of(plan(), link);
    for (const LinkEnd& end : {ends.a, ends.b}) ports.push_back(port_path(plan(), end));
  }
  pcapng_file_.emplace(job_.pcapng->path);
  pcapng_.emplace(*job_.pcapng, plan(), std::move(ports), *pcapng_file_);
}

void World::listen_for_drops() {
  if (!pcapng_ || !pcapng_->wants_drops()) return;
  for (std::size_t index = 0; index < links_.size(); ++index) {
    for (const std::size_t end : {std::size_t{0}, std::size_t{1}}) {
      const LinkPlan& link = plan().links[link_plans_[index]];
      links_[index].set_drop_listener(end, &pcapng_->link_drops(link, end == 0));
    }
  }
  for (std::size_t index = 0; index < seats_.size(); ++index) {
    if (!seats_[index].ours) continue;
    EventBus& bus = seats_[index].ours->ip().bus();
    bus.subscribe(bus.type_of<FrameDropped>(), pcapng_->host_drops(plan().hosts[index].name));
  }
}

std::vector<std::unique_ptr<PortDecorator>> World::watch(Port& port, const std::string& path) {
  std::vector<std::unique_ptr<PortDecorator>> around;
  if (job_.pcap_dir) {
    captures_.emplace_back(*job_.pcap_dir + "/" + file_name(path));
    around.push_back(std::make_unique<PcapPort>(port, captures_.back().writer()));
  }
  if (pcapng_) {
    const PcapngPort::Options options = pcapng_->port(path);
    PcapngWriter& writer = pcapng_->writer();
    around.push_back(around.empty()
                         ? std::make_unique<PcapngPort>(port, writer, options)
                         : std::make_unique<PcapngPort>(*around.back(), writer, options));
  }
  return around;
}

void World::find_awaited() {
  std::vector<Problem> problems;
  for (const std::string& path : plan().stop.when) {
    App* found = nullptr;
    for (const Seat& seat : seats_) {
      if (found == nullptr && !seat.is_outside()) found = seat.apps().find(path);
    }
    if (found == nullptr && gateway_ != nullptr) {
      outside_.push_back(path);
      continue;
    }
    if (found == nullptr) problems.push_back({"stop.when", path, "is no app of this plan", "", ""});
    awaited_.push_back(found);
  }
  if (!problems.empty()) throw PlanError(std::move(problems));
  is_over_ = awaited_.empty() && !outside_.empty();
}

// After every turn of a host. Apps that are done stay done, so only the last is asked.
void World::look(Instant now) {
  progress_.at(now.time_since_epoch());
  if (StopRequest::came()) ns3::Simulator::Stop();
  if (is_over_ || plan().stop.when.empty()) return;
  while (!awaited_.empty() && awaited_.back()->done()) awaited_.pop_back();
  if (!awaited_.empty()) return;
  is_over_ = true;
  if (!outside_.empty()) return;  // who waits for those ends the run
  ns3::Simulator::Stop();
}

void World::export_results(ResultSink& sink) const {
  for (const Seat& seat : seats_) {
    if (seat.ours) {
      seat.ours->apps().export_results(sink);
    } else if (seat.ns3s) {
      seat.ns3s->apps().export_results(sink);
    } else if (seat.lwip != nullptr) {
      seat.lwip->export_results(sink);
    }
  }
}

bool World::run() {
  begin();
  ns3::Simulator::Run();
  return is_over_;
}

void World::begin() { ns3::Simulator::Stop(sim::to_ns3_time(plan().stop.at_most)); }

bool World::is_at_end() const { return is_over_ || sim::sim_now() >= kStart + plan().stop.at_most; }

void World::step(Nanoseconds time) {
  if (is_at_end()) return;
  ns3::Simulator::Stop(sim::to_ns3_time(time));
  ns3::Simulator::Run();
}

}  // namespace twinpath::bind
