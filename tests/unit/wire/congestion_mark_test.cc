// Proves: "congestion experienced" is written where RFC 3168 §5 has it, the header's checksum stays
// right, and packets that cannot carry it are left alone.
#include "models/wire/congestion_mark.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "models/wire/byte_order.h"
#include "models/wire/checksum.h"
#include "models/wire/ethernet.h"
#include "models/wire/ip.h"

namespace twinpath {
namespace {

// `tags` VLAN tags, then `packet`.
std::vector<std::byte> frame_of(EtherType type, std::span<const std::byte> packet, int tags = 0) {
  std::vector<std::byte> frame(12);
  const auto put = [&frame](std::uint16_t value) {
    frame.resize(frame.size() + 2);
    store_be16(frame.data() + frame.size() - 2, value);
  };
  for (int tag = 0; tag < tags; ++tag) put(0x8100), put(7);
  put(static_cast<std::uint16_t>(type));
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

std::array<std::byte, 20> ipv4(std::uint8_t tos) {
  std::array<std::byte, 20> header{};
  header[0] = std::byte{0x45};
  header[1] = std::byte{tos};
  store_be32(&header[12], 0xc6120001);
  store_be32(&header[16], 0xc6120002);
  InetSum sum;
  store_be16(&header[10], sum.add_bytes(header).checksum());
  return header;
}

bool is_sound(std::span<const std::byte> header) {
  InetSum sum;
  return sum.add_bytes(header).checksum() == 0;
}

TEST(CongestionMark, Ipv4KeepsItsServiceClassAndChecksum) {
  for (unsigned tos = 0; tos < 256; ++tos) {
    auto frame = frame_of(EtherType::kIpv4, ipv4(static_cast<std::uint8_t>(tos)), tos % 3);
    const auto header = std::span(frame).last(20);
    const bool capable = (tos & 3) != 0;
    EXPECT_EQ(mark_congestion(frame), capable ? CongestionMark::kMarked : CongestionMark::kRefused);
    EXPECT_EQ(static_cast<unsigned>(header[1]), capable ? tos | 3U : tos);
    EXPECT_TRUE(is_sound(header)) << tos;
  }
}

TEST(CongestionMark, Ipv6KeepsItsClassAndFlowLabel) {
  for (unsigned traffic_class = 0; traffic_class < 256; ++traffic_class) {
    std::array<std::byte, 40> packet{};
    const std::uint32_t word = 6U << 28 | traffic_class << 20 | 0xabcde;
    store_be32(packet.data(), word);
    auto frame = frame_of(EtherType::kIpv6, packet);
    const bool capable = (traffic_class & 3) != 0;
    EXPECT_EQ(mark_congestion(frame), capable ? CongestionMark::kMarked : CongestionMark::kRefused);
    EXPECT_EQ(load_be32(frame.data() + 14), capable ? word | 3U << 20 : word);
  }
}

TEST(CongestionMark, WhatIsNoWholePacketIsLeftAlone) {
  const auto whole = frame_of(EtherType::kIpv4, ipv4(2));
  for (std::size_t len = 0; len < whole.size(); ++len) {
    std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(len));
    const std::vector<std::byte> before = cut;
    EXPECT_EQ(mark_congestion(cut), CongestionMark::kRefused) << len;
    EXPECT_EQ(cut, before);
  }
  auto arp = frame_of(EtherType::kArp, ipv4(2));
  EXPECT_EQ(mark_congestion(arp), CongestionMark::kRefused);
}

}  // namespace
}  // namespace twinpath
