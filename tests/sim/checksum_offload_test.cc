// Checksums made and checked at ns-3's edge: every kind of packet, fragments of a datagram, and
// what ns-3's own stack sends through a device that offloads.
#include "sim/checksum_offload.h"

#include <gtest/gtest.h>
#include <ns3/boolean.h>
#include <ns3/global-value.h>
#include <ns3/inet-socket-address.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/simulator.h>
#include <ns3/udp-socket-factory.h>

#include <cstring>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/wire/byte_order.h"
#include "models/wire/ipv4.h"
#include "models/wire/ipv6.h"
#include "sim/direct_link.h"
#include "sim/port_net_device.h"
#include "sim/twinpath_host.h"

namespace twinpath::sim {
namespace {

constexpr std::size_t kIpv4SumAt = 10;
constexpr std::size_t kPayload = 1201;  // odd on purpose

struct Cut {  // a piece of a datagram's payload
  std::size_t offset_bytes = 0;
  bool more = false;
};

class ChecksumOffloadTest : public ::testing::Test {
 protected:
  // A payload whose own checksum field is zero; UDP's length is right.
  static std::vector<std::byte> payload(IpProtocol protocol, std::size_t size = kPayload) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
    const std::size_t field = protocol == IpProtocol::kTcp   ? 16
                              : protocol == IpProtocol::kUdp ? 6
                                                             : 2;
    store_be16(bytes.data() + field, 0);
    if (protocol == IpProtocol::kTcp) bytes[12] = std::byte{0x50};
    if (protocol == IpProtocol::kUdp)
      store_be16(bytes.data() + 4, static_cast<std::uint16_t>(size));
    return bytes;
  }

  BufPtr framed(EtherType type, std::span<const std::byte> header,
                std::span<const std::byte> rest) {
    BufPtr frame(pool_.take());
    store_be16(frame->push_back(kEthernetHeaderLen).data() + 12, static_cast<std::uint16_t>(type));
    std::memcpy(frame->push_back(static_cast<std::uint32_t>(header.size())).data(), header.data(),
                header.size());
    std::memcpy(frame->push_back(static_cast<std::uint32_t>(rest.size())).data(), rest.data(),
                rest.size());
    return frame;
  }
  // As ns-3 sends it without checksums.
  BufPtr v4(IpProtocol protocol, std::span<const std::byte> rest, Cut cut = {}) {
    std::array<std::byte, kIpv4HeaderLen> header{};
    Ipv4Repr repr{.src = Ipv4Address(0xc6120001), .dst = Ipv4Address(0xc6120002)};
    repr.protocol = protocol;
    repr.payload_len = rest.size();
    repr.identification = 77;
    repr.dont_fragment = false;
    repr.more_fragments = cut.more;
    repr.fragment_offset_bytes = cut.offset_bytes;
    repr.emit(header);
    store_be16(header.data() + kIpv4SumAt, 0);
    return framed(EtherType::kIpv4, header, rest);
  }
  BufPtr v6(IpProtocol protocol, std::span<const std::byte> rest) {
    std::array<std::byte, kIpv6HeaderLen> header{};
    Ipv6Repr repr{.src = *Ipv6Address::parse("2001:db8::1"),
                  .dst = *Ipv6Address::parse("2001:db8::2")};
    repr.protocol = protocol;
    repr.payload_len = rest.size();
    repr.emit(header);
    return framed(EtherType::kIpv6, header, rest);
  }
  static DropReason check(const PacketBuf& frame) {
    const auto type = static_cast<EtherType>(load_be16(frame.data() + 12));
    return ChecksumOffload::check(type, frame.bytes().subspan(kEthernetHeaderLen));
  }

