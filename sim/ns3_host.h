// A node with ns-3's own internet stack and our applications on its sockets, joined to our hosts by
// the same direct links: the stack is all that differs.
#pragma once

#include <ns3/node.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/app/app_runner.h"
#include "models/base/stage.h"
#include "models/base/timer.h"
#include "models/host/host_config.h"
#include "models/port/decorator.h"
#include "sim/frame_pool.h"
#include "sim/ns3_sockets.h"
#include "sim/sim_port.h"
#include "sim/wakeup.h"

namespace twinpath::sim {

class Ns3Host final : private Sleeper, private Waker {
 public:
  // Name and seed are taken from `config`; its interfaces come by add_interface().
  Ns3Host(const HostConfig& config, const TcpConfig& tcp);
  ~Ns3Host() override;
  Ns3Host(const Ns3Host&) = delete;
  Ns3Host& operator=(const Ns3Host&) = delete;

  // An Ethernet interface over `port`, decorators as in HostNode::add_port().
  void add_interface(const InterfaceConfig& interface, std::shared_ptr<SimPort> port,
                     std::vector<std::unique_ptr<PortDecorator>> around = {});
  [[nodiscard]] ns3::Ptr<ns3::Node> node() const { return node_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] AppRunner& apps() { return *apps_; }
  // Once every application is added, before the simulation runs.
  void start() { wakeup_.by(timers_.next_deadline()); }
  // As HostNode::set_after_turn().
  void set_after_turn(std::function<void(Instant)> after_turn) { after_turn_ = after_turn; }

 private:
  void on_wake(Instant now) override;
  void wake() override;
  [[nodiscard]] std::string sleeper_name() const override { return name_; }

  std::string name_;
  std::shared_ptr<HeapPool> pool_ = frame_pool();
  ns3::Ptr<ns3::Node> node_;
  Wakeup wakeup_;
  TimerQueue timers_;
  std::unique_ptr<Ns3Sockets> sockets_;
  std::unique_ptr<AppRunner> apps_;
  std::function<void(Instant)> after_turn_;
};

}  // namespace twinpath::sim
