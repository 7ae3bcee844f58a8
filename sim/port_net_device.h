// An ns3::NetDevice over any of our Ports: whatever a Port leads to - a direct link with its rate,
// queue and faults, later a real device - appears to ns-3's own stack as an Ethernet interface.
#pragma once

#include <ns3/channel.h>
#include <ns3/mac48-address.h>
#include <ns3/net-device.h>
#include <ns3/node.h>
#include <ns3/traced-callback.h>

#include <memory>
#include <string>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/port/decorator.h"
#include "models/wire/address.h"
#include "sim/checksum_offload.h"
#include "sim/sim_port.h"
#include "sim/wakeup.h"

namespace twinpath::sim {

struct PortNetDeviceCounters {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t dropped_no_buffer = 0;  // the pool is exhausted or the packet too long for it
  std::uint64_t dropped_short = 0;      // a frame without a whole Ethernet header
  std::uint64_t dropped_wrong = 0;      // a wrong checksum or malformed headers; offload only
  std::uint64_t dropped_fragments = 0;  // to be sent, and never whole; offload only
};

class PortNetDevice final : public ns3::NetDevice, private PortOwner, private Sleeper {
 public:
  static ns3::TypeId GetTypeId();
  PortNetDevice();
  ~PortNetDevice() override;

  // Once, before the first packet; `around` as in HostNode::add_port().
  void attach(std::shared_ptr<SimPort> port,
              std::vector<std::unique_ptr<PortDecorator>> around = {});
  [[nodiscard]] const PortNetDeviceCounters& counters() const { return counters_; }

  void SetIfIndex(std::uint32_t index) override { index_ = index; }
  [[nodiscard]] std::uint32_t GetIfIndex() const override { return index_; }
  [[nodiscard]] ns3::Ptr<ns3::Channel> GetChannel() const override { return nullptr; }
  void SetAddress(ns3::Address address) override;
  [[nodiscard]] ns3::Address GetAddress() const override { return own_.address; }
  bool SetMtu(std::uint16_t mtu) override;
  [[nodiscard]] std::uint16_t GetMtu() const override { return mtu_bytes_; }
  [[nodiscard]] bool IsLinkUp() const override { return port_ != nullptr; }
  void AddLinkChangeCallback(ns3::Callback<void>) override {}  // the link never changes
  [[nodiscard]] bool IsBroadcast() const override { return true; }
  [[nodiscard]] ns3::Address GetBroadcast() const override;
  [[nodiscard]] bool IsMulticast() const override { return true; }
  [[nodiscard]] ns3::Address GetMulticast(ns3::Ipv4Address group) const override;
  [[nodiscard]] ns3::Address GetMulticast(ns3::Ipv6Address group) const override;
  [[nodiscard]] bool IsBridge() const override { return false; }
  [[nodiscard]] bool IsPointToPoint() const override { return false; }
  bool Send(ns3::Ptr<ns3::Packet> packet, const ns3::Address& dest,
            std::uint16_t protocol) override {
    return SendFrom(packet, own_.address, dest, protocol);
  }
  bool SendFrom(ns3::Ptr<ns3::Packet> packet, const ns3::Address& source, const ns3::Address& dest,
                std::uint16_t protocol) override;
  [[nodiscard]] ns3::Ptr<ns3::Node> GetNode() const override { return node_; }
  void SetNode(ns3::Ptr<ns3::Node> node) override;
  [[nodiscard]] bool NeedsArp() const override { return true; }
  void SetReceiveCallback(ReceiveCallback callback) override { receive_ = callback; }
  void SetPromiscReceiveCallback(PromiscReceiveCallback callback) override {
    promiscuous_ = callback;
  }
  [[nodiscard]] bool SupportsSendFrom() const override { return true; }

 protected:
  void DoDispose() override;

 private:
  void frames_at(Instant at) override { wakeup_.by(at); }
  void frames_now() override { wakeup_.last_of_now(); }
  void on_wake(Instant now) override;
  [[nodiscard]] std::string sleeper_name() const override { return "a PortNetDevice"; }
  // An address as it stands in frames and as ns-3 hands it around, which takes it a lot of calls.
  struct Station {
    MacAddress mac;
    ns3::Address address;
  };
  // A frame on its way to the stack.
  struct Arrival {
    ns3::Ptr<ns3::Packet> packet;
    MacAddress target;
    MacAddress source;
    std::uint16_t protocol = 0;
    PacketType type = PACKET_OTHERHOST;
    bool is_right = true;  // as far as checksums tell
  };
  void begin_turn(Instant now);
  bool transmit(BufPtr frame);
  void deliver(std::span<BufPtr> frames);
  [[nodiscard]] PacketType type_of(const MacAddress& target) const;
  bool take_in(const PacketBuf& frame, Arrival& into);
  void hand_over(const Arrival& arrival);
  void rearm();

  std::shared_ptr<HeapPool> pool_;
  std::shared_ptr<SimPort> port_;
  std::vector<std::unique_ptr<PortDecorator>> around_;
  Port* outermost_ = nullptr;
  Wakeup wakeup_;
  ns3::Ptr<ns3::Node> node_;
  Station own_;
  Station last_source_{{}, ns3::Mac48Address("00:00:00:00:00:00")};
  ReceiveCallback receive_;
  PromiscReceiveCallback promiscuous_;
  ns3::TracedCallback<ns3::Ptr<const ns3::Packet>> mac_tx_;
  ns3::TracedCallback<ns3::Ptr<const ns3::Packet>> mac_rx_;
  PortNetDeviceCounters counters_;
  ChecksumOffload offload_;
  std::vector<BufPtr> ready_;  // to be sent, empty between packets
  std::uint32_t index_ = 0;
  std::uint16_t mtu_bytes_ = 1500;
  bool offloads_ = true;
};

}  // namespace twinpath::sim
