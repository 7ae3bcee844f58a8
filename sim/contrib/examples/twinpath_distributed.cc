// A dumbbell over one or two ranks of ns-3's distributed simulator (doc/models, "MPI for
// Distributed Simulation"): senders and the left router on the first rank, receivers and the right
// router on the last. Our stack is at the edges, ns-3's routes in the middle. The fingerprint it
// prints is the same however many ranks there are:
//
//   ./ns3 run "twinpath-distributed --pairs=8"
//   mpirun -np 2 ./ns3 run --no-build twinpath-distributed
#include <mpi.h>
#include <ns3/boolean.h>
#include <ns3/command-line.h>
#include <ns3/global-value.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/ipv4-static-routing-helper.h>
#include <ns3/mpi-interface.h>
#include <ns3/nstime.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/simulator.h>
#include <ns3/string.h>

#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "models/app/bulk.h"
#include "sim/twinpath_helper.h"

namespace {

using twinpath::PortFingerprint;
using twinpath::sim::TwinpathHost;

constexpr std::uint16_t kPort = 5001;
constexpr std::uint32_t kMaxPairs = 64;
constexpr std::size_t kNameBytes = 32;

struct Options {
  std::uint32_t pairs = 8;
  std::uint64_t bytes = 1'000'000;
  double seconds = 20;
};

class Dumbbell {
 public:
  explicit Dumbbell(const Options& options)
      : options_(options),
        rank_(ns3::MpiInterface::GetSystemId()),
        last_(ns3::MpiInterface::GetSize() - 1) {
    stack_.set_attribute("Fingerprint", ns3::BooleanValue(true));
    routers_.Add(ns3::CreateObject<ns3::Node>(0));
    routers_.Add(ns3::CreateObject<ns3::Node>(last_));
    ns3::InternetStackHelper().Install(routers_);
    ns3::PointToPointHelper middle;
    middle.SetDeviceAttribute("DataRate", ns3::StringValue("50Mbps"));
    middle.SetChannelAttribute("Delay", ns3::StringValue("10ms"));
    ns3::Ipv4AddressHelper("10.0.0.0", "255.255.255.0").Assign(middle.Install(routers_));
    add_route(0, "10.2.0.0", "10.0.0.2");
    add_route(1, "10.1.0.0", "10.0.0.1");
    for (std::uint32_t pair = 0; pair < options_.pairs; ++pair) {
      add_edge({pair, 0});
      add_edge({pair, 1});
    }
  }

  // Of the hosts on this rank.
  [[nodiscard]] std::vector<PortFingerprint> fingerprints() const {
    std::vector<PortFingerprint> all;
    for (const auto& host : hosts_) {
      const auto own = host->fingerprints();
      all.insert(all.end(), own.begin(), own.end());
    }
    return all;
  }
  [[nodiscard]] std::uint64_t received_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto* sink : sinks_) bytes += sink->totals().bytes;
    return bytes;
  }
  void dispose() {
    for (const auto& host : hosts_) host->Dispose();
  }

 private:
  struct Place {
    std::uint32_t pair;
    std::uint32_t side;  // 0 sends, 1 receives
  };

  void add_route(std::uint32_t router, const char* network, const char* via) {
    const auto ip = routers_.Get(router)->GetObject<ns3::Ipv4>();
    ns3::Ipv4StaticRoutingHelper().GetStaticRouting(ip)->AddNetworkRouteTo(
        ns3::Ipv4Address(network), ns3::Ipv4Mask("255.255.0.0"), ns3::Ipv4Address(via), 1);
  }

  // The delays of no two edges are alike, so that the order of two frames at a router never hangs
  // on the order of events within one nanosecond.
  void add_edge(const Place& place) {
    const std::uint32_t owner = place.side == 0 ? 0 : last_;
    const auto node = ns3::CreateObject<ns3::Node>(owner);
    ns3::PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", ns3::StringValue("100Mbps"));
    const auto delay = ns3::NanoSeconds(1'000'000 + 13'579 * place.pair + 7'919 * place.side);
    link.SetChannelAttribute("Delay", ns3::TimeValue(delay));
    const auto devices = link.Install(routers_.Get(place.side), node);
    const std::string net = network(place);
    ns3::Ipv4AddressHelper((net + "0").c_str(), "255.255.255.0").Assign(devices.Get(0));
    if (owner != rank_) return;
    const auto host = stack_.install(node, devices.Get(1), {net + "2/24"});
    host->add_route({twinpath::Ipv4Prefix(), *twinpath::Ipv4Address::parse(net + "1"), 0});
    run_app(*host, place);
    hosts_.push_back(host);
  }

  static std::string network(const Place& place) {
    return "10." + std::to_string(place.side + 1) + "." + std::to_string(place.pair) + ".";
  }

  void run_app(TwinpathHost& host, const Place& place) {
    if (place.side == 1) {
      twinpath::BulkSinkConfig config;
      config.port = kPort;
      sinks_.push_back(&host.apps().add<twinpath::BulkSink>("sink", twinpath::kStart, config));
      return;
    }
    twinpath::BulkConfig config;
    config.size_bytes = options_.bytes;
    config.port = kPort;
    config.to = *twinpath::Ipv4Address::parse(network({place.pair, 1}) + "2");
    host.apps().add<twinpath::Bulk>("bulk", twinpath::kStart, config);
  }

  const Options& options_;
  std::uint32_t rank_;
  std::uint32_t last_;
  twinpath::sim::TwinpathHelper stack_;
  ns3::NodeContainer routers_;
  std::vector<ns3::Ptr<TwinpathHost>> hosts_;
  std::vector<const twinpath::BulkSink*> sinks_;
};

