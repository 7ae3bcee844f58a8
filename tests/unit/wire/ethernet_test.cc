// Proves: frames round-trip with 0 to 2 tags, and short or over-tagged frames are refused by name.
#include "models/wire/ethernet.h"

#include <gtest/gtest.h>

#include "models/wire/arp.h"
#include "tests/unit/wire/random_bytes.h"

namespace twinpath {
namespace {

TEST(Ethernet, RoundTripWithTags) {
  Rng rng(1);
  for (int i = 0; i < 3000; ++i) {
    EthernetRepr repr;
    repr.dst = MacAddress::from_u64(rng.next() >> 16);
    repr.src = MacAddress::from_u64(rng.next() >> 16);
    repr.ethertype = rng.below(2) == 0 ? EtherType::kIpv4 : EtherType::kArp;
    repr.vlan_count = rng.below(3);
    for (VlanTag& tag : repr.vlans) {
      tag = {rng.below(2) == 0 ? EtherType::kVlan : EtherType::kServiceVlan,
             static_cast<std::uint16_t>(rng.next())};
    }
    auto frame = random_bytes(rng, repr.header_len() + rng.below(50));
    repr.emit(frame);
    const auto view = EthernetView::parse(frame);
    ASSERT_TRUE(view);
    ASSERT_EQ(view->dst(), repr.dst);
    ASSERT_EQ(view->src(), repr.src);
    ASSERT_EQ(view->ethertype(), repr.ethertype);
    ASSERT_EQ(view->vlan_count(), repr.vlan_count);
    for (std::size_t t = 0; t < repr.vlan_count; ++t) ASSERT_EQ(view->vlan(t), repr.vlans[t]);
    ASSERT_EQ(view->payload().size(), frame.size() - repr.header_len());
  }
}

TEST(Ethernet, RefusesByName) {
  const std::vector<std::byte> runt(13);
  EXPECT_EQ(EthernetView::parse(runt).reason(), DropReason::kTruncated);
  std::vector<std::byte> tagged(17);
  store_be16(&tagged[12], 0x8100);
  EXPECT_EQ(EthernetView::parse(tagged).reason(), DropReason::kTruncated);
  std::vector<std::byte> three(30);
  for (std::size_t i = 0; i < 3; ++i) store_be16(&three[12 + 4 * i], 0x8100);
  EXPECT_EQ(EthernetView::parse(three).reason(), DropReason::kTooManyTags);
}

TEST(Ethernet, TagFields) {
  const VlanTag tag{EtherType::kVlan, 0xb123};
  EXPECT_EQ(tag.id(), 0x123);
  EXPECT_EQ(tag.priority(), 5u);
  EXPECT_TRUE(tag.drop_eligible());
}

TEST(Arp, RoundTrip) {
  ArpPacket packet;
  packet.operation = ArpOperation::kReply;
  packet.sender_mac = MacAddress::from_u64(0x020000000001);
  packet.sender_ip = Ipv4Address(0x0a000001);
  packet.target_mac = MacAddress::from_u64(0x020000000002);
  packet.target_ip = Ipv4Address(0x0a000002);
  std::vector<std::byte> bytes(kArpLen + 18);  // padded, as on a wire
  packet.emit(bytes);
  const auto parsed = ArpPacket::parse(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, packet);
  EXPECT_FALSE(parsed->is_probe());
}

TEST(Arp, RefusesByName) {
  ArpPacket packet;
  packet.sender_mac = MacAddress::from_u64(0x020000000001);
  std::vector<std::byte> good(kArpLen);
  packet.emit(good);
  ASSERT_TRUE(ArpPacket::parse(good));
  EXPECT_TRUE(ArpPacket::parse(good)->is_probe());
  EXPECT_EQ(ArpPacket::parse(std::span(good).first(27)).reason(), DropReason::kTruncated);
  for (const std::size_t at : {0u, 2u, 4u, 5u, 6u}) {
    auto bad = good;
    bad[at] ^= std::byte{0x40};
    EXPECT_EQ(ArpPacket::parse(bad).reason(), DropReason::kUnknownType) << at;
  }
  auto group = good;
  group[8] |= std::byte{1};
  EXPECT_EQ(ArpPacket::parse(group).reason(), DropReason::kBadAddress);
}

}  // namespace
}  // namespace twinpath
