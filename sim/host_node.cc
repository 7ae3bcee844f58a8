// The turn of a host whose CPU time is free: everything that arrived, then timers, then output.
#include "sim/host_node.h"

#include <ns3/boolean.h>

#include <array>
#include <utility>

#include "models/base/check.h"
#include "sim/device_port.h"
#include "sim/frame_pool.h"
#include "sim/packet_copy.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

NS_OBJECT_ENSURE_REGISTERED(HostNode);

ns3::TypeId HostNode::GetTypeId() {
  static ns3::TypeId tid =
      ns3::TypeId("twinpath::HostNode")
          .SetParent<ns3::Object>()
          .SetGroupName("Twinpath")
          .AddConstructor<HostNode>()
          .AddAttribute("Fingerprint", "Chain every frame of the ports added from now on",
                        ns3::BooleanValue(false),
                        ns3::MakeBooleanAccessor(&HostNode::enable_fingerprint),
                        ns3::MakeBooleanChecker())
          .AddTraceSource("MacTx", "A frame, Ethernet header first, was handed to a port",
                          ns3::MakeTraceSourceAccessor(&HostNode::mac_tx_),
                          "ns3::Packet::TracedCallback")
          .AddTraceSource("MacRx", "A frame, Ethernet header first, was handed to the host",
                          ns3::MakeTraceSourceAccessor(&HostNode::mac_rx_),
                          "ns3::Packet::TracedCallback")
          .AddTraceSource("MacTxDrop", "A frame found the queue of its direct link full",
                          ns3::MakeTraceSourceAccessor(&HostNode::mac_tx_drop_),
                          "ns3::Packet::TracedCallback")
          .AddTraceSource("PhyRxDrop", "A frame for this host was lost on its direct link",
                          ns3::MakeTraceSourceAccessor(&HostNode::phy_rx_drop_),
                          "ns3::Packet::TracedCallback");
  return tid;
}

HostNode::HostNode() : wakeup_(*this) {}

HostNode::~HostNode() = default;

void HostNode::set_host(std::unique_ptr<Host> host) {
  CHECK(host_ == nullptr && host != nullptr);
  host_ = std::move(host);
  wakeup_.by(host_->next_deadline());
}

namespace {

// A decorator of this type around what is outermost so far, becoming the outermost itself.
template <typename Decorator, typename... Arguments>
Decorator* wrap(SimPort& device, std::vector<std::unique_ptr<PortDecorator>>& around,
                Arguments&&... arguments) {
  auto made = around.empty() ? std::make_unique<Decorator>(device, arguments...)
                             : std::make_unique<Decorator>(*around.back(), arguments...);
  Decorator* raw = made.get();
  around.push_back(std::move(made));
  return raw;
}

}  // namespace

PortId HostNode::add_port(std::shared_ptr<SimPort> device,
                          std::vector<std::unique_ptr<PortDecorator>> around) {
  device->set_owner(this);
  wakeup_.by(device->next_arrival());
  std::unique_ptr<PcapFile> capture;
  if (!pcap_prefix_.empty()) {
    capture =
        std::make_unique<PcapFile>(pcap_prefix_ + "-" + std::to_string(ports_.size()) + ".pcap");
    wrap<PcapPort>(*device, around, capture->writer());
  }
  const TracePort* traced = fingerprint_ ? wrap<TracePort>(*device, around) : nullptr;
  Port* outermost = around.empty() ? static_cast<Port*>(device.get()) : around.back().get();
  ports_.push_back({std::move(device), std::move(capture), std::move(around), outermost, traced});
  return static_cast<PortId>(ports_.size() - 1);
}

std::vector<PortFingerprint> HostNode::fingerprints() const {
  std::vector<PortFingerprint> found;
  for (std::size_t id = 0; id < ports_.size(); ++id) {
    if (ports_[id].traced == nullptr) continue;
    ports_[id].traced->append_to(found, name_ + "/eth" + std::to_string(id));
  }
  return found;
}

