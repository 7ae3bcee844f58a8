// Proves the bytes of ICMPv6 and Neighbour Discovery, and what single addresses mean.
#include "models/wire/icmpv6.h"

#include <gtest/gtest.h>

#include <vector>

#include "models/wire/ip_scope.h"
#include "models/wire/ipv6.h"
#include "models/wire/neighbour_discovery.h"
#include "models/wire/prefix.h"

namespace twinpath {
namespace {

using Bytes = std::vector<std::byte>;

const IpAddress kFrom = *IpAddress::parse("2001:db8::1");
const IpAddress kTo = *IpAddress::parse("2001:db8::2");
const MacAddress kMac = MacAddress::from_u64(0x0200000000aa);

Bytes emitted(const NdMessage& message) {
  Bytes bytes(message.len());
  message.emit(bytes, kFrom, kTo);
  return bytes;
}

InetSum pseudo(const Bytes& message) {
  return pseudo_sum(kFrom, kTo, {IpProtocol::kIcmpv6, static_cast<std::uint32_t>(message.size())});
}

TEST(NdMessageTest, RoundTripsWithEveryFlag) {
  for (unsigned bits = 0; bits < 16; ++bits) {
    NdMessage message;
    message.target = kTo;
    if ((bits & 1) != 0) message.link_address = kMac;
    if ((bits & 2) != 0) {
      message.kind = NdMessage::Kind::kAdvertisement;
      message.solicited = (bits & 4) != 0;
      message.overrides = (bits & 8) != 0;
    }
    const Bytes bytes = emitted(message);
    EXPECT_TRUE(Icmpv6View::parse(bytes, pseudo(bytes)).has_value());
    const auto parsed = NdMessage::parse(bytes);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(*parsed, message);
  }
}

TEST(NdMessageTest, RefusesWhatRfc4861Section7Does) {
  NdMessage message;
  message.target = kTo;
  message.link_address = kMac;
  Bytes bytes = emitted(message);
  EXPECT_EQ(NdMessage::parse(std::span(bytes).first(23)).reason(), DropReason::kTruncated);
  EXPECT_EQ(NdMessage::parse(std::span(bytes).first(31)).reason(), DropReason::kTruncated);
  EXPECT_TRUE(NdMessage::parse(std::span(bytes).first(24)).has_value()) << "options are optional";
  bytes[25] = std::byte{0};
  EXPECT_EQ(NdMessage::parse(bytes).reason(), DropReason::kBadOption) << "an option without length";
  bytes[25] = std::byte{1};
  bytes[1] = std::byte{1};
  EXPECT_EQ(NdMessage::parse(bytes).reason(), DropReason::kUnknownType);
  message.target = kAllNodes;
  EXPECT_EQ(NdMessage::parse(emitted(message)).reason(), DropReason::kBadAddress);
}

TEST(Icmpv6Test, ErrorsQuoteWhatFitsInto1280BytesAndFindTheTransport) {
  Bytes offending(kIpv6HeaderLen + 8 + 2000);
  const std::array<std::byte, 6> padding{std::byte{1}, std::byte{4}};
  const Ipv6Extension options{IpProtocol::kDestinationOptions, padding};
  const Ipv6Repr ip{.src = kTo.v6(),
                    .dst = kFrom.v6(),
                    .protocol = IpProtocol::kUdp,
                    .payload_len = 2000,
                    .extensions = {&options, 1}};
  ip.emit(offending);
  store_be16(&offending[48], 4000);
  store_be16(&offending[50], 53);
  auto error = Icmpv6Repr::error(Icmpv6Type::kPacketTooBig, 0, offending);
  error.word = 1280;
  Bytes message(error.len());
  error.emit(message, kFrom, kTo);
  EXPECT_EQ(kIpv6HeaderLen + message.size(), 1280U);
  const auto view = Icmpv6View::parse(message, pseudo(message));
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->mtu_bytes(), 1280U);
  EXPECT_EQ(view->quoted().src, kTo);
  EXPECT_EQ(view->quoted().protocol, IpProtocol::kUdp);
  EXPECT_EQ(view->quoted().src_port(), 4000);
  EXPECT_EQ(view->quoted().dst_port(), 53);
  message[50] ^= std::byte{1};
  EXPECT_EQ(Icmpv6View::parse(message, pseudo(message)).reason(), DropReason::kBadChecksum);
}

TEST(IpScopeTest, AddressesMadeOfOthers) {
  const auto text = [](const IpAddress& address) { return address.to_string(); };
  EXPECT_EQ(text(link_local_of(MacAddress::from_u64(0x00163e123456))), "fe80::216:3eff:fe12:3456");
  EXPECT_EQ(text(solicited_node(*IpAddress::parse("2001:db8::12:3456"))), "ff02::1:ff12:3456");
  EXPECT_EQ(multicast_mac(kAllNodes).to_string(), "33:33:00:00:00:01");
  EXPECT_EQ(multicast_mac(Ipv4Address(0xe08102fb)).to_string(), "01:00:5e:01:02:fb");
}

TEST(IpScopeTest, WhatASocketsAddressCovers) {
  const IpAddress v4 = Ipv4Address(0xc6120001);
  const BoundAddress both{IpAddress()};
  const BoundAddress only6{IpAddress(), true};
  const BoundAddress any4{Ipv4Address()};
  EXPECT_TRUE(both.covers(v4) && both.covers(kFrom));
  EXPECT_TRUE(!only6.covers(v4) && only6.covers(kFrom));
  EXPECT_TRUE(any4.covers(v4) && !any4.covers(kFrom));
  EXPECT_FALSE(only6.overlaps(any4) || any4.overlaps(only6));
  EXPECT_TRUE(both.overlaps(any4) && any4.overlaps(both) && both.overlaps(only6));
  EXPECT_TRUE(any4.overlaps({v4}) && BoundAddress{v4}.overlaps(any4));
  EXPECT_FALSE(only6.overlaps({v4}) || BoundAddress{v4}.overlaps({kFrom}));
}

TEST(IpPrefixTest, OneComparisonForBothVersions) {
  const IpPrefix net4 = *IpPrefix::parse("198.18.3.7/20");
  EXPECT_EQ(net4.len(), 20U);
  EXPECT_EQ(net4.net().to_string(), "198.18.0.0/20");
  EXPECT_TRUE(net4.contains(*IpAddress::parse("198.18.15.255")));
  EXPECT_FALSE(net4.contains(*IpAddress::parse("198.18.16.0")));
  const IpPrefix net6 = *IpPrefix::parse("2001:db8:0:80::1/57");
  EXPECT_EQ(net6.net().to_string(), "2001:db8:0:80::/57");
  EXPECT_TRUE(net6.contains(*IpAddress::parse("2001:db8:0:ff::")));
  EXPECT_FALSE(net6.contains(*IpAddress::parse("2001:db8:0:7f::")));
  const IpPrefix all4 = *IpPrefix::parse("0.0.0.0/0");
  const IpPrefix all6 = *IpPrefix::parse("::/0");
  EXPECT_TRUE(all4.contains(Ipv4Address(1)) && !all4.contains(kFrom));
  EXPECT_TRUE(all6.contains(kFrom) && !all6.contains(Ipv4Address(1)));
  EXPECT_FALSE(IpPrefix::parse("2001:db8::/129") || IpPrefix::parse("198.18.0.0/33"));
}

}  // namespace
}  // namespace twinpath
