// Proves: the hash equals the published vectors, frames of one flow stay on one queue, rings are
// bounded and counted, queues take turns.
#include "models/port/nic.h"

#include <gtest/gtest.h>

#include <set>

#include "models/base/heap_pool.h"
#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"
#include "models/wire/ipv6.h"

namespace twinpath {
namespace {

struct Vector {
  const char* dst;
  std::uint16_t dst_port;
  const char* src;
  std::uint16_t src_port;
  std::uint32_t with_ports;
  std::uint32_t addresses_only;
};

// "Verifying the RSS hash calculation", NDIS documentation.
constexpr Vector kIpv4Vectors[] = {
    {"161.142.100.80", 1766, "66.9.149.187", 2794, 0x51ccc178, 0x323e8fc2},
    {"65.69.140.83", 4739, "199.92.111.2", 14230, 0xc626b0ea, 0xd718262a},
    {"12.22.207.184", 38024, "24.19.198.95", 12898, 0x5c2b394a, 0xd2d0a5de},
    {"209.142.163.6", 2217, "38.27.205.30", 48228, 0xafc7327f, 0x82989176},
    {"202.188.127.2", 1303, "153.39.163.191", 44251, 0x10e828a2, 0x5d1809c5},
};
constexpr Vector kIpv6Vectors[] = {
    {"3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x40207d3d, 0x2cc18cd5},
    {"ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0xdde51bbf, 0x0f0c461c},
    {"fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x02d1feef,
     0x4b61e985},
};

std::vector<std::byte> ipv4_frame(const Vector& vector, IpProtocol protocol) {
  std::vector<std::byte> frame(kEthernetHeaderLen + kIpv4HeaderLen + 20);
  EthernetRepr().emit(frame);
  Ipv4Repr ip;
  ip.src = *Ipv4Address::parse(vector.src);
  ip.dst = *Ipv4Address::parse(vector.dst);
  ip.protocol = protocol;
  ip.payload_len = 20;
  ip.emit(std::span(frame).subspan(kEthernetHeaderLen));
  store_be16(&frame[34], vector.src_port);
  store_be16(&frame[36], vector.dst_port);
  return frame;
}

std::vector<std::byte> ipv6_frame(const Vector& vector, IpProtocol protocol) {
  std::vector<std::byte> frame(kEthernetHeaderLen + kIpv6HeaderLen + 20);
  EthernetRepr ethernet;
  ethernet.ethertype = EtherType::kIpv6;
  ethernet.emit(frame);
  Ipv6Repr ip;
  ip.src = *Ipv6Address::parse(vector.src);
  ip.dst = *Ipv6Address::parse(vector.dst);
  ip.protocol = protocol;
  ip.payload_len = 20;
  ip.emit(std::span(frame).subspan(kEthernetHeaderLen));
  store_be16(&frame[54], vector.src_port);
  store_be16(&frame[56], vector.dst_port);
  return frame;
}

TEST(Toeplitz, PublishedVectors) {
  const ToeplitzHash hash;
  for (const Vector& vector : kIpv4Vectors) {
    EXPECT_EQ(hash(rss_input(ipv4_frame(vector, IpProtocol::kTcp)).span()), vector.with_ports);
    EXPECT_EQ(hash(rss_input(ipv4_frame(vector, IpProtocol::kIcmp)).span()), vector.addresses_only);
  }
  for (const Vector& vector : kIpv6Vectors) {
    EXPECT_EQ(hash(rss_input(ipv6_frame(vector, IpProtocol::kUdp)).span()), vector.with_ports);
    EXPECT_EQ(hash(rss_input(ipv6_frame(vector, IpProtocol::kIcmpv6)).span()),
              vector.addresses_only);
  }
}

TEST(Toeplitz, FragmentsHashByAddressesAlone) {
  auto frame = ipv4_frame(kIpv4Vectors[0], IpProtocol::kTcp);
  store_be16(&frame[20], 0x2000);
  EXPECT_EQ(rss_input(frame).len, 8u);
  EXPECT_EQ(rss_input(std::span(frame).first(20)).len, 0u);
}

BufPtr flow_frame(HeapPool& pool, std::uint16_t port) {
  Vector vector = kIpv4Vectors[0];
  vector.src_port = port;
  const auto bytes = ipv4_frame(vector, IpProtocol::kTcp);
  BufPtr frame(pool.take());
  std::ranges::copy(bytes, frame->push_back(static_cast<std::uint32_t>(bytes.size())).begin());
  return frame;
}

TEST(Nic, FlowsKeepTheirQueueAndSpread) {
  HeapPool pool;
  NicConfig config;
  config.queues = 4;
  Nic nic(config);
  std::array<std::size_t, 4> counts{};
  for (std::uint16_t port = 1; port <= 800; ++port) {
    const std::size_t queue = nic.deliver(flow_frame(pool, port));
    EXPECT_EQ(nic.deliver(flow_frame(pool, port)), queue);
    ++counts[queue];
  }
  for (const std::size_t count : counts) EXPECT_NEAR(static_cast<double>(count), 200, 60);
  std::array<BufPtr, 8> out;
  ASSERT_EQ(nic.queue(2).rx_burst(out), 8u);
  EXPECT_EQ(nic.queue_of(out[0]->flow_hash), 2u);
  EXPECT_EQ(nic.queue(2).caps().queue, 2);
}

TEST(Nic, IndirectionSteers) {
  HeapPool pool;
  NicConfig config;
  config.queues = 2;
  Nic nic(config);
  std::array<std::uint16_t, Nic::kIndirectionEntries> all_to_one{};
  all_to_one.fill(1);
  nic.set_indirection(all_to_one);
  for (std::uint16_t port = 1; port < 50; ++port) {
    EXPECT_EQ(nic.deliver(flow_frame(pool, port)), 1u);
  }
}

TEST(Nic, RingsAreBoundedAndCounted) {
  HeapPool pool;
  NicConfig config;
  config.rx_descriptors = 4;
  config.tx_descriptors = 2;
  Nic nic(config);
  for (int i = 0; i < 6; ++i) nic.deliver(flow_frame(pool, 1));
  EXPECT_EQ(nic.counters(0).received, 4u);
  EXPECT_EQ(nic.counters(0).missed, 2u);
  std::array<BufPtr, 3> frames{flow_frame(pool, 1), flow_frame(pool, 2), flow_frame(pool, 3)};
  EXPECT_EQ(nic.queue(0).tx_room(), 2u);
  EXPECT_EQ(nic.queue(0).tx_burst(frames), 2u);
  EXPECT_TRUE(frames[2]) << "what was not taken stays with the caller";
  EXPECT_EQ(nic.queue(0).tx_room(), 0u);
  std::array<BufPtr, 8> out;
  EXPECT_EQ(nic.transmit(out), 2u);
  EXPECT_EQ(nic.waiting(), 0u);
  EXPECT_EQ(nic.counters(0).sent, 2u);
}

TEST(Nic, QueuesTakeTurnsOnTheWire) {
  HeapPool pool;
  NicConfig config;
  config.queues = 2;
  Nic nic(config);
  std::array<BufPtr, 3> first{flow_frame(pool, 1), flow_frame(pool, 1), flow_frame(pool, 1)};
  std::array<BufPtr, 1> second{flow_frame(pool, 9)};
  nic.queue(0).tx_burst(first);
  nic.queue(1).tx_burst(second);
  std::array<BufPtr, 4> out;
  ASSERT_EQ(nic.transmit(out), 4u);
  EXPECT_EQ(load_be16(out[1]->data() + 34), 9);
  EXPECT_EQ(load_be16(out[2]->data() + 34), 1);
}

}  // namespace
}  // namespace twinpath
