// Two hosts of ours over net_ring in one process and on one thread.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "emu/device.h"
#include "emu/ethdev_port.h"
#include "emu/ring_pair.h"
#include "emu/tsc_clock.h"
#include "models/app/app_host.h"
#include "models/mtcp/engine_core.h"
#include "models/port/decorator.h"
#include "models/port/link_port.h"
#include "tests/bench/echo/apps.h"

namespace twinpath::bench {

// A link between the two, named as that of `twinpath impair`: one seed, one fate of each frame.
struct PairLink {
  LinkConfig both_ways{};
  std::uint64_t seed = 1;
};

struct StackPairOptions {
  TcpConfig tcp{};
  EngineConfig engine{};
  SocketsOptions sockets{};
  std::uint16_t mtu_bytes = 1500;
  std::uint32_t frame_bytes_max = 2048;
  std::uint32_t bufs = 16'383;
  std::uint32_t memory_mib = 128;
  bool huge_pages = true;  // where there are enough
  // Linux's rule for its loopback: what a host sends itself needs no check when it arrives.
  bool trusted = false;
  std::optional<PairLink> link{};
};

// Vouches for every frame's sums.
class TrustedPort final : public PortDecorator {
 public:
  using PortDecorator::PortDecorator;
  std::size_t rx_burst(std::span<BufPtr> out) override;
};

// The rings and what stands on them: "client" at end 0, "server" at end 1.
struct PairPorts {
  explicit PairPorts(const StackPairOptions& options);

  emu::Eal eal;
  emu::MbufPool pool;
  emu::RingPair ring;
  emu::Device a;
  emu::Device b;
  std::array<emu::EthdevPort, 2> ports;
};
HostConfig pair_host(std::size_t number, std::uint16_t mtu_bytes);
IpAddress pair_address(std::size_t number);

class StackPair {
 public:
  explicit StackPair(const StackPairOptions& options);
  [[nodiscard]] AppHost& client() { return *hosts_[0]; }
  [[nodiscard]] AppHost& server() { return *hosts_[1]; }
  [[nodiscard]] IpAddress server_address() const { return pair_address(1); }
  // Both hosts' turns until every application of the client is done.
  void run();
  // Before the first turn_both(): it listens before anybody asks.
  void turn_server() { turn(1); }
  // Whether a frame moved.
  bool turn_both() {
    const bool client_moved = turn(0);
    return turn(1) || client_moved;
  }
  [[nodiscard]] Instant now() { return clock_.now(); }
  // Every byte of the frames' buffers is in memory from now on.
  void touch_buffers();
  [[nodiscard]] std::string offloads() const;

 private:
  bool turn(std::size_t side);

  PairPorts base_;
  bool trusted_;
  std::array<TrustedPort, 2> trusted_ports_;
  std::optional<LinkPort> link_;  // at the client
  emu::TscClock clock_;
  std::array<std::unique_ptr<AppHost>, 2> hosts_;
  std::array<std::unique_ptr<Engine>, 2> engines_;
};

// With EngineThreads::kTwo each end's applications have a thread of their own, on the same CPU as
// the stacks' one; all threads count.
EchoResult run_ours(const EchoLoad& load, const StackPairOptions& options);

}  // namespace twinpath::bench
