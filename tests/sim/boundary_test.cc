// Proves the crossing between ns-3's packets and our frames: an EchoHost on ns-3's own devices
// answers the right bytes at the right instant, and what a device cannot carry is refused by name.
#include <gtest/gtest.h>
#include <ns3/csma-channel.h>
#include <ns3/csma-net-device.h>
#include <ns3/data-rate.h>
#include <ns3/drop-tail-queue.h>
#include <ns3/node.h>
#include <ns3/object-factory.h>
#include <ns3/point-to-point-channel.h>
#include <ns3/point-to-point-net-device.h>
#include <ns3/simple-channel.h>
#include <ns3/simple-net-device.h>
#include <ns3/simulator.h>
#include <ns3/string.h>

#include <vector>

#include "models/host/echo_host.h"
#include "sim/device_port.h"
#include "sim/frame_pool.h"
#include "sim/host_node.h"
#include "sim/packet_copy.h"
#include "sim/sim_time.h"

namespace twinpath::sim {
namespace {

using std::chrono::microseconds;

struct Received {
  Instant at;
  std::vector<std::uint8_t> payload;
  std::uint16_t protocol;
  ns3::Mac48Address from;
};

std::vector<std::uint8_t> bytes_of(const ns3::Packet& packet) {
  std::vector<std::uint8_t> bytes(packet.GetSize());
  packet.CopyData(bytes.data(), packet.GetSize());
  return bytes;
}

class BoundaryTest : public ::testing::Test {
 protected:
  ~BoundaryTest() override {
    if (node_ != nullptr) node_->Dispose();
    ns3::Simulator::Destroy();
  }

  // Two devices of one kind on one channel: `plain_` is ns-3's, `ours_` carries the EchoHost.
  template <typename Device>
  void connect(ns3::Ptr<Device> plain, ns3::Ptr<Device> ours) {
    plain_ = plain;
    ours_ = ours;
    const auto plain_node = ns3::CreateObject<ns3::Node>();
    const auto our_node = ns3::CreateObject<ns3::Node>();
    plain->SetAddress(ns3::Mac48Address("00:00:00:00:00:01"));
    ours->SetAddress(ns3::Mac48Address("00:00:00:00:00:02"));
    plain_node->AddDevice(plain);
    our_node->AddDevice(ours);
    plain->SetReceiveCallback(ns3::MakeCallback(&BoundaryTest::receive, this));
    node_ = ns3::CreateObject<HostNode>();
    our_node->AggregateObject(node_);
  }
  void run_echo(const EchoConfig& config) {
    node_->set_host(std::make_unique<EchoHost>(config));
    if (node_->ports() == 0) node_->add_device(ours_);
  }
  void send_at(Duration at, std::uint8_t mark, std::uint32_t length, std::uint16_t protocol) {
    ns3::Simulator::Schedule(to_ns3_time(at), [this, mark, length, protocol] {
      const std::vector<std::uint8_t> bytes(length, mark);
      plain_->Send(ns3::Create<ns3::Packet>(bytes.data(), length), ours_->GetAddress(), protocol);
    });
  }
  bool receive(ns3::Ptr<ns3::NetDevice>, ns3::Ptr<const ns3::Packet> packet, std::uint16_t protocol,
               const ns3::Address& from) {
    const auto mac = ns3::Mac48Address::IsMatchingType(from) ? ns3::Mac48Address::ConvertFrom(from)
                                                             : ns3::Mac48Address();
    received_.push_back({sim_now(), bytes_of(*packet), protocol, mac});
    return true;
  }

