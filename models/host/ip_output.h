// The way out of a host: route, path, IP header, fragments. Read RFC 1122 §3.3.1 and RFC 8200 §4.5,
// §5. What TCP sends always says "don't fragment" (RFC 1191 §3); of other packets those that fit
// say so too, and longer ones leave in fragments, as Linux does by default.
#pragma once

#include <algorithm>
#include <span>

#include "models/base/linux_errno.h"
#include "models/host/link_layer.h"
#include "models/host/path_mtu.h"
#include "models/wire/ipv4.h"
#include "models/wire/ipv6.h"

namespace twinpath {

// A packet without its IP header. The buffer begins at the transport header and has
// kIpHeadroomBytes in front of it, or what a received packet's headers left.
struct IpDeparture {
  IpAddress source;
  IpAddress target;
  IpProtocol protocol = IpProtocol::kTcp;
  std::uint8_t traffic_class = 0;  // DSCP and ECN
  // Where a neighbour that only this link knows lives; kNoInterface: where the routes say.
  InterfaceId interface = kNoInterface;
  std::uint8_t hop_limit = 0;  // TTL; 0: the host's
};
inline constexpr std::uint32_t kIpHeadroomBytes =
    kEthernetHeaderLen + kVlanTagLen + kIpv6HeaderLen + kIpv6FragmentHeaderLen;

constexpr std::uint32_t ip_header_len(const IpAddress& target) {
  return static_cast<std::uint32_t>(target.is_v4() ? kIpv4HeaderLen : kIpv6HeaderLen);
}

class IpOutput final : private LinkUser {
 public:
  // Who hears of undeliverable and looping packets.
  IpOutput(HostContext& context, LinkUser& user);

  struct Framed {
    BufPtr frame;  // empty: held for its neighbour, or dropped and counted
    PortId port = 0;
  };
  // Puts the headers in front of `packet`, which is not fragmented.
  Framed frame(Instant now, const IpDeparture& departure, BufPtr packet);
  // Into the queue of its port, in fragments where it is too long. A full queue drops, and counts.
  void send(Instant now, const IpDeparture& departure, BufPtr packet);
  void enqueue(Instant now, PortId port, BufPtr frame) {
    link_.enqueue(now, port, std::move(frame));
  }
  // Moves out what waits for `port`.
  std::size_t take(PortId port, std::span<BufPtr> out) { return link_.take(port, out); }

  // A router says that packets of more than `mtu_bytes` do not get to `target` (RFC 1191 §6.3,
  // RFC 8201 §4). False: no news, or nothing to believe.
  bool lower_path_mtu(Instant now, const IpAddress& target, std::uint32_t mtu_bytes);

  // kNone, kNetworkUnreachable (no route) or kHostUnreachable (its neighbour is given up).
  [[nodiscard]] Errno reachability(Instant now, const IpAddress& target);
  // Frames of the way to `target` that are not in its queue yet; 0 without a route.
  [[nodiscard]] std::uint32_t room(const IpAddress& target) const;
  // Frames a packet with `payload_bytes` behind its IP header leaves in.
  [[nodiscard]] std::uint32_t frames_of(Instant now, const IpAddress& target,
                                        std::uint32_t payload_bytes);
  // Longest packet on the way to `target`; 0 without a route.
  [[nodiscard]] std::uint32_t mtu_bytes(Instant now, const IpAddress& target);
  [[nodiscard]] const RouteTable& routes() const { return routes_; }
  [[nodiscard]] RouteTable& routes() { return routes_; }
  [[nodiscard]] LinkLayer& link() { return link_; }
  [[nodiscard]] std::size_t neighbours() const { return link_.neighbours(); }

 private:
  // A resolved way to one target.
  struct Path {
    IpAddress target;
    Instant until{};  // not used from here on; kStart: an empty slot
    std::uint32_t mtu_bytes = 0;
    MacAddress mac;
    InterfaceId interface = 0;
    PortId port = 0;
  };
  static constexpr std::size_t kPaths = 16;

  // Where in its datagram a packet belongs.
  struct Part {
    std::uint32_t offset_bytes = 0;
    bool more = false;
    bool whole = true;
    std::uint32_t identification = 0;
  };

  static std::size_t slot_of(const IpAddress& target) {
    static_assert(kPaths == 16, "the shift keeps four bits");
    const auto folded = static_cast<std::uint32_t>(target.low() ^ target.low() >> 32);
    return (folded * 0x9e3779b1U) >> 28;
  }
  [[nodiscard]] const Path* known_path(Instant now, const IpAddress& target) const {
    if (paths_.empty()) return nullptr;
    const Path& slot = paths_[slot_of(target)];
    return slot.target == target && now < slot.until ? &slot : nullptr;
  }
  const Path* find_path(Instant now, const IpAddress& target) {
    const Path* known = known_path(now, target);
    return known != nullptr ? known : resolve_path(now, target);
  }
  const Path* resolve_path(Instant now, const IpAddress& target);
  [[nodiscard]] std::optional<Hop> hop_of(const IpDeparture& departure) const;
  [[nodiscard]] std::uint32_t mtu_on(Instant now, const Hop& hop, const IpAddress& target) const;
  [[nodiscard]] std::uint8_t hop_limit_of(const IpDeparture& departure) const {
    return departure.hop_limit != 0 ? departure.hop_limit : context_.config.ttl;
  }
  void push_header(const IpDeparture& departure, const Part& part, PacketBuf& packet) const;
  void push_header_v6(const IpDeparture& departure, const Part& part, PacketBuf& packet) const;
  void send_slowly(Instant now, const IpDeparture& departure, BufPtr packet);
  void send_parts(Instant now, const Hop& hop, const IpDeparture& departure, PacketBuf& packet);
  BufPtr copy_of(const PacketBuf& whole, std::span<const std::byte> bytes);
  void refuse(Instant now, DropReason reason, const PacketBuf& packet);

  void on_undeliverable(Instant now, std::span<const std::byte> packet) override {
    user_.on_undeliverable(now, packet);
  }
  void on_loopback(Instant now, BufPtr frame) override { user_.on_loopback(now, std::move(frame)); }
  void on_neighbour_changed() override { std::ranges::fill(paths_, Path()); }

  HostContext& context_;
  LinkUser& user_;
  RouteTable routes_;
  std::vector<Path> paths_;  // kPaths of them once there is one; an idle host has none
  LinkLayer link_;
  PathMtuTable path_mtus_;
  std::uint64_t fragment_secret_;
  std::uint32_t datagrams_cut_ = 0;
};

}  // namespace twinpath
