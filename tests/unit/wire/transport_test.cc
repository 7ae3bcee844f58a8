// Proves: UDP, TCP and ICMP round-trip with random fields and every set of options; a single
// flipped bit is always seen; options of illegal length end the list without losing the segment.
#include <gtest/gtest.h>

#include <algorithm>

#include "models/wire/icmpv4.h"
#include "models/wire/ipv4.h"
#include "models/wire/tcp.h"
#include "models/wire/udp.h"
#include "tests/unit/wire/random_bytes.h"

namespace twinpath {
namespace {

InetSum random_pseudo(Rng& rng, IpProtocol protocol, std::size_t upper_len) {
  const Ipv4Address src(random_value<std::uint32_t>(rng));
  const Ipv4Address dst(random_value<std::uint32_t>(rng));
  return pseudo_sum(src, dst, {protocol, static_cast<std::uint32_t>(upper_len)});
}

TcpOptions random_options(Rng& rng) {
  TcpOptions options;
  if (rng.below(2) == 0) options.mss = random_value<std::uint16_t>(rng);
  if (rng.below(2) == 0) options.window_scale = random_value<std::uint8_t>(rng);
  options.sack_permitted = rng.below(2) == 0;
  if (rng.below(2) == 0) {
    const TsVal value(random_value<std::uint32_t>(rng));
    options.timestamps = {value, TsVal(random_value<std::uint32_t>(rng))};
  }
  if (rng.below(4) == 0) {
    FastOpenCookie cookie;
    cookie.len = static_cast<std::uint8_t>(rng.below(17));
    for (std::size_t i = 0; i < cookie.len; ++i)
      cookie.bytes[i] = std::byte{static_cast<std::uint8_t>(i)};
    options.fast_open = cookie;
  }
  const std::size_t blocks = std::min<std::size_t>(rng.below(5), options.sack_blocks_that_fit());
  for (std::size_t i = 0; i < blocks; ++i) {
    const SeqNum first(random_value<std::uint32_t>(rng));
    options.sack.push_back({first, first + random_value<std::uint16_t>(rng)});
  }
  return options;
}

TEST(Tcp, RoundTrip) {
  Rng rng(1);
  for (int i = 0; i < 20000; ++i) {
    TcpRepr repr;
    repr.src_port = random_value<std::uint16_t>(rng);
    repr.dst_port = random_value<std::uint16_t>(rng);
    repr.seq = SeqNum(random_value<std::uint32_t>(rng));
    repr.flags = TcpFlags(random_value<std::uint16_t>(rng)) | kAck;
    repr.ack = SeqNum(random_value<std::uint32_t>(rng));
    repr.window = random_value<std::uint16_t>(rng);
    repr.urgent_pointer = random_value<std::uint16_t>(rng);
    repr.options = random_options(rng);
    const auto payload = random_bytes(rng, rng.below(100));
    ASSERT_LE(repr.header_len(), kTcpHeaderLenMax);
    ASSERT_EQ(repr.header_len() % 4, 0u);
    auto bytes = random_bytes(rng, repr.header_len() + payload.size());
    InetSum rest = random_pseudo(rng, IpProtocol::kTcp, bytes.size());
    const InetSum pseudo = rest;
    rest.add(copy_and_sum(std::span(bytes).subspan(repr.header_len()), payload));
    repr.emit(bytes, rest);
    const auto view = TcpView::parse(bytes, pseudo);
    ASSERT_TRUE(view) << name(view.reason());
    ASSERT_EQ(view->src_port(), repr.src_port);
    ASSERT_EQ(view->dst_port(), repr.dst_port);
    ASSERT_EQ(view->seq(), repr.seq);
    ASSERT_EQ(view->ack(), repr.ack);
    ASSERT_EQ(view->flags(), repr.flags);
    ASSERT_EQ(view->window(), repr.window);
    ASSERT_EQ(view->urgent_pointer(), repr.urgent_pointer);
    ASSERT_EQ(view->options(), repr.options);
    ASSERT_TRUE(std::ranges::equal(view->payload(), payload));
    bytes[rng.below(bytes.size())] ^= static_cast<std::byte>(1u << rng.below(8));
    const DropReason reason = TcpView::parse(bytes, pseudo).reason();
    ASSERT_NE(reason, DropReason::kNone);
  }
}

TcpOptions parse_list(std::initializer_list<unsigned> list) {
  std::vector<std::byte> bytes;
  for (const unsigned value : list) bytes.push_back(static_cast<std::byte>(value));
  return TcpOptions::parse(bytes);
}

TEST(TcpOptions, LinuxSyn) {
  const auto options = parse_list({2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7});
  EXPECT_EQ(options.mss, 1460);
  EXPECT_TRUE(options.sack_permitted);
  EXPECT_EQ(options.timestamps, (TcpTimestamps{TsVal(1), TsVal(0)}));
  EXPECT_EQ(options.window_scale, 7);
  EXPECT_FALSE(options.malformed);
  std::vector<std::byte> out(options.wire_len());
  options.emit(out);
  EXPECT_EQ(out.size(), 20u);
  EXPECT_EQ(TcpOptions::parse(out), options);
}

TEST(TcpOptions, IllegalLengthsEndTheList) {
  for (const auto& options :
       {parse_list({2, 4, 5, 0xb4, 8, 0, 0, 0}), parse_list({2, 4, 5, 0xb4, 8, 1, 0, 0}),
        parse_list({2, 4, 5, 0xb4, 8, 10, 0, 0}), parse_list({2, 4, 5, 0xb4, 1, 1, 1, 8})}) {
    EXPECT_TRUE(options.malformed);
    EXPECT_EQ(options.mss, 1460);
    EXPECT_FALSE(options.timestamps);
  }
  EXPECT_TRUE(parse_list({2, 3, 5, 0}).malformed);
  EXPECT_TRUE(parse_list({5, 2, 1, 1}).malformed);
  EXPECT_TRUE(parse_list({5, 6, 1, 1, 1, 1, 1, 1}).malformed);
}

TEST(TcpOptions, UnknownAreCountedAndSkipped) {
  const auto options = parse_list({200, 4, 1, 2, 2, 4, 5, 0xb4, 253, 2, 0, 9});
  EXPECT_EQ(options.unknown_count, 2);
  EXPECT_EQ(options.mss, 1460);
  EXPECT_FALSE(options.malformed);
}

TEST(TcpOptions, SackBlocksGiveWayToTheOthers) {
  TcpOptions options;
  for (std::uint32_t i = 0; i < 5; ++i)
    options.sack.push_back({SeqNum(10 * i), SeqNum(10 * i + 5)});
  EXPECT_EQ(options.sack.size(), 4u);
  EXPECT_EQ(options.wire_len(), 36u);
  options.timestamps = TcpTimestamps{TsVal(1), TsVal(2)};
  EXPECT_EQ(options.sack_blocks_that_fit(), 3u);
  EXPECT_EQ(options.wire_len(), 40u);
}

TEST(Tcp, RefusesByName) {
  std::vector<std::byte> bytes(20);
  EXPECT_EQ(TcpView::parse(std::span(bytes).first(19), {}).reason(), DropReason::kTruncated);
  bytes[12] = std::byte{0x40};
  EXPECT_EQ(TcpView::parse(bytes, {}).reason(), DropReason::kBadHeaderLength);
  bytes[12] = std::byte{0x60};
  EXPECT_EQ(TcpView::parse(bytes, {}).reason(), DropReason::kTruncated);
  bytes[12] = std::byte{0x50};
  EXPECT_TRUE(TcpView::parse(bytes, {}));
  EXPECT_EQ(TcpView::parse(bytes, InetSum()).reason(), DropReason::kBadChecksum);
}

TEST(Tcp, OffloadLeavesThePseudoSum) {
  const InetSum pseudo = pseudo_sum(Ipv4Address(1), Ipv4Address(2), {IpProtocol::kTcp, 20});
  std::vector<std::byte> bytes(20);
  TcpRepr().emit_for_offload(bytes, pseudo);
  EXPECT_EQ(load_be16(&bytes[kTcpChecksumOffset]), pseudo.folded());
  // The device sums the segment, field included, and stores the complement.
  store_be16(&bytes[kTcpChecksumOffset], sum_bytes(bytes).checksum());
  EXPECT_TRUE(TcpView::parse(bytes, pseudo));
}

TEST(Udp, RoundTrip) {
  Rng rng(2);
  for (int i = 0; i < 5000; ++i) {
    const auto payload = random_bytes(rng, rng.below(200));
    UdpRepr repr;
    repr.src_port = random_value<std::uint16_t>(rng);
    repr.dst_port = random_value<std::uint16_t>(rng);
    repr.payload_len = payload.size();
    std::vector<std::byte> bytes(kUdpHeaderLen + payload.size());
    InetSum rest = random_pseudo(rng, IpProtocol::kUdp, bytes.size());
    const InetSum pseudo = rest;
    rest.add(copy_and_sum(std::span(bytes).subspan(kUdpHeaderLen), payload));
    repr.emit(bytes, rest);
    const auto view = UdpView::parse(bytes, pseudo);
    ASSERT_TRUE(view) << name(view.reason());
    ASSERT_TRUE(view->has_checksum());
    ASSERT_EQ(view->src_port(), repr.src_port);
    ASSERT_EQ(view->dst_port(), repr.dst_port);
    ASSERT_TRUE(std::ranges::equal(view->payload(), payload));
  }
}

TEST(Udp, ComputedZeroGoesOutAsOnes) {
  // Ports and length add up to 0xffff, whose complement is zero.
  UdpRepr repr;
  repr.src_port = 0xffff - 8;
  std::vector<std::byte> bytes(8);
  repr.emit(bytes, InetSum());
  EXPECT_EQ(load_be16(&bytes[6]), 0xffff);
  EXPECT_TRUE(UdpView::parse(bytes, InetSum()));
}

TEST(Udp, LengthFieldRules) {
  std::vector<std::byte> bytes(12);
  store_be16(&bytes[4], 7);
  EXPECT_EQ(UdpView::parse(bytes, {}).reason(), DropReason::kBadLength);
  store_be16(&bytes[4], 13);
  EXPECT_EQ(UdpView::parse(bytes, {}).reason(), DropReason::kTruncated);
  // Shorter than the IP payload: the rest is neither data nor under the checksum.
  UdpRepr repr;
  repr.payload_len = 2;
  const Ipv4Address src(5);
  repr.emit(bytes, pseudo_sum(src, src, {IpProtocol::kUdp, 10}));
  bytes[11] = std::byte{0x77};
  const auto view = UdpView::parse(bytes, pseudo_sum(src, src, {IpProtocol::kUdp, 12}));
  ASSERT_TRUE(view) << name(view.reason());
  EXPECT_EQ(view->payload().size(), 2u);
  bytes[9] = std::byte{1};
  EXPECT_EQ(UdpView::parse(bytes, pseudo_sum(src, src, {IpProtocol::kUdp, 12})).reason(),
            DropReason::kBadChecksum);
}

TEST(Icmpv4, EchoRoundTrip) {
  Rng rng(3);
  for (int i = 0; i < 2000; ++i) {
    const auto data = random_bytes(rng, rng.below(200));
    Icmpv4Repr request{.type = Icmpv4Type::kEchoRequest, .data = data};
    request.echo.identifier = random_value<std::uint16_t>(rng);
    request.echo.sequence = random_value<std::uint16_t>(rng);
    std::vector<std::byte> bytes(request.len());
    request.emit(bytes);
    const auto view = Icmpv4View::parse(bytes);
    ASSERT_TRUE(view);
    const Icmpv4Repr reply = Icmpv4Repr::echo_reply(*view);
    ASSERT_EQ(reply.echo, request.echo);
    ASSERT_TRUE(std::ranges::equal(reply.data, data));
    bytes[rng.below(bytes.size())] ^= std::byte{0x10};
    ASSERT_EQ(Icmpv4View::parse(bytes).reason(), DropReason::kBadChecksum);
  }
}

std::vector<std::byte> offending_packet() {
  Ipv4Repr ip;
  ip.src = Ipv4Address(0x0a000001);
  ip.dst = Ipv4Address(0x0a000002);
  ip.payload_len = 1000;
  std::vector<std::byte> packet(ip.total_len());
  ip.emit(packet);
  store_be16(&packet[20], 1234);
  store_be16(&packet[22], 80);
  store_be32(&packet[24], 0xcafef00d);
  return packet;
}

TEST(Icmpv4, FragmentationNeededQuotesThePacket) {
  const auto packet = offending_packet();
  const Icmpv4Repr repr = Icmpv4Repr::fragmentation_needed(1280, packet);
  std::vector<std::byte> bytes(repr.len());
  repr.emit(bytes);
  EXPECT_EQ(bytes.size() + kIpv4HeaderLen, kIcmpErrorPacketLenMax);
  const auto view = Icmpv4View::parse(bytes);
  ASSERT_TRUE(view) << name(view.reason());
  EXPECT_EQ(view->code(), static_cast<std::uint8_t>(UnreachableCode::kFragmentationNeeded));
  EXPECT_EQ(view->next_hop_mtu_bytes(), 1280);
  EXPECT_EQ(view->quoted().src, Ipv4Address(0x0a000001));
  EXPECT_EQ(view->quoted().protocol, IpProtocol::kTcp);
  EXPECT_EQ(view->quoted().src_port(), 1234);
  EXPECT_EQ(view->quoted().dst_port(), 80);
  EXPECT_EQ(view->quoted().tcp_seq(), 0xcafef00d);
}

TEST(Icmpv4, RefusesByName) {
  const auto packet = offending_packet();
  const auto reason_of = [](const Icmpv4Repr& repr) {
    std::vector<std::byte> bytes(repr.len());
    repr.emit(bytes);
    return Icmpv4View::parse(bytes).reason();
  };
  const auto quote = std::span<const std::byte>(packet);
  EXPECT_EQ(reason_of(Icmpv4Repr::time_exceeded(TimeExceededCode::kTtl, quote.first(28))),
            DropReason::kNone);
  EXPECT_EQ(reason_of(Icmpv4Repr::time_exceeded(TimeExceededCode::kTtl, quote.first(27))),
            DropReason::kTruncated);
  EXPECT_EQ(reason_of(Icmpv4Repr::unreachable(UnreachableCode::kPort, quote.subspan(1))),
            DropReason::kBadVersion);
  EXPECT_EQ(reason_of({.type = static_cast<Icmpv4Type>(13)}), DropReason::kUnknownType);
}

}  // namespace
}  // namespace twinpath