  HeapPool pool_;
  ChecksumOffload offload_;
  std::vector<BufPtr> ready_;
};

TEST_F(ChecksumOffloadTest, WhatItFillsInIsWhatItFindsRight) {
  using enum IpProtocol;
  for (const IpProtocol protocol : {kTcp, kUdp, kIcmp}) {
    offload_.fill(v4(protocol, payload(protocol)), ready_);
  }
  for (const IpProtocol protocol : {kTcp, kUdp, kIcmpv6}) {
    offload_.fill(v6(protocol, payload(protocol)), ready_);
  }
  ASSERT_EQ(ready_.size(), 6U);
  for (const BufPtr& frame : ready_) {
    EXPECT_EQ(check(*frame), DropReason::kNone);
    frame->data()[frame->len - 1] ^= std::byte{0x10};
    EXPECT_EQ(check(*frame), DropReason::kBadChecksum);
  }
}

TEST_F(ChecksumOffloadTest, AWrongHeaderIsFound) {
  offload_.fill(v4(IpProtocol::kUdp, payload(IpProtocol::kUdp)), ready_);
  ready_[0]->data()[kEthernetHeaderLen + 8] ^= std::byte{1};  // the TTL
  EXPECT_EQ(check(*ready_[0]), DropReason::kBadChecksum);
  ready_[0]->len = kEthernetHeaderLen + 12;
  EXPECT_EQ(check(*ready_[0]), DropReason::kTruncated);
}

TEST_F(ChecksumOffloadTest, ASumThatIsThereStaysAsItIs) {
  auto rest = payload(IpProtocol::kUdp);
  store_be16(rest.data() + 6, 0x1234);
  offload_.fill(v4(IpProtocol::kUdp, rest), ready_);
  EXPECT_EQ(load_be16(ready_[0]->data() + kEthernetHeaderLen + kIpv4HeaderLen + 6), 0x1234);
  EXPECT_EQ(check(*ready_[0]), DropReason::kBadChecksum);
}

TEST_F(ChecksumOffloadTest, FragmentsWaitForTheSumOfTheirDatagram) {
  const auto whole = payload(IpProtocol::kUdp, 3001);
  const PseudoHeader header{IpProtocol::kUdp, 3001};
  InetSum sum = pseudo_sum(Ipv4Address(0xc6120001), Ipv4Address(0xc6120002), header);
  const std::span bytes(whole);
  offload_.fill(v4(IpProtocol::kUdp, bytes.first(1480), {0, true}), ready_);
  offload_.fill(v4(IpProtocol::kUdp, bytes.subspan(1480, 1480), {1480, true}), ready_);
  EXPECT_TRUE(ready_.empty());
  offload_.fill(v4(IpProtocol::kUdp, bytes.subspan(2960), {2960, false}), ready_);
  ASSERT_EQ(ready_.size(), 3U);
  EXPECT_EQ(load_be16(ready_[0]->data() + kEthernetHeaderLen + kIpv4HeaderLen + 6),
            sum.add_bytes(whole).checksum());
  for (const BufPtr& frame : ready_) EXPECT_EQ(check(*frame), DropReason::kNone);
  EXPECT_EQ(offload_.dropped(), 0U);
}

TEST_F(ChecksumOffloadTest, FragmentsThatNeverBecomeWholeAreCountedAndBounded) {
  const auto whole = payload(IpProtocol::kUdp, 2960);
  const std::span bytes(whole);
  offload_.fill(v4(IpProtocol::kUdp, bytes.first(1480), {0, true}), ready_);
  offload_.fill(v4(IpProtocol::kUdp, bytes.first(1480), {2960, true}), ready_);  // a hole before it
  EXPECT_EQ(offload_.dropped(), 2U);
  for (std::size_t i = 0; i < ChecksumOffload::kHeldMax + 3; ++i) {
    BufPtr first = v4(IpProtocol::kUdp, bytes.first(1480), {0, true});
    store_be16(first->data() + kEthernetHeaderLen + 4, static_cast<std::uint16_t>(i));
    offload_.fill(std::move(first), ready_);
  }
  EXPECT_EQ(offload_.dropped(), 5U);
  EXPECT_TRUE(ready_.empty());
}

// 4,000 bytes of ns-3's UDP to a host of ours that checks sums and has no socket for them.
TEST(ChecksumOffloadInNs3, ALargeDatagramArrivesWithARightSum) {
  ns3::GlobalValue::BindFailSafe("ChecksumEnabled", ns3::BooleanValue(false));
  const auto node = ns3::CreateObject<ns3::Node>();
  ns3::InternetStackHelper internet;
  internet.SetIpv6StackInstall(false);
  internet.Install(node);
  DirectLink link({.from_a = {.rate_bps = 100'000'000}, .from_b = {.rate_bps = 100'000'000}},
                  Rng(3));
  const auto device = ns3::CreateObject<PortNetDevice>();
  device->attach(link.end(0));
  node->AddDevice(device);
  ns3::Ipv4AddressHelper("198.18.0.0", "255.255.255.0").Assign(ns3::NetDeviceContainer(device));
  const auto ours = ns3::CreateObject<TwinpathHost>();
  InterfaceConfig interface;
  interface.mac = MacAddress::from_u64(0x020000000002);
  interface.addresses = {*Ipv4Prefix::parse("198.18.0.2/24")};
  ours->add_interface(interface, link.end(1));
  const IpHost& ip = ours->ip();
  const auto socket = ns3::Socket::CreateSocket(node, ns3::UdpSocketFactory::GetTypeId());
  const auto packet = ns3::Create<ns3::Packet>(4000);
  socket->SendTo(packet, 0, ns3::InetSocketAddress(ns3::Ipv4Address("198.18.0.2"), 7777));
  ns3::Simulator::Stop(ns3::Seconds(1));
  ns3::Simulator::Run();
  EXPECT_EQ(ip.counters().drops(DropReason::kNoSocket), 1U);
  EXPECT_EQ(ip.counters().drops(DropReason::kBadChecksum), 0U);
  EXPECT_GT(device->counters().received, 0U);  // the answer: port unreachable
  EXPECT_EQ(device->counters().dropped_wrong, 0U);
  ours->Dispose();
  ns3::Simulator::Destroy();
}

}  // namespace
}  // namespace twinpath::sim