PortId HostNode::add_device(ns3::Ptr<ns3::NetDevice> device) {
  wakeup_.set_context(device->GetNode()->GetId());
  return add_port(std::make_shared<DevicePort>(device, frame_pool()));
}

void HostNode::NotifyNewAggregate() {
  if (const auto node = GetObject<ns3::Node>()) wakeup_.set_context(node->GetId());
  ns3::Object::NotifyNewAggregate();
}

void HostNode::DoDispose() {
  wakeup_.stop();
  core_ = nullptr;
  core_turn_.reset();
  for (Attached& port : ports_) port.device->set_owner(nullptr);
  host_.reset();
  ports_.clear();
  ns3::Object::DoDispose();
}

void HostNode::on_wake(Instant now) {
  if (host_ == nullptr || core_ != nullptr) return;
  ++turns_;
  begin_turn(now);
  receive(now);
  host_->on_time(now);
  send(now);
  in_turn_ = false;
  if (after_turn_) after_turn_(now);
}

void HostNode::run_on(ModelledCore& core) {
  CHECK(host_ != nullptr && core_ == nullptr);
  std::vector<ClockedPort*> ports;
  for (Attached& port : ports_) {
    clocked_.emplace_back(*port.outermost, port.decorator());
    ports.push_back(&clocked_.back());
  }
  core_turn_ = std::make_unique<CoreTurn>(name_, *host_, ports,
                                          [this](Instant now) { after_core_turn(now); });
  core.add(*core_turn_);
  for (Attached& port : ports_) core.add_port(*port.device);
  core_ = &core;
}

void HostNode::after_core_turn(Instant now) {
  ++turns_;
  in_turn_ = true;
  if (after_turn_) after_turn_(now);
  in_turn_ = false;
}

void HostNode::settle() {
  if (in_turn_ || host_ == nullptr) return;
  if (core_ != nullptr) return core_->wake();
  const Instant now = sim_now();
  begin_turn(now);
  send(now);
  in_turn_ = false;
}

void HostNode::look_again() {
  if (in_turn_) return;
  if (core_ != nullptr) return core_->wake();
  wakeup_.by(sim_now());
}

void HostNode::begin_turn(Instant now) {
  in_turn_ = true;
  for (const Attached& port : ports_) {
    if (PortDecorator* decorator = port.decorator()) decorator->begin_turn(now);
  }
}

void HostNode::receive(Instant now) {
  for (PortId id = 0; id < ports_.size(); ++id) {
    for (;;) {
      const std::size_t count = ports_[id].outermost->rx_burst(frames_);
      if (count == 0) break;
      trace(mac_rx_, std::span(frames_).first(count));
      host_->on_rx(now, id, std::span(frames_).first(count));
      if (count < kBurst) break;
    }
  }
}

void HostNode::send(Instant now) {
  for (PortId id = 0; id < ports_.size(); ++id) {
    Port& port = *ports_[id].outermost;
    for (;;) {
      const std::size_t room = std::min(port.tx_room(), kBurst);
      const std::size_t ready = host_->poll_tx(now, id, std::span(frames_).first(room));
      if (ready == 0) break;
      trace(mac_tx_, std::span(frames_).first(ready));
      CHECK(port.tx_burst(std::span(frames_).first(ready)) == ready);
      if (ready < room) break;
    }
    wakeup_.by(ports_[id].device->next_arrival());
    if (const PortDecorator* decorator = ports_[id].decorator()) {
      wakeup_.by(decorator->next_deadline());
    }
  }
  wakeup_.by(host_->next_deadline());
}

void HostNode::trace(const FrameTrace& source, std::span<const BufPtr> frames) {
  if (source.IsEmpty()) return;
  for (const BufPtr& frame : frames) source(to_ns3(frame->bytes()));
}

}  // namespace twinpath::sim
