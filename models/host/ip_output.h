// The way out of a host: route, neighbour, IP and Ethernet headers, and the queues in front of the
// ports. Read RFC 1122 §3.3.1. Nothing is fragmented: packets longer than the MTU are refused, and
// everything we send says "don't fragment" (RFC 1191 §3).
#pragma once

#include <array>
#include <span>

#include "models/base/linux_errno.h"
#include "models/host/neighbours.h"
#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"

namespace twinpath {

// A packet without its IP header. The buffer begins at the transport header and has
// kIpHeadroomBytes in front of it.
struct IpDeparture {
  Ipv4Address source;
  Ipv4Address target;
  IpProtocol protocol = IpProtocol::kTcp;
  std::uint8_t traffic_class = 0;  // DSCP and ECN
};
inline constexpr std::uint32_t kIpHeadroomBytes = kEthernetHeaderLen + kIpv4HeaderLen;

// Hears of packets whose neighbour did not answer; `packet` begins at the IP header.
class UndeliverableUser {
 public:
  virtual ~UndeliverableUser() = default;
  virtual void on_undeliverable(Instant now, std::span<const std::byte> packet) = 0;
};

class IpOutput final : private NeighbourUser {
 public:
  IpOutput(HostContext& context, UndeliverableUser& user);

  struct Framed {
    BufPtr frame;  // empty: held for its neighbour, or dropped and counted
    PortId port = 0;
  };
  // Puts the headers in front of `packet`.
  Framed frame(Instant now, const IpDeparture& departure, BufPtr packet);
  // frame() and queue. A full queue drops, and counts.
  void send(Instant now, const IpDeparture& departure, BufPtr packet);
  void enqueue(Instant now, PortId port, BufPtr frame);
  // Moves out what waits for `port`.
  std::size_t take(PortId port, std::span<BufPtr> out);

  void on_arp(Instant now, PortId port, const ArpPacket& packet);

  // kNone, kNetworkUnreachable (no route) or kHostUnreachable (its neighbour is given up).
  [[nodiscard]] Errno reachability(Instant now, Ipv4Address target);
  [[nodiscard]] bool has_room(Ipv4Address target) const;
  // Longest packet on the way to `target`; 0 without a route.
  [[nodiscard]] std::uint32_t mtu_bytes(Ipv4Address target) const;
  [[nodiscard]] const RouteTable& routes() const { return routes_; }
  [[nodiscard]] std::size_t neighbours() const { return neighbours_.size(); }

 private:
  // A resolved way to one target.
  struct Path {
    Ipv4Address target;
    MacAddress mac;
    PortId port = 0;
    Instant until{};  // not used from here on; kStart: an empty slot
  };
  static constexpr std::size_t kPaths = 16;

  const Path* find_path(Instant now, Ipv4Address target);
  const Path* resolve_path(Instant now, const Hop& hop, Ipv4Address target);
  void push_ip_header(const IpDeparture& departure, PacketBuf& packet);
  void push_ethernet_header(PortId port, MacAddress to, PacketBuf& packet);
  BufPtr frame_unresolved(Instant now, const IpDeparture& departure, BufPtr packet);
  BufPtr refuse(Instant now, DropReason reason, BufPtr packet);

  void send_arp(Instant now, PortId port, const ArpPacket& packet, MacAddress to) override;
  void on_resolved(Instant now, PortId port, MacAddress mac, BufPtr frame) override;
  void on_unresolved(Instant now, PortId port, BufPtr frame) override;
  void on_neighbour_changed() override { paths_.fill(Path()); }

  HostContext& context_;
  UndeliverableUser& user_;
  RouteTable routes_;
  std::vector<FrameQueue> queues_;
  std::array<Path, kPaths> paths_{};
  NeighbourTable neighbours_;
};

}  // namespace twinpath
