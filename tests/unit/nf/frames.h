// Frames for the tests of network functions: built from a few words, checked whole afterwards.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "models/base/heap_pool.h"
#include "models/base/rng.h"
#include "models/nf/network_function.h"
#include "models/wire/ethernet.h"
#include "models/wire/icmpv4.h"
#include "models/wire/ipv4.h"
#include "models/wire/tcp.h"
#include "models/wire/udp.h"

namespace twinpath {

struct FrameEnds {
  std::uint32_t src = 0x0a000001;
  std::uint16_t src_port = 1000;
  std::uint32_t dst = 0xcb007101;
  std::uint16_t dst_port = 80;

  [[nodiscard]] FrameEnds turned() const { return {dst, dst_port, src, src_port}; }
};

struct FrameExtras {
  std::size_t payload_len = 20;
  std::uint8_t ttl = 64;
  std::vector<std::byte> options{};
  MacAddress src_mac = MacAddress::from_u64(0x02000000aa01);
  MacAddress dst_mac = MacAddress::from_u64(0x02000000aa02);
  bool more_fragments = false;
};

// Makes frames, and runs a function on them.
class FrameMaker {
 public:
  BufPtr ipv4(const FrameEnds& ends, IpProtocol protocol, const std::vector<std::byte>& payload,
              const FrameExtras& extras = {}) {
    BufPtr frame(pool_.take());
    Ipv4Repr ip{.src = Ipv4Address(ends.src),
                .dst = Ipv4Address(ends.dst),
                .protocol = protocol,
                .payload_len = payload.size(),
                .ttl = extras.ttl};
    ip.options = extras.options;
    ip.more_fragments = extras.more_fragments;
    const EthernetRepr ethernet{.dst = extras.dst_mac, .src = extras.src_mac};
    const auto room =
        frame->push_back(static_cast<std::uint32_t>(kEthernetHeaderLen + ip.total_len()));
    ethernet.emit(room);
    ip.emit(room.subspan(kEthernetHeaderLen));
    std::copy(payload.begin(), payload.end(),
              room.begin() + static_cast<std::ptrdiff_t>(kEthernetHeaderLen + ip.header_len()));
    return frame;
  }

  BufPtr udp(const FrameEnds& ends, const FrameExtras& extras = {}) {
    std::vector<std::byte> datagram(kUdpHeaderLen + extras.payload_len, std::byte{0x5a});
    const UdpRepr udp{ends.src_port, ends.dst_port, extras.payload_len};
    udp.emit(datagram, rest(ends, IpProtocol::kUdp, datagram, kUdpHeaderLen));
    return ipv4(ends, IpProtocol::kUdp, datagram, extras);
  }

  BufPtr tcp(const FrameEnds& ends, TcpFlags flags = kAck, const FrameExtras& extras = {}) {
    std::vector<std::byte> segment(kTcpHeaderLen + extras.payload_len, std::byte{0x5a});
    TcpRepr tcp;
    tcp.src_port = ends.src_port;
    tcp.dst_port = ends.dst_port;
    tcp.flags = flags;
    tcp.emit(segment, rest(ends, IpProtocol::kTcp, segment, kTcpHeaderLen));
    return ipv4(ends, IpProtocol::kTcp, segment, extras);
  }

  // The ports are the identifier of a query: source in a request, destination in a reply.
  BufPtr echo(const FrameEnds& ends, Icmpv4Type type) {
    const bool is_request = type == Icmpv4Type::kEchoRequest;
    const std::vector<std::byte> data(24, std::byte{0x11});
    const EchoIds ids{is_request ? ends.src_port : ends.dst_port, 1};
    return icmp(ends, {.type = type, .echo = ids, .data = data});
  }
  BufPtr icmp(const FrameEnds& ends, const Icmpv4Repr& repr) {
    std::vector<std::byte> message(repr.len());
    repr.emit(message);
    return ipv4(ends, IpProtocol::kIcmp, message);
  }
  // Destination unreachable about `quoted`, of which `quoted_len` bytes of the IP packet are left.
  BufPtr unreachable(const FrameEnds& ends, const PacketBuf& quoted, std::size_t quoted_len) {
    const auto packet = quoted.bytes().subspan(kEthernetHeaderLen);
    return icmp(ends, Icmpv4Repr::unreachable(UnreachableCode::kPort,
                                              packet.first(std::min(quoted_len, packet.size()))));
  }

