// Below IP: the queues in front of the ports, Ethernet headers, and who has which address, asked by
// ARP or by Neighbour Discovery. Read RFC 894, RFC 2464, IEEE 802.1Q §9.6, RFC 826 and RFC 4861 §7.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "models/host/neighbours.h"
#include "models/wire/arp.h"
#include "models/wire/ethernet.h"
#include "models/wire/ip.h"

namespace twinpath {

// Hears what became of packets; `packet` begins at the IP header.
class LinkUser {
 public:
  virtual ~LinkUser() = default;
  // The neighbour did not answer.
  virtual void on_undeliverable(Instant now, std::span<const std::byte> packet) = 0;
  // A frame of the host to itself.
  virtual void on_loopback(Instant now, BufPtr frame) = 0;
  virtual void on_neighbour_changed() = 0;
};

// A Neighbour Discovery message and its IP header's addresses.
struct NdArrival {
  InterfaceId interface = 0;
  IpAddress source;
  IpAddress target;
  NdMessage message;
};

class LinkLayer final : private NeighbourUser {
 public:
  // `routes` and `user` outlive it.
  LinkLayer(HostContext& context, const RouteTable& routes, LinkUser& user);

  // The link address behind `hop`, as far as it is known; asks again about an aged one.
  Resolution resolve(Instant now, const Hop& hop);
  // Sends an IP packet, or holds it while its neighbour is asked, or gives it up.
  void send(Instant now, const Hop& hop, BufPtr packet);
  // Puts an Ethernet header in front of an IP packet.
  void push_header(InterfaceId interface, MacAddress to, PacketBuf& packet) const;
  // A full queue drops, and counts. kLoopbackPort: comes back after loopback_delay.
  void enqueue(Instant now, PortId port, BufPtr frame);
  // Moves out what waits for `port`.
  std::size_t take(PortId port, std::span<BufPtr> out);
  // Every frame that waits in a queue of a port or of the way back to the host itself.
  template <typename Visit>
  void visit_queued(Visit&& visitor) const {
    for (const FrameQueue& queue : queues_) {
      queue.visit([&](const BufPtr& frame) { visitor(*frame); });
    }
    if (loop_ == nullptr) return;
    loop_->frames.visit([&](const Looping& looping) { visitor(*looping.frame); });
  }
  // Frames the port's queue has room for.
  [[nodiscard]] std::uint32_t room(PortId port) const;
  [[nodiscard]] std::uint32_t mtu_bytes(InterfaceId interface) const {
    return interface == kLoopbackInterface ? kLoopbackMtu : context_.interface(interface).mtu_bytes;
  }

  void on_arp(Instant now, InterfaceId interface, const ArpPacket& packet);
  // RFC 4861 §7.2.3 to §7.2.5. Requires: the message is valid by §7.1.
  void on_nd(Instant now, const NdArrival& arrival);
  // RFC 4862 §5.4.2: asks whether somebody has `address`, which is not ours yet.
  void ask_for_duplicates(Instant now, InterfaceId interface, const IpAddress& address);
  [[nodiscard]] std::size_t neighbours() const { return neighbours_.size(); }
  [[nodiscard]] std::optional<NeighbourState> neighbour(InterfaceId interface,
                                                        const IpAddress& address) const {
    return neighbours_.state(interface, address);
  }

 private:
  static constexpr std::uint32_t kLoopbackFramesMax = 1000;  // as Linux's netdev_max_backlog

  struct Looping {
    Instant due;
    BufPtr frame;
  };
  struct Loop {
    explicit Loop(LinkLayer& owner);
    BoundedQueue<Looping> frames{kLoopbackFramesMax};
    Timer timer;
  };
  struct NdDeparture {
    InterfaceId interface;
    IpAddress source;
    IpAddress to;
    MacAddress mac;
  };

  void loop(Instant now, BufPtr frame);
  void deliver_looping(Instant now);
  void send_arp(Instant now, InterfaceId interface, const ArpPacket& packet, MacAddress to);
  BufPtr nd_packet(Instant now, const NdDeparture& departure, const NdMessage& message);
  void send_nd(Instant now, const NdDeparture& departure, const NdMessage& message);
  void answer_solicitation(Instant now, const NdArrival& arrival);
  BufPtr control_buf(Instant now, InterfaceId interface);

  void ask_neighbour(Instant now, const Hop& hop, const MacAddress* unicast) override;
  void on_resolved(Instant now, InterfaceId interface, MacAddress mac, BufPtr frame) override;
  void on_unresolved(Instant now, InterfaceId interface, BufPtr frame) override;
  void on_neighbour_changed() override { user_.on_neighbour_changed(); }

  HostContext& context_;
  const RouteTable& routes_;
  LinkUser& user_;
  std::vector<FrameQueue> queues_;  // by port
  NeighbourTable neighbours_;
  std::unique_ptr<Loop> loop_;  // made for the first frame
};

}  // namespace twinpath
