// Proves that our stack on an ns-3 node talks TCP with ns-3's own TcpSocket, in both directions and
// over every kind of device, with every byte right, and that trace sources tell about it.
#include <gtest/gtest.h>
#include <ns3/csma-helper.h>
#include <ns3/inet-socket-address.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/ipv4.h>
#include <ns3/node-container.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/tcp-socket-factory.h>

#include <algorithm>
#include <vector>

#include "models/app/bulk.h"
#include "models/app/content.h"
#include "sim/port_net_device.h"
#include "sim/sim_time.h"
#include "sim/twinpath_helper.h"

namespace twinpath::sim {
namespace {

constexpr std::uint16_t kPort = 5001;

// Accepts one connection of ns-3's and checks every byte.
class Ns3Sink {
 public:
  explicit Ns3Sink(ns3::Ptr<ns3::Node> node) {
    listener_ = ns3::Socket::CreateSocket(node, ns3::TcpSocketFactory::GetTypeId());
    listener_->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), kPort));
    listener_->Listen();
    listener_->SetAcceptCallback(
        ns3::MakeNullCallback<bool, ns3::Ptr<ns3::Socket>, const ns3::Address&>(),
        ns3::MakeCallback(&Ns3Sink::accept, this));
  }
  std::uint64_t bytes = 0;
  bool is_right = true;

 private:
  void accept(ns3::Ptr<ns3::Socket> socket, const ns3::Address&) {
    connection_ = socket;
    socket->SetRecvCallback(ns3::MakeCallback(&Ns3Sink::receive, this));
    socket->SetCloseCallbacks(ns3::MakeCallback(&Ns3Sink::closed, this),
                              ns3::MakeNullCallback<void, ns3::Ptr<ns3::Socket>>());
  }
  void receive(ns3::Ptr<ns3::Socket> socket) {
    while (const auto packet = socket->Recv()) {
      if (packet->GetSize() == 0) return;
      std::vector<std::uint8_t> data(packet->GetSize());
      packet->CopyData(data.data(), packet->GetSize());
      is_right = is_right && !first_difference(bytes, std::as_bytes(std::span(data)));
      bytes += data.size();
    }
  }
  void closed(ns3::Ptr<ns3::Socket> socket) { socket->Close(); }

  ns3::Ptr<ns3::Socket> listener_;
  ns3::Ptr<ns3::Socket> connection_;
};

// Connects with ns-3's socket and sends the content.
class Ns3Source {
 public:
  Ns3Source(ns3::Ptr<ns3::Node> node, const char* target, std::uint64_t size) : left_(size) {
    socket_ = ns3::Socket::CreateSocket(node, ns3::TcpSocketFactory::GetTypeId());
    socket_->SetConnectCallback(ns3::MakeCallback(&Ns3Source::connected, this),
                                ns3::MakeNullCallback<void, ns3::Ptr<ns3::Socket>>());
    socket_->SetSendCallback(ns3::MakeCallback(&Ns3Source::send, this));
    socket_->Connect(ns3::InetSocketAddress(ns3::Ipv4Address(target), kPort));
  }

 private:
  void connected(ns3::Ptr<ns3::Socket> socket) { send(socket, socket->GetTxAvailable()); }
  void send(ns3::Ptr<ns3::Socket> socket, std::uint32_t) {
    while (left_ > 0 && socket->GetTxAvailable() > 0) {
      const auto piece =
          content_at({sent_, std::min<std::uint64_t>(left_, socket->GetTxAvailable())});
      const int taken = socket->Send(reinterpret_cast<const std::uint8_t*>(piece.data()),
                                     static_cast<std::uint32_t>(piece.size()), 0);
      if (taken <= 0) return;
      sent_ += static_cast<std::uint64_t>(taken);
      left_ -= static_cast<std::uint64_t>(taken);
    }
    if (left_ == 0 && !closed_) {
      closed_ = true;
      socket->Close();
    }
  }
  ns3::Ptr<ns3::Socket> socket_;
  std::uint64_t sent_ = 0;
  std::uint64_t left_;
  bool closed_ = false;
};

enum class Wiring { kPointToPoint, kCsma, kDirectLink };

class InteropTest : public ::testing::TestWithParam<Wiring> {
 protected:
  static constexpr std::uint64_t kSize = 1'000'000;

  InteropTest() {
    ns3::InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    nodes_.Create(2);
    internet.Install(nodes_.Get(0));
    if (GetParam() == Wiring::kPointToPoint) point_to_point();
    if (GetParam() == Wiring::kCsma) csma();
    if (GetParam() == Wiring::kDirectLink) direct_link();
  }
  ~InteropTest() override {
    ours_->Dispose();
    ns3::Simulator::Destroy();
  }