  BufPtr bytes(std::span<const std::byte> content) {
    BufPtr frame(pool_.take());
    const auto room = frame->push_back(static_cast<std::uint32_t>(content.size()));
    std::copy(content.begin(), content.end(), room.begin());
    return frame;
  }

 private:
  static InetSum rest(const FrameEnds& ends, IpProtocol protocol,
                      std::span<const std::byte> segment, std::size_t header_len) {
    return pseudo_sum(Ipv4Address(ends.src), Ipv4Address(ends.dst),
                      {protocol, static_cast<std::uint32_t>(segment.size())})
        .add_bytes(segment.subspan(header_len));
  }

  HeapPool pool_;
};

// The ends of a frame whose every checksum is right.
inline FrameEnds checked_ends(const PacketBuf& frame) {
  const auto ip = Ipv4View::parse(frame.bytes().subspan(kEthernetHeaderLen));
  if (!ip) {
    ADD_FAILURE() << "IPv4: " << name(ip.reason());
    return {};
  }
  FrameEnds ends{ip->src().value(), 0, ip->dst().value(), 0};
  const auto payload = ip->payload();
  if (ip->protocol() == IpProtocol::kIcmp) {
    EXPECT_TRUE(sum_bytes(payload).is_valid()) << "ICMP checksum";
    ends.src_port = ends.dst_port = load_be16(payload.data() + 4);
    return ends;
  }
  if (ip->protocol() == IpProtocol::kUdp) {
    const auto udp = UdpView::parse(payload, ip->pseudo_sum());
    EXPECT_TRUE(udp.has_value()) << "UDP: " << name(udp.reason());
  } else {
    const auto tcp = TcpView::parse(payload, ip->pseudo_sum());
    EXPECT_TRUE(tcp.has_value()) << "TCP: " << name(tcp.reason());
  }
  ends.src_port = load_be16(payload.data());
  ends.dst_port = load_be16(payload.data() + 2);
  return ends;
}

struct Processed {
  Verdict verdict;
  Probe probe;
};

inline Processed process(NetworkFunction& function, PacketBuf& frame, PortId in, Instant now) {
  Processed done;
  function.prefetch(frame);
  done.verdict = function.process(now, in, frame, done.probe);
  return done;
}

// Frames cut at every length and with random bytes changed: whatever comes of it, nothing breaks.
// Calls `each` with the result of every one.
template <typename Each>
void torture(NetworkFunction& function, FrameMaker& make, const PacketBuf& good, Each each) {
  const std::vector<std::byte> whole(good.bytes().begin(), good.bytes().end());
  Rng rng(7);
  for (std::size_t len = 0; len <= whole.size(); ++len) {
    for (PortId in = 0; in < 2; ++in) {
      auto frame = make.bytes(std::span(whole).first(len));
      each(process(function, *frame, in, kStart), *frame);
    }
  }
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::byte> changed = whole;
    for (std::uint64_t flips = 1 + rng.below(4); flips > 0; --flips) {
      const std::uint64_t at = 12 + rng.below(whole.size() - 12);
      changed[at] = static_cast<std::byte>(rng.next());
    }
    const bool is_cut = rng.below(4) == 0;
    const std::size_t len = is_cut ? rng.below(whole.size()) + 1 : whole.size();
    auto frame = make.bytes(std::span(changed).first(len));
    const auto in = static_cast<PortId>(rng.below(2));
    each(process(function, *frame, in, kStart), *frame);
  }
}

}  // namespace twinpath
