// Two hosts of ours over net_ring in one process and on one thread.
#pragma once

#include <array>
#include <memory>

#include "emu/device.h"
#include "emu/ethdev_port.h"
#include "emu/ring_pair.h"
#include "emu/tsc_clock.h"
#include "models/app/app_host.h"
#include "models/mtcp/engine.h"
#include "models/port/decorator.h"
#include "tests/bench/echo/apps.h"

namespace twinpath::bench {

struct StackPairOptions {
  TcpConfig tcp{};
  EngineConfig engine{};
  std::uint16_t mtu_bytes = 1500;
  std::uint32_t frame_bytes_max = 2048;
  std::uint32_t bufs = 16'383;
  bool huge_pages = true;  // where there are enough
  // Linux's rule for its loopback: what a host sends itself needs no check when it arrives.
  bool trusted = false;
};

// Vouches for every frame's sums.
class TrustedPort final : public PortDecorator {
 public:
  using PortDecorator::PortDecorator;
  std::size_t rx_burst(std::span<BufPtr> out) override;
};

class StackPair {
 public:
  explicit StackPair(const StackPairOptions& options);
  [[nodiscard]] AppHost& client() { return *hosts_[0]; }
  [[nodiscard]] AppHost& server() { return *hosts_[1]; }
  [[nodiscard]] IpAddress server_address() const;
  // Both hosts' turns until every application of the client is done.
  void run();
  // Before the first turn_both(): it listens before anybody asks.
  void turn_server() { turn(1); }
  void turn_both() {
    turn(0);
    turn(1);
  }
  [[nodiscard]] std::string offloads() const;

 private:
  void turn(std::size_t side);

  emu::Eal eal_;
  emu::MbufPool pool_;
  emu::RingPair ring_;
  emu::Device a_;
  emu::Device b_;
  bool trusted_;
  std::array<emu::EthdevPort, 2> ports_;
  std::array<TrustedPort, 2> trusted_ports_;
  emu::TscClock clock_;
  std::array<std::unique_ptr<AppHost>, 2> hosts_;
  std::array<std::unique_ptr<Engine>, 2> engines_;
};

EchoResult run_ours(const EchoLoad& load, const StackPairOptions& options);

}  // namespace twinpath::bench