  ns3::Ptr<ns3::NetDevice> plain_;
  ns3::Ptr<ns3::NetDevice> ours_;
  ns3::Ptr<HostNode> node_;
  std::vector<Received> received_;
};

class SimpleDevices : public BoundaryTest {
 protected:
  SimpleDevices() {
    const auto channel = ns3::CreateObject<ns3::SimpleChannel>();
    channel->SetAttribute("Delay", ns3::StringValue("3us"));
    const auto plain = ns3::CreateObject<ns3::SimpleNetDevice>();
    const auto ours = ns3::CreateObject<ns3::SimpleNetDevice>();
    plain->SetChannel(channel);
    ours->SetChannel(channel);
    connect(plain, ours);
  }
};

TEST_F(SimpleDevices, CarryOurFrameBothWaysAndKeepTimeToTheNanosecond) {
  run_echo(EchoConfig{.delay = microseconds(7)});
  send_at(microseconds(1), 0xa1, 100, 0x88b5);
  send_at(microseconds(2), 0xa2, 1500, 0x0800);
  ns3::Simulator::Run();
  ASSERT_EQ(received_.size(), 2U);
  EXPECT_EQ(received_[0].at, kStart + microseconds(1 + 3 + 7 + 3));
  EXPECT_EQ(received_[1].at, kStart + microseconds(2 + 3 + 7 + 3));
  EXPECT_EQ(received_[0].payload, std::vector<std::uint8_t>(100, 0xa1));
  EXPECT_EQ(received_[1].payload, std::vector<std::uint8_t>(1500, 0xa2));
  EXPECT_EQ(received_[0].protocol, 0x88b5);
  EXPECT_EQ(received_[0].from, ns3::Mac48Address("00:00:00:00:00:02"));
}

TEST_F(SimpleDevices, GatherWhatArrivesAtOneInstantIntoOneTurn) {
  run_echo(EchoConfig{.delay = microseconds(5)});
  for (std::uint8_t mark = 0; mark < 40; ++mark) send_at(microseconds(1), mark, 64, 0x0800);
  ns3::Simulator::Run();
  ASSERT_EQ(received_.size(), 40U);
  for (std::uint8_t mark = 0; mark < 40; ++mark) EXPECT_EQ(received_[mark].payload[0], mark);
  EXPECT_EQ(node_->turns(), 2U) << "one for 40 arrivals, one for the 40 answers due together";
}

TEST_F(SimpleDevices, GatherEvenWhenATimerIsDueAtThatInstant) {
  run_echo(EchoConfig{.delay = microseconds(5)});
  send_at(microseconds(1), 1, 64, 0x0800);
  send_at(microseconds(6), 2, 64, 0x0800);  // arrives when the first answer is due
  send_at(microseconds(6), 3, 64, 0x0800);
  ns3::Simulator::Run();
  EXPECT_EQ(received_.size(), 3U);
  EXPECT_LE(node_->turns(), 4U);
}

TEST_F(SimpleDevices, TraceEveryFrameWithItsEthernetHeader) {
  std::vector<std::uint32_t> lengths;
  node_->TraceConnectWithoutContext("MacRx", ns3::Callback<void, ns3::Ptr<const ns3::Packet>>(
                                                 [&](ns3::Ptr<const ns3::Packet> packet) {
                                                   lengths.push_back(packet->GetSize());
                                                 }));
  node_->TraceConnectWithoutContext("MacTx", ns3::Callback<void, ns3::Ptr<const ns3::Packet>>(
                                                 [&](ns3::Ptr<const ns3::Packet> packet) {
                                                   lengths.push_back(packet->GetSize());
                                                 }));
  run_echo(EchoConfig{});
  send_at(microseconds(1), 1, 86, 0x0800);
  ns3::Simulator::Run();
  EXPECT_EQ(lengths, (std::vector<std::uint32_t>{100, 100}));
}

TEST_F(SimpleDevices, GiveEveryBufferBackWhenTheRunEndsEarly) {
  const auto pool = frame_pool();
  run_echo(EchoConfig{.delay = std::chrono::seconds(1)});
  send_at(microseconds(1), 1, 64, 0x0800);
  ns3::Simulator::Stop(ns3::MilliSeconds(1));
  ns3::Simulator::Run();
  EXPECT_EQ(pool->outstanding(), 1U);
  node_->Dispose();
  EXPECT_EQ(pool->outstanding(), 0U);
  ns3::Simulator::Stop(ns3::Seconds(2));
  ns3::Simulator::Run();  // the wake-up that was waiting must not touch the dead host
  EXPECT_TRUE(received_.empty());
}

class CsmaDevices : public BoundaryTest {
 protected:
  CsmaDevices() {
    const auto channel = ns3::CreateObject<ns3::CsmaChannel>();
    channel->SetAttribute("DataRate", ns3::StringValue("100Mbps"));
    const auto plain = ns3::CreateObject<ns3::CsmaNetDevice>();
    const auto ours = ns3::CreateObject<ns3::CsmaNetDevice>();
    for (const auto& device : {plain, ours}) {
      device->SetQueue(ns3::CreateObject<ns3::DropTailQueue<ns3::Packet>>());
      device->Attach(channel);
    }
    connect(plain, ours);
  }
};

TEST_F(CsmaDevices, CarryOurAddressesInTheirEthernetHeader) {
  run_echo(EchoConfig{});
  send_at(microseconds(1), 0x55, 200, 0x0800);
  ns3::Simulator::Run();
  ASSERT_EQ(received_.size(), 1U);
  EXPECT_EQ(received_[0].payload, std::vector<std::uint8_t>(200, 0x55));
  EXPECT_EQ(received_[0].from, ns3::Mac48Address("00:00:00:00:00:02"));
}

class PointToPointDevices : public BoundaryTest {
 protected:
  PointToPointDevices() {
    const auto channel = ns3::CreateObject<ns3::PointToPointChannel>();
    const auto plain = ns3::CreateObject<ns3::PointToPointNetDevice>();
    const auto ours = ns3::CreateObject<ns3::PointToPointNetDevice>();
    for (const auto& device : {plain, ours}) {
      device->SetQueue(ns3::CreateObject<ns3::DropTailQueue<ns3::Packet>>());
      device->SetDataRate(ns3::DataRate("100Mbps"));
      device->Attach(channel);
    }
    connect(plain, ours);
    port_ = std::make_shared<DevicePort>(ours, frame_pool());
    node_->add_port(port_);
  }
  BufPtr frame(std::uint16_t ethertype, std::uint32_t payload_bytes) {
    BufPtr buf(frame_pool()->take());
    auto bytes = buf->push_back(14 + payload_bytes);
    std::fill(bytes.begin(), bytes.end(), std::byte{0x11});
    bytes[12] = static_cast<std::byte>(ethertype >> 8);
    bytes[13] = static_cast<std::byte>(ethertype & 0xff);
    return buf;
  }
  std::shared_ptr<DevicePort> port_;
};

TEST_F(PointToPointDevices, CarryIpAndRefuseOtherEthertypesByName) {
  run_echo(EchoConfig{});
  send_at(microseconds(1), 0x45, 100, 0x0800);
  send_at(microseconds(2), 0x60, 100, 0x86dd);
  ns3::Simulator::Run();
  ASSERT_EQ(received_.size(), 2U);
  EXPECT_EQ(received_[0].protocol, 0x0800);
  EXPECT_EQ(received_[1].protocol, 0x86dd);
  EXPECT_EQ(received_[0].payload, std::vector<std::uint8_t>(100, 0x45));

  BufPtr odd = frame(0x88b5, 50);
  EXPECT_EQ(port_->tx_burst(std::span(&odd, 1)), 1U);
  EXPECT_EQ(port_->counters().dropped_ethertype.at(0x88b5), 1U);
  EXPECT_FALSE(port_->caps().arp);
}

TEST_F(PointToPointDevices, AnswerArpInThePeersPlace) {
  run_echo(EchoConfig{});
  BufPtr request = frame(0x0806, 28);
  std::byte* arp = request->data() + 14;
  const std::array<std::uint8_t, 28> asked = {0,   1,  8, 0, 6, 4, 0, 1, 0, 0, 0,   0,  0, 2,
                                              198, 18, 0, 1, 0, 0, 0, 0, 0, 0, 198, 18, 0, 2};
  for (std::size_t i = 0; i < asked.size(); ++i) arp[i] = std::byte{asked[i]};
  EXPECT_EQ(port_->tx_burst(std::span(&request, 1)), 1U);
  EXPECT_EQ(port_->counters().answered_arp, 1U);
  std::array<BufPtr, 2> out;
  ASSERT_EQ(port_->rx_burst(out), 1U);
  const auto reply = out[0]->bytes();
  EXPECT_EQ(reply[21], std::byte{2}) << "operation: reply";
  EXPECT_EQ(reply[28], std::byte{198});
  EXPECT_EQ(reply[31], std::byte{2}) << "sender: the address asked for";
  EXPECT_EQ(reply[41], std::byte{1}) << "target: the asker";
  EXPECT_EQ(reply[5], std::byte{2}) << "to the asker's MAC";
}

}  // namespace
}  // namespace twinpath::sim
