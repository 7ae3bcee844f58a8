// A Plan as a simulation: hosts, direct links, applications, and what watches their ports.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bindings/plan/build.h"
#include "bindings/plan/capture.h"
#include "bindings/plan/plan.h"
#include "bindings/plan/worker.h"
#include "models/app/app_host.h"
#include "models/foreign/lwip/lwip_app_host.h"
#include "sim/core_group.h"
#include "sim/direct_link.h"
#include "sim/ns3_host.h"
#include "sim/pcap_file.h"
#include "sim/twinpath_host.h"

namespace twinpath::bind {

// A port of the plan: which end of which link.
struct WatchedPort {
  std::string path;      // "client/eth0"
  std::size_t link = 0;  // index into World::links()
  std::size_t end = 0;
};

// The way out of the simulation: which ends of links are ports of something real.
class Gateway {
 public:
  virtual ~Gateway() = default;
  // What stands for this end; nothing when the link is simulated. Asked once per end.
  virtual std::shared_ptr<sim::SimPort> way_out(std::size_t link, bool end_a) = 0;
};

class World {
 public:
  // Throws PlanError with what the simulator cannot build. With a gateway, Linux hosts are outside
  // of it: they have a seat that nobody sits on. Requires: the gateway outlives this.
  explicit World(const Job& job, Gateway* gateway = nullptr);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  [[nodiscard]] const Plan& plan() const { return job_.plan; }
  // By index into plan.hosts; each is one of the three kinds, or outside.
  struct Seat {
    ns3::Ptr<sim::TwinpathHost> ours;
    std::unique_ptr<sim::Ns3Host> ns3s;
    ns3::Ptr<sim::HostNode> node;  // around lwIP's
    LwipAppHost* lwip = nullptr;   // owned by `node`
    [[nodiscard]] bool is_outside() const { return !ours && !ns3s && !node; }
    [[nodiscard]] AppRunner& apps() const {
      return ours ? ours->apps().runner() : ns3s ? ns3s->apps() : lwip->runner();
    }
  };
  [[nodiscard]] const std::vector<Seat>& seats() const { return seats_; }
  // The simulated ones, in the order of the plan.
  [[nodiscard]] const std::vector<sim::DirectLink>& links() const { return links_; }
  [[nodiscard]] std::vector<sim::DirectLink>& links() { return links_; }
  // Per link its index into plan().links.
  [[nodiscard]] const std::vector<std::size_t>& link_plans() const { return link_plans_; }
  // Their ports.
  [[nodiscard]] const std::vector<WatchedPort>& ports() const { return ports_; }
  [[nodiscard]] const FrameChain& chain(const WatchedPort& port, Direction direction) const {
    return links_[port.link].chain(port.end, direction);
  }
  [[nodiscard]] std::deque<sim::PcapFile>& captures() { return captures_; }
  [[nodiscard]] sim::FileSink* pcapng() { return pcapng_file_ ? &*pcapng_file_ : nullptr; }

  // Scalars and histograms of hosts and applications, as they are now.
  void export_results(ResultSink& sink) const;
  // What modelled cores did until `now`: entities "client/core0". Nothing without them.
  void record_cores(ResultSink& sink, Instant now) const;
  // Runs until every app of stop.when is done, at most until stop.at_most. True: it was they.
  bool run();
  // The same in pieces: begin() once, then step() by step(). After the end a step does nothing.
  void begin();
  void step(Nanoseconds time);
  // Awaited apps of hosts outside, by path; they are somebody else's to wait for.
  [[nodiscard]] const std::vector<std::string>& awaited_outside() const { return outside_; }
  // The awaited apps are done.
  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] bool is_at_end() const;

 private:
  void add_host(std::size_t index);
  ns3::Ptr<sim::TwinpathHost> make_ours(std::size_t index);
  void make_lwip(std::size_t index, Seat& seat);
  void furnish(std::size_t index);
  void add_link(std::size_t index);
  bool add_way_out(std::size_t index);
  void add_interface(const LinkEnd& where, std::shared_ptr<sim::SimPort> port);
  std::vector<std::unique_ptr<PortDecorator>> watch(Port& port, const std::string& path);
  void open_pcapng();
  void listen_for_drops();
  void find_awaited();
  void look(Instant now);
  void add_cores();

  const Job& job_;
  Gateway* gateway_;
  std::shared_ptr<HeapPool> pool_ = sim::frame_pool();
  std::vector<HostConfig> configs_;
  std::vector<Seat> seats_;
  std::vector<sim::DirectLink> links_;
  std::vector<std::size_t> link_plans_;
  std::vector<WatchedPort> ports_;
  std::deque<sim::PcapFile> captures_;
  std::optional<sim::FileSink> pcapng_file_;
  std::optional<PcapngCapture> pcapng_;
  std::vector<App*> awaited_;
  std::vector<std::string> outside_;
  Progress progress_;
  bool is_over_ = false;
  sim::LinearPricer pricer_;
  std::optional<sim::CoreGroup> cores_;  // only with costs
};

}  // namespace twinpath::bind
