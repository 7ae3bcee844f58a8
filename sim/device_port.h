// Our Port over any ns3::NetDevice. A device with addresses of its own kind (csma, simple, bridge)
// carries our Ethernet frame, header fields as arguments. A device that needs no ARP (point to
// point) carries only IPv4 and IPv6: the port strips Ethernet, answers ARP and Neighbour Discovery
// in the peer's place and refuses every other ethertype by name (ns-3 would deliver it as protocol
// 0x0000, silently).
#pragma once

#include <ns3/mac48-address.h>
#include <ns3/net-device.h>
#include <ns3/node.h>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>

#include "sim/sim_port.h"

namespace twinpath::sim {

struct DevicePortCounters {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t dropped_no_buffer = 0;  // the pool is exhausted or the frame too long for it
  std::uint64_t dropped_full = 0;       // more than kQueueFrames arrived at one instant
  std::uint64_t dropped_refused = 0;    // the device would not send: its queue is full
  std::uint64_t dropped_short = 0;      // no Ethernet header
  std::uint64_t answered_arp = 0;       // in the place of a point-to-point peer
  std::uint64_t answered_nd = 0;        // the same over IPv6
  std::map<std::uint16_t, std::uint64_t> dropped_ethertype;  // refused by name
};

class DevicePort final : public SimPort {
 public:
  static constexpr std::size_t kQueueFrames = 65536;

  // Requires: `device` is installed on a node. `pool` gives the buffers of received frames.
  DevicePort(ns3::Ptr<ns3::NetDevice> device, std::shared_ptr<BufPool> pool);
  ~DevicePort() override;

  void set_owner(PortOwner* owner) override { owner_ = owner; }
  [[nodiscard]] PortCaps caps() const override;
  std::size_t rx_burst(std::span<BufPtr> out) override;
  std::size_t tx_burst(std::span<BufPtr> frames) override;
  [[nodiscard]] std::size_t tx_room() const override { return kBurst; }
  [[nodiscard]] Instant next_arrival() const override { return queue_.empty() ? kNever : kStart; }

  [[nodiscard]] const DevicePortCounters& counters() const { return counters_; }
  [[nodiscard]] ns3::Ptr<ns3::NetDevice> device() const { return device_; }

 private:
  using Mac = std::array<std::byte, 6>;

  void receive(ns3::Ptr<ns3::NetDevice> device, ns3::Ptr<const ns3::Packet> packet,
               std::uint16_t protocol, const ns3::Address& from, const ns3::Address& to,
               ns3::NetDevice::PacketType type);
  void send(PacketBuf& frame);
  void send_layer2(const PacketBuf& frame, std::uint16_t ethertype);
  void send_layer3(PacketBuf& frame, std::uint16_t ethertype);
  bool answer_arp(const PacketBuf& request);
  bool answer_nd(const PacketBuf& frame);
  void enqueue(BufPtr frame);
  Mac target_of(const ns3::Address& to) const;
  Mac source_of(const ns3::Address& from) const;

  PortOwner* owner_ = nullptr;
  ns3::Ptr<ns3::NetDevice> device_;
  std::shared_ptr<BufPool> pool_;
  ns3::Node::ProtocolHandler handler_;
  std::deque<BufPtr> queue_;
  DevicePortCounters counters_;
  Mac own_{};  // of the host behind this port
  bool has_layer2_;
};

}  // namespace twinpath::sim
