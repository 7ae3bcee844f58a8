// Proves: no bytes whatsoever make a parser read outside its input (run under the address
// sanitizer) or a view break the promises of its accessors.
#include <gtest/gtest.h>

#include "models/wire/arp.h"
#include "models/wire/ethernet.h"
#include "models/wire/icmpv4.h"
#include "models/wire/ipv4.h"
#include "models/wire/ipv6.h"
#include "models/wire/tcp.h"
#include "models/wire/udp.h"
#include "tests/unit/wire/random_bytes.h"

namespace twinpath {
namespace {

constexpr int kRounds = 200000;

// Sets the bytes a first look decides on, so that the interesting branches are reached.
void nudge(Rng& rng, std::vector<std::byte>& bytes, std::initializer_list<unsigned> first_bytes) {
  if (bytes.empty() || rng.below(4) == 0) return;
  const std::size_t pick = rng.below(first_bytes.size());
  bytes[0] = static_cast<std::byte>(*(first_bytes.begin() + pick));
  if (bytes.size() > 3 && rng.below(2) == 0)
    store_be16(&bytes[2], static_cast<std::uint16_t>(rng.below(80)));
}

TEST(Robustness, Ethernet) {
  Rng rng(1);
  for (int i = 0; i < kRounds; ++i) {
    auto bytes = random_bytes(rng, rng.below(40));
    for (const std::size_t at : {12u, 16u, 20u}) {
      if (bytes.size() > at + 1 && rng.below(2) == 0) store_be16(&bytes[at], 0x8100);
    }
    if (const auto view = EthernetView::parse(bytes)) {
      ASSERT_EQ(view->header_len() + view->payload().size(), bytes.size());
      ASSERT_FALSE(is_vlan_tpid(static_cast<std::uint16_t>(view->ethertype())));
    }
  }
}

TEST(Robustness, Ipv4) {
  Rng rng(2);
  for (int i = 0; i < kRounds; ++i) {
    auto bytes = random_bytes(rng, rng.below(80));
    nudge(rng, bytes, {0x45, 0x46, 0x4f, 0x44});
    if (const auto view = Ipv4View::parse(bytes, HeaderChecksum::kDeviceVerified)) {
      ASSERT_LE(view->total_len(), bytes.size());
      ASSERT_EQ(view->header_len() + view->payload().size(), view->total_len());
      ASSERT_EQ(view->header().size(), view->options().size() + kIpv4HeaderLen);
    }
  }
}

TEST(Robustness, Ipv6) {
  Rng rng(3);
  for (int i = 0; i < kRounds; ++i) {
    auto bytes = random_bytes(rng, rng.below(140));
    nudge(rng, bytes, {0x60});
    constexpr unsigned kNext[] = {0, 43, 44, 51, 60, 6};
    for (std::size_t at = 6; at < bytes.size(); at = at < 40 ? 40 : at + 8) {
      if (rng.below(4) != 0) bytes[at] = static_cast<std::byte>(kNext[rng.below(6)]);
      if (at >= 40 && at + 1 < bytes.size()) bytes[at + 1] = static_cast<std::byte>(rng.below(3));
    }
    if (bytes.size() > 5) store_be16(&bytes[4], static_cast<std::uint16_t>(rng.below(100)));
    if (const auto view = Ipv6View::parse(bytes)) {
      ASSERT_EQ(view->header_len() + view->payload().size(), view->bytes().size());
      ASSERT_LE(view->extension_count(), kIpv6ExtensionsMax);
    }
  }
}

TEST(Robustness, Transport) {
  Rng rng(4);
  for (int i = 0; i < kRounds; ++i) {
    auto bytes = random_bytes(rng, rng.below(90));
    if (bytes.size() > 12) bytes[12] = static_cast<std::byte>(rng.below(16) << 4);
    if (const auto view = TcpView::parse(bytes, {})) {
      ASSERT_EQ(view->header_len() + view->payload().size(), bytes.size());
      ASSERT_LE(view->options().wire_len(), kTcpOptionsLenMax);
    }
    if (const auto view = UdpView::parse(bytes, {})) {
      ASSERT_LE(view->payload().size() + kUdpHeaderLen, bytes.size());
    }
  }
}

TEST(Robustness, IcmpAndArp) {
  Rng rng(5);
  for (int i = 0; i < kRounds; ++i) {
    auto bytes = random_bytes(rng, rng.below(60));
    if (bytes.size() >= 8) {
      constexpr unsigned kTypes[] = {0, 3, 8, 11, 12};
      bytes[0] = static_cast<std::byte>(kTypes[rng.below(5)]);
      if (bytes.size() > 8) bytes[8] = static_cast<std::byte>(0x40 | rng.below(16));
      store_be16(&bytes[2], 0);
      store_be16(&bytes[2], sum_bytes(bytes).checksum());
    }
    const auto view = Icmpv4View::parse(bytes);
    if (view && view->is_error()) {
      ASSERT_GE(view->quoted().transport.size(), kIcmpQuotedPayloadLen);
    }
    if (bytes.size() >= 8) store_be64(bytes.data(), 0x0001'0800'0604'0001);
    const auto packet = ArpPacket::parse(bytes);
    if (packet) {
      ASSERT_FALSE(packet->sender_mac.is_multicast());
    }
  }
}

}  // namespace
}  // namespace twinpath
