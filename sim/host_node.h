// Any models Host as an ns-3 object: aggregated to a node, woken by one event, its frames traced.
// Time enters here as an argument and frames by ports; the host knows nothing of the simulator.
#pragma once

#include <ns3/net-device.h>
#include <ns3/node.h>
#include <ns3/object.h>
#include <ns3/packet.h>
#include <ns3/traced-callback.h>

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/base/host.h"
#include "models/port/decorator.h"
#include "models/port/trace.h"
#include "sim/core_turn.h"
#include "sim/modelled_core.h"
#include "sim/pcap_file.h"
#include "sim/sim_port.h"
#include "sim/wakeup.h"

namespace twinpath::sim {

class HostNode : public ns3::Object, private PortOwner, private Sleeper {
 public:
  static ns3::TypeId GetTypeId();
  HostNode();
  ~HostNode() override;

  // Entity path and error texts. Default "host".
  void set_name(std::string name) { name_ = std::move(name); }
  [[nodiscard]] const std::string& name() const { return name_; }

  // Before the first frame. Requires: no host yet.
  void set_host(std::unique_ptr<Host> host);
  [[nodiscard]] Host* host() { return host_.get(); }

  // Captures every port added from now on into PREFIX-PORT.pcap, nanosecond stamps of model time;
  // `prefix` is a path without its end: "out/client". ns-3's own devices have captures of their
  // own.
  void enable_pcap(std::string prefix) { pcap_prefix_ = std::move(prefix); }
  // Chains every frame of the ports added from now on; also the attribute Fingerprint.
  void enable_fingerprint(bool enable = true) { fingerprint_ = enable; }
  // Both directions of every such port, "NAME/eth0", for run_fingerprint(); before Dispose().
  [[nodiscard]] std::vector<PortFingerprint> fingerprints() const;
  // The next PortId. `around` are decorators (pcap, trace, faults), innermost first; the first is
  // built around `device`. All live as long as this object.
  PortId add_port(std::shared_ptr<SimPort> device,
                  std::vector<std::unique_ptr<PortDecorator>> around = {});
  // A DevicePort over `device`, which is installed on a node.
  PortId add_device(ns3::Ptr<ns3::NetDevice> device);
  [[nodiscard]] std::size_t ports() const { return ports_.size(); }
  // What the host talks to: the outermost decorator, or the device itself.
  [[nodiscard]] Port& port(PortId id) { return *ports_[id].outermost; }
  [[nodiscard]] SimPort& device(PortId id) { return *ports_[id].device; }

  // CPU time is that of `core` from now on: turns cost what its pricer says (CoreTurn::kContract).
  // Requires: host and ports are all there; the core ends before this object is disposed of.
  void run_on(ModelledCore& core);
  // Called after every turn, for instance to see whether a run is over.
  void set_after_turn(std::function<void(Instant)> after_turn) { after_turn_ = after_turn; }
  // After a call into the host from outside (a socket call of an application): sends what became
  // ready and sets the next wake-up. Within a turn it does nothing, the turn's end does it.
  void settle();
  [[nodiscard]] std::uint64_t turns() const { return turns_; }

 protected:
  void DoDispose() override;
  void NotifyNewAggregate() override;
  // Somebody outside holds the host and may arm timers: look at the next deadline again, now.
  void look_again();

 private:
  struct Attached {
    std::shared_ptr<SimPort> device;
    std::unique_ptr<PcapFile> capture;  // outlives its decorator
    std::vector<std::unique_ptr<PortDecorator>> around;
    Port* outermost;
    const TracePort* traced = nullptr;  // one of `around`

    [[nodiscard]] PortDecorator* decorator() const {
      return around.empty() ? nullptr : around.back().get();
    }
  };
  void frames_at(Instant at) override { wakeup_.by(at); }
  void frames_now() override { wakeup_.last_of_now(); }
  [[nodiscard]] bool wants_drops() const override {
    return !mac_tx_drop_.IsEmpty() || !phy_rx_drop_.IsEmpty();
  }
  void tx_dropped(ns3::Ptr<const ns3::Packet> frame) override { mac_tx_drop_(frame); }
  void rx_dropped(ns3::Ptr<const ns3::Packet> frame) override { phy_rx_drop_(frame); }
  void on_wake(Instant now) override;
  [[nodiscard]] std::string sleeper_name() const override { return name_; }
  void after_core_turn(Instant now);
  void begin_turn(Instant now);
  void receive(Instant now);
  void send(Instant now);
  using FrameTrace = ns3::TracedCallback<ns3::Ptr<const ns3::Packet>>;
  static void trace(const FrameTrace& source, std::span<const BufPtr> frames);

  std::string name_ = "host";
  std::array<BufPtr, kBurst> frames_;  // empty between calls; a member, so that no turn clears it
  std::string pcap_prefix_;            // empty: no captures
  bool fingerprint_ = false;
  std::vector<Attached> ports_;
  std::unique_ptr<Host> host_;
  Wakeup wakeup_;
  std::function<void(Instant)> after_turn_;
  std::uint64_t turns_ = 0;
  bool in_turn_ = false;
  ModelledCore* core_ = nullptr;  // nullptr: CPU time is free
  std::deque<ClockedPort> clocked_;
  std::unique_ptr<CoreTurn> core_turn_;
  FrameTrace mac_tx_;
  FrameTrace mac_rx_;
  FrameTrace mac_tx_drop_;
  FrameTrace phy_rx_drop_;
};

}  // namespace twinpath::sim
