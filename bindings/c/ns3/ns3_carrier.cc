// The host inside ns-3: on a HostNode, each interface a direct link to a node that stands for the
// peer, ns-3's scheduler the clock. Every host of the process shares that clock.
#include <ns3/simulator.h>

#include <vector>

#include "bindings/c/peer_host.h"
#include "sim/direct_link.h"
#include "sim/host_node.h"
#include "sim/sim_time.h"

namespace twinpath::bind {
namespace {

constexpr std::uint32_t kSpareBytes = 256;  // headroom and headers beside an IP packet
constexpr std::uint32_t kLinkMtuBytes = 65535;

std::uint32_t longest_mtu(const HostConfig& config) {
  std::uint32_t mtu_bytes = 0;
  for (const InterfaceConfig& interface : config.interfaces) {
    mtu_bytes = std::max(mtu_bytes, interface.mtu_bytes);
  }
  return mtu_bytes;
}

class Ns3Carrier final : public Carrier {
 public:
  Ns3Carrier(const EmbeddedConfig& config, FrameSink& sink);
  ~Ns3Carrier() override {
    node_->Dispose();  // first: it may hold what a peer's pool gave
    for (const auto& peer : peers_) peer.node->Dispose();
  }

  IpHost& host() override { return *host_; }
  [[nodiscard]] Instant now() const override { return kStart + (sim::sim_now() - origin_); }
  [[nodiscard]] Instant host_now() const override { return sim::sim_now(); }
  [[nodiscard]] Instant next_deadline() override {
    const Instant due = host_->next_deadline();
    return due == kNever ? kNever : std::max(now(), kStart + (due - origin_));
  }
  bool advance(Instant until) override {
    run_until(until);
    return true;
  }
  bool inject(PortId port, std::span<const std::byte> frame) override {
    if (!peers_[port].host->inject(frame)) return false;
    peers_[port].node->settle();
    run_until(now());
    return true;
  }
  void flush() override {
    node_->settle();
    run_until(now());
    for (const Peer& peer : peers_) peer.host->hand_on();
  }

 private:
  struct Peer {
    ns3::Ptr<sim::HostNode> node;
    PeerHost* host;  // the node's
  };
  void connect(PortId port, FrameSink& sink);
  // Everything at `until` too: ns-3's clock then stands a nanosecond behind it.
  void run_until(Instant until) {
    ns3::Simulator::Stop(sim::to_ns3_time(until - now()) + ns3::NanoSeconds(1));
    ns3::Simulator::Run();
  }

  Instant origin_ = sim::sim_now();
  HeapPool pool_;
  ns3::Ptr<sim::HostNode> node_ = ns3::CreateObject<sim::HostNode>();
  std::vector<Peer> peers_;
  IpHost* host_ = nullptr;  // the node's
};

Ns3Carrier::Ns3Carrier(const EmbeddedConfig& config, FrameSink& sink)
    : pool_({.capacity_bytes = longest_mtu(config.host) + kSpareBytes}) {
  for (PortId port = 0; port < config.ports(); ++port) connect(port, sink);
  auto host = std::make_unique<IpHost>(config.host, config.tcp, pool_);
  host_ = host.get();
  node_->set_host(std::move(host));
}

void Ns3Carrier::connect(PortId port, FrameSink& sink) {
  sim::DirectLink link({.name = "eth" + std::to_string(port),
                        .from_a = {},
                        .from_b = {},
                        .mtu_bytes = kLinkMtuBytes,
                        .fingerprint = false},
                       Rng(1));
  node_->add_port(link.end(0));
  auto host = std::make_unique<PeerHost>(sink, port);
  host->set_origin(origin_);
  Peer peer{ns3::CreateObject<sim::HostNode>(), host.get()};
  peer.node->set_name("peer" + std::to_string(port));
  peer.node->add_port(link.end(1));
  peer.node->set_host(std::move(host));
  peers_.push_back(peer);
}

}  // namespace

std::unique_ptr<Carrier> make_carrier(const EmbeddedConfig& config, FrameSink& sink) {
  return std::make_unique<Ns3Carrier>(config, sink);
}

}  // namespace twinpath::bind