// What a rank tells the first one of each of its ports, as plain bytes.
struct Told {
  char port[kNameBytes];
  std::uint64_t direction;
  std::uint64_t frames;
  std::uint64_t chain;
};

// Those of all ranks on the first rank, nothing on the others.
std::vector<PortFingerprint> gather(const std::vector<PortFingerprint>& own) {
  std::vector<Told> mine(own.size(), Told{});
  for (std::size_t index = 0; index < own.size(); ++index) {
    std::strncpy(mine[index].port, own[index].port.c_str(), kNameBytes - 1);
    mine[index].direction = static_cast<std::uint64_t>(own[index].direction);
    mine[index].frames = own[index].frames;
    mine[index].chain = own[index].chain;
  }
  const int ranks = static_cast<int>(ns3::MpiInterface::GetSize());
  const MPI_Comm world = ns3::MpiInterface::GetCommunicator();
  int bytes = static_cast<int>(mine.size() * sizeof(Told));
  std::vector<int> sizes(static_cast<std::size_t>(ranks));
  MPI_Gather(&bytes, 1, MPI_INT, sizes.data(), 1, MPI_INT, 0, world);
  std::vector<int> offsets(sizes.size());
  int total = 0;
  for (std::size_t rank = 0; rank < sizes.size(); ++rank) {
    offsets[rank] = total;
    total += sizes[rank];
  }
  std::vector<Told> all(static_cast<std::size_t>(total) / sizeof(Told));
  MPI_Gatherv(mine.data(), bytes, MPI_BYTE, all.data(), sizes.data(), offsets.data(), MPI_BYTE, 0,
              world);
  std::vector<PortFingerprint> ports;
  for (const Told& told : all) {
    const auto direction = static_cast<twinpath::Direction>(told.direction);
    ports.push_back({told.port, direction, told.frames, told.chain});
  }
  return ports;
}

// The sum over all ranks, on the first.
std::uint64_t sum(std::uint64_t own) {
  std::uint64_t total = 0;
  MPI_Reduce(&own, &total, 1, MPI_UINT64_T, MPI_SUM, 0, ns3::MpiInterface::GetCommunicator());
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  ns3::CommandLine command("Bulk transfers over a dumbbell, on one rank or two.");
  command.AddValue("pairs", "senders and receivers, 1 to 64", options.pairs);
  command.AddValue("bytes", "of each transfer", options.bytes);
  command.AddValue("seconds", "of model time at most", options.seconds);
  command.Parse(argc, argv);
  ns3::GlobalValue::BindFailSafe("SimulatorImplementationType",
                                 ns3::StringValue("ns3::DistributedSimulatorImpl"));
  ns3::MpiInterface::Enable(&argc, &argv);
  const bool first = ns3::MpiInterface::GetSystemId() == 0;
  if (options.pairs < 1 || options.pairs > kMaxPairs || ns3::MpiInterface::GetSize() > 2) {
    if (first) std::cerr << "pairs: 1 to " << kMaxPairs << "; ranks: 1 or 2\n";
    ns3::MpiInterface::Disable();
    return 2;
  }
  Dumbbell dumbbell(options);
  ns3::Simulator::Stop(ns3::Seconds(options.seconds));
  ns3::Simulator::Run();
  const auto ports = gather(dumbbell.fingerprints());
  const std::uint64_t received = sum(dumbbell.received_bytes());
  if (first) {
    std::cout << "received " << received << " bytes, fingerprint "
              << twinpath::fingerprint_text(twinpath::run_fingerprint(ports)) << "\n";
  }
  dumbbell.dispose();
  ns3::Simulator::Destroy();
  ns3::MpiInterface::Disable();
  return !first || received == options.pairs * options.bytes ? 0 : 1;
}