  void point_to_point() {
    ns3::PointToPointHelper helper;
    helper.SetDeviceAttribute("DataRate", ns3::StringValue("100Mbps"));
    helper.SetChannelAttribute("Delay", ns3::StringValue("2ms"));
    on_devices(helper.Install(nodes_));
  }
  void csma() {
    ns3::CsmaHelper helper;
    helper.SetChannelAttribute("DataRate", ns3::StringValue("100Mbps"));
    helper.SetChannelAttribute("Delay", ns3::StringValue("2ms"));
    on_devices(helper.Install(nodes_));
  }
  void on_devices(const ns3::NetDeviceContainer& devices) {
    ns3::Ipv4AddressHelper addresses("198.18.0.0", "255.255.255.0");
    addresses.Assign(ns3::NetDeviceContainer(devices.Get(0)));
    ours_ = TwinpathHelper().install(nodes_.Get(1), ns3::NetDeviceContainer(devices.Get(1)),
                                     {"198.18.0.2/24"});
  }
  // Ours has no device at all; ns-3's stack gets one over the far end of the link.
  void direct_link() {
    const LinkConfig config{
        .rate_bps = 100'000'000, .delay = std::chrono::milliseconds(2), .faults = {.loss = 0.01}};
    DirectLink link({.from_a = config, .from_b = config}, Rng(3));
    const auto device = ns3::CreateObject<PortNetDevice>();
    device->attach(link.end(0));
    nodes_.Get(0)->AddDevice(device);
    ns3::Ipv4AddressHelper addresses("198.18.0.0", "255.255.255.0");
    addresses.Assign(ns3::NetDeviceContainer(device));
    ours_ = ns3::CreateObject<TwinpathHost>();
    InterfaceConfig interface;
    interface.mac = MacAddress::from_u64(0x020000000002);
    interface.addresses = {*Ipv4Prefix::parse("198.18.0.2/24")};
    ours_->add_interface(interface, link.end(1));
  }

  ns3::NodeContainer nodes_;
  ns3::Ptr<TwinpathHost> ours_;
};

TEST_P(InteropTest, OursSendsToNs3sTcpSocket) {
  Ns3Sink sink(nodes_.Get(0));
  BulkConfig config;
  config.size_bytes = kSize;
  config.port = kPort;
  config.to = *Ipv4Address::parse("198.18.0.1");
  const Bulk& bulk = ours_->apps().add<Bulk>("ours/app0", kStart, config);
  ns3::Simulator::Stop(ns3::Seconds(60));
  ns3::Simulator::Run();
  EXPECT_EQ(sink.bytes, kSize);
  EXPECT_TRUE(sink.is_right);
  EXPECT_EQ(bulk.error(), Errno::kNone);
}

TEST_P(InteropTest, Ns3sTcpSocketSendsToOurs) {
  std::uint64_t traced_bytes = 0;
  std::vector<ns3::TcpSocket::TcpStates_t> states;
  ours_->TraceConnectWithoutContext(
      "Rx", ns3::Callback<void, std::uint64_t, std::uint32_t, std::uint32_t>(
                [&](std::uint64_t, std::uint32_t, std::uint32_t len) { traced_bytes += len; }));
  using States = ns3::TcpSocket::TcpStates_t;
  ours_->TraceConnectWithoutContext(
      "State", ns3::Callback<void, std::uint64_t, States, States>(
                   [&](std::uint64_t, States, States after) { states.push_back(after); }));
  BulkSinkConfig config;
  config.port = kPort;
  const BulkSink& sink = ours_->apps().add<BulkSink>("ours/app0", kStart, config);
  std::unique_ptr<Ns3Source> source;
  ns3::Simulator::Schedule(ns3::MilliSeconds(1), [&] {
    source = std::make_unique<Ns3Source>(nodes_.Get(0), "198.18.0.2", kSize);
  });
  ns3::Simulator::Stop(ns3::Seconds(60));
  ns3::Simulator::Run();
  EXPECT_EQ(sink.totals().bytes, kSize);
  EXPECT_EQ(sink.totals().verify_errors, 0U);
  EXPECT_EQ(traced_bytes, kSize);
  ASSERT_GE(states.size(), 2U);
  EXPECT_NE(std::find(states.begin(), states.end(), ns3::TcpSocket::ESTABLISHED), states.end());
}

std::string wiring_name(const ::testing::TestParamInfo<Wiring>& wiring) {
  const char* const names[] = {"PointToPoint", "Csma", "DirectLink"};
  return names[static_cast<std::size_t>(wiring.param)];
}

INSTANTIATE_TEST_SUITE_P(Wirings, InteropTest,
                         ::testing::Values(Wiring::kPointToPoint, Wiring::kCsma,
                                           Wiring::kDirectLink),
                         wiring_name);

}  // namespace
}  // namespace twinpath::sim
