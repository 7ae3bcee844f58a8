// Proves that our stack on an ns-3 node talks IPv6 with ns-3's own: discovery on a shared medium,
// none on a point-to-point one, and TCP both ways over each.
#include <gtest/gtest.h>
#include <ns3/csma-helper.h>
#include <ns3/inet6-socket-address.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv6.h>
#include <ns3/node-container.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/tcp-socket-factory.h>

#include "models/app/bulk.h"
#include "models/app/content.h"
#include "sim/twinpath_helper.h"

namespace twinpath::sim {
namespace {

constexpr std::uint16_t kPort = 5001;
constexpr std::uint64_t kSize = 300'000;
// ns-3 asks for a second whether somebody else has its address.
constexpr Duration kSettled = std::chrono::seconds(3);

class Ipv6InteropTest : public ::testing::TestWithParam<bool> {
 public:  // ns-3 calls back by pointers to members
  Ipv6InteropTest() {
    nodes_.Create(2);
    ns3::InternetStackHelper().Install(nodes_.Get(0));
    const ns3::NetDeviceContainer devices = GetParam() ? point_to_point() : csma();
    const auto ipv6 = nodes_.Get(0)->GetObject<ns3::Ipv6>();
    const std::uint32_t index = ipv6->AddInterface(devices.Get(0));
    ipv6->AddAddress(index, ns3::Ipv6InterfaceAddress("2001:db8::1", ns3::Ipv6Prefix(64)));
    ipv6->SetUp(index);
    ours_ = TwinpathHelper().install(nodes_.Get(1), ns3::NetDeviceContainer(devices.Get(1)),
                                     {"2001:db8::2/64"});
  }
  ~Ipv6InteropTest() override {
    ours_->Dispose();
    ns3::Simulator::Destroy();
  }
  ns3::NetDeviceContainer point_to_point() {
    ns3::PointToPointHelper helper;
    helper.SetDeviceAttribute("DataRate", ns3::StringValue("100Mbps"));
    return helper.Install(nodes_);
  }
  ns3::NetDeviceContainer csma() {
    ns3::CsmaHelper helper;
    helper.SetChannelAttribute("DataRate", ns3::StringValue("100Mbps"));
    return helper.Install(nodes_);
  }
  ns3::Ptr<ns3::Socket> socket() {
    return ns3::Socket::CreateSocket(nodes_.Get(0), ns3::TcpSocketFactory::GetTypeId());
  }

  void accept(ns3::Ptr<ns3::Socket> connection, const ns3::Address&) {
    connection->SetRecvCallback(ns3::MakeCallback(&Ipv6InteropTest::receive, this));
    accepted_ = connection;
  }
  void receive(ns3::Ptr<ns3::Socket> connection) {
    while (const auto packet = connection->Recv()) {
      if (packet->GetSize() == 0) return connection->Close(), void();
      std::vector<std::uint8_t> data(packet->GetSize());
      packet->CopyData(data.data(), packet->GetSize());
      is_right_ = is_right_ && !first_difference(bytes_, std::as_bytes(std::span(data)));
      bytes_ += data.size();
    }
  }
  void send(ns3::Ptr<ns3::Socket> connection, std::uint32_t) {
    while (bytes_ < kSize && connection->GetTxAvailable() > 0) {
      const std::uint64_t room =
          std::min<std::uint64_t>(kSize - bytes_, connection->GetTxAvailable());
      const auto piece = content_at({bytes_, room});
      const int taken = connection->Send(reinterpret_cast<const std::uint8_t*>(piece.data()),
                                         static_cast<std::uint32_t>(piece.size()), 0);
      if (taken <= 0) return;
      bytes_ += static_cast<std::uint64_t>(taken);
    }
    if (bytes_ == kSize) connection->Close();
  }
  void connected(ns3::Ptr<ns3::Socket> connection) { send(connection, 0); }

  ns3::NodeContainer nodes_;
  ns3::Ptr<TwinpathHost> ours_;
  ns3::Ptr<ns3::Socket> accepted_;
  std::uint64_t bytes_ = 0;
  bool is_right_ = true;
};

TEST_P(Ipv6InteropTest, OursSendsToNs3s) {
  const auto listener = socket();
  listener->Bind(ns3::Inet6SocketAddress(ns3::Ipv6Address::GetAny(), kPort));
  listener->Listen();
  listener->SetAcceptCallback(
      ns3::MakeNullCallback<bool, ns3::Ptr<ns3::Socket>, const ns3::Address&>(),
      ns3::MakeCallback(&Ipv6InteropTest::accept, this));
  const BulkConfig config{.size_bytes = kSize, .to = *IpAddress::parse("2001:db8::1")};
  const Bulk& bulk = ours_->apps().add<Bulk>("ours/app0", kStart + kSettled, config);
  ns3::Simulator::Stop(ns3::Seconds(30));
  ns3::Simulator::Run();
  EXPECT_EQ(bytes_, kSize);
  EXPECT_TRUE(is_right_);
  EXPECT_EQ(bulk.error(), Errno::kNone);
}

TEST_P(Ipv6InteropTest, Ns3sSendsToOurs) {
  const BulkSink& sink = ours_->apps().add<BulkSink>("ours/app0", kStart, BulkSinkConfig());
  const auto source = socket();
  source->SetConnectCallback(ns3::MakeCallback(&Ipv6InteropTest::connected, this),
                             ns3::MakeNullCallback<void, ns3::Ptr<ns3::Socket>>());
  source->SetSendCallback(ns3::MakeCallback(&Ipv6InteropTest::send, this));
  ns3::Simulator::Schedule(ns3::Seconds(3), [&source] {
    source->Connect(ns3::Inet6SocketAddress(ns3::Ipv6Address("2001:db8::2"), kPort));
  });
  ns3::Simulator::Stop(ns3::Seconds(30));
  ns3::Simulator::Run();
  EXPECT_EQ(sink.totals().bytes, kSize);
  EXPECT_EQ(sink.totals().verify_errors, 0U);
}

INSTANTIATE_TEST_SUITE_P(Devices, Ipv6InteropTest, ::testing::Values(false, true),
                         [](const auto& given) { return given.param ? "PointToPoint" : "Csma"; });

}  // namespace
}  // namespace twinpath::sim
