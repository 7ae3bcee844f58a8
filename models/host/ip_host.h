// A host with a TCP/IP stack: frames in, frames out, timers, all under the caller's clock. Sockets
// (models/socket) stand on it. Read RFC 1122.
#pragma once

#include <algorithm>

#include "models/base/host.h"
#include "models/host/context.h"
#include "models/host/icmp.h"
#include "models/host/icmpv6.h"
#include "models/host/ip_output.h"
#include "models/host/reassembly.h"
#include "models/host/udp.h"
#include "models/tcp/stack.h"

namespace twinpath {

// Who hears that a socket may have become ready.
class TransportUser : public TcpUser, public UdpUser {
 public:
  // Frames or timers were handled: buffers may have come free.
  virtual void on_turn_end() = 0;
};

class IpHost final : public Host,
                     private TcpUser,
                     private TcpPaths,
                     private UdpUser,
                     private LinkUser,
                     private ReassemblyUser {
 public:
  // Requires: validate(config) and tcp.validate() are empty. `pool` outlives the host and gives
  // buffers with at least kHeadroomBytes of headroom and room for the longest frame behind it.
  IpHost(const HostConfig& config, const TcpConfig& tcp, BufPool& pool);
  // Ethernet with a VLAN tag, IPv6 with a fragment header, and the longest TCP header.
  static constexpr std::uint32_t kHeadroomBytes = 14 + 4 + 40 + 8 + 60;

  void on_rx(Instant now, PortId port, std::span<BufPtr> frames) override;
  void on_time(Instant now) override {
    turn_asked_ = kNever;
    context_.timers.expire(now);
    if (user_ != nullptr) user_->on_turn_end();
  }
  std::size_t poll_tx(Instant now, PortId port, std::span<BufPtr> out) override;
  [[nodiscard]] Instant next_deadline() override {
    return std::min(context_.timers.next_deadline(), turn_asked_);
  }
  // Makes the driver come back at once, because what happened while it asked one port for frames
  // concerns another.
  void ask_for_turn(Instant now) { turn_asked_ = std::min(turn_asked_, now); }

  // At most one listener; nullptr for none.
  void set_user(TransportUser* user) { user_ = user; }

  [[nodiscard]] TcpStack& tcp() { return tcp_; }
  [[nodiscard]] UdpStack& udp() { return udp_; }
  [[nodiscard]] IpOutput& ip() { return output_; }
  [[nodiscard]] TimerQueue& timers() { return context_.timers; }
  [[nodiscard]] EventBus& bus() { return context_.bus; }
  [[nodiscard]] BufPool& pool() { return context_.pool; }
  // Where sockets put what they copy; it must outlive TCP's send queues, so it is here.
  [[nodiscard]] HeapPool& stream_pool() { return context_.streams; }
  [[nodiscard]] const HostConfig& config() const { return context_.config; }
  [[nodiscard]] const HostCounters& counters() const { return context_.counters; }
  [[nodiscard]] const FlowLog& flow_log() const { return context_.flows; }
  // Every flow there was, as it stands now.
  [[nodiscard]] FlowTotals flows() const { return context_.flows.totals(tcp_.flows()); }
  // A stream of randomness named by its consumer, the same for the same seed.
  [[nodiscard]] Rng rng(std::string_view consumer) const {
    return Rng(context_.config.seed).fork(consumer);
  }

 private:
  // Who a packet came by, and whether its frame went to many.
  struct Arrival {
    InterfaceId interface = 0;
    bool by_group = false;
  };

  void expect(std::span<const BufPtr> frames) const;
  void on_frame(Instant now, PortId port, BufPtr frame);
  [[nodiscard]] InterfaceId interface_of(PortId port, const EthernetView& ethernet) const;
  void on_arp(Instant now, InterfaceId interface, BufPtr frame);
  void on_ipv4(Instant now, const Arrival& arrival, BufPtr frame);
  void on_ipv4_fragment(Instant now, const Arrival& arrival, const Ipv4View& ip, BufPtr frame);
  void on_ipv6(Instant now, const Arrival& arrival, BufPtr frame);
  void on_ipv6_fragment(Instant now, const Arrival& arrival, const Ipv6View& ip, BufPtr frame);
  void on_ipv6_whole(Instant now, const Arrival& arrival, BufPtr frame);
  void on_ipv6_payload(Instant now, const Arrival& arrival, const Ipv6View& ip, BufPtr frame);
  [[nodiscard]] bool headers_are_good(Instant now, const Arrival& arrival,
                                      std::span<const std::byte> packet);
  template <typename IpView>
  void to_tcp(Instant now, const Arrival& arrival, const IpView& ip, BufPtr frame);
  template <typename IpView>
  void to_udp(Instant now, const Arrival& arrival, const IpView& ip, BufPtr frame);
  void say_no_port(Instant now, const Arrival& arrival, const Ipv4View& ip);
  void say_no_port(Instant now, const Arrival& arrival, const Ipv6View& ip);
  void drop(Instant now, InterfaceId interface, DropReason reason, const PacketBuf& frame);
  [[nodiscard]] DropReason refusal(InterfaceId interface, const Ipv4View& ip) const;
  [[nodiscard]] DropReason refusal(InterfaceId interface, const IpAddress& source,
                                   const IpAddress& target) const;
  [[nodiscard]] bool is_for_many(const Arrival& arrival, const Ipv4View& ip) const {
    return arrival.by_group || (arrival.interface != kLoopbackInterface &&
                                !output_.routes().is_local(IpAddress(ip.dst())));
  }
  [[nodiscard]] bool is_for_many(const Arrival& arrival, const Ipv6View& ip) const {
    return arrival.by_group || ip.dst().is_multicast();
  }

  void on_tcp_ready(TcpId id, std::uint32_t readiness) override {
    if (user_ != nullptr) user_->on_tcp_ready(id, readiness);
  }
  void on_tcp_accept(TcpListenerId id) override {
    if (user_ != nullptr) user_->on_tcp_accept(id);
  }
  void on_udp_ready(UdpId id) override {
    if (user_ != nullptr) user_->on_udp_ready(id);
  }
  std::uint32_t mtu_bytes(Instant now, const IpAddress& remote) override {
    return output_.mtu_bytes(now, remote);
  }
  void on_undeliverable(Instant now, std::span<const std::byte> packet) override;
  void on_loopback(Instant now, BufPtr frame) override;
  void on_neighbour_changed() override {}
  void on_reassembly_timeout(Instant now, InterfaceId interface,
                             std::span<const std::byte> first) override;

  HostContext context_;
  TransportUser* user_ = nullptr;
  Instant turn_asked_ = kNever;
  IpOutput output_;
  Icmp icmp_;
  Icmpv6 icmpv6_;
  Reassembler reassembler_;
  TcpStack tcp_;
  UdpStack udp_;
};

}  // namespace twinpath
