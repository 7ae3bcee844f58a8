// Two hosts that speak both versions over one link: sockets as Linux's AF_INET6 ones, datagrams in
// fragments, paths that get narrow, VLANs, and a host that talks to itself.
#include <gtest/gtest.h>

#include "models/app/app_host.h"
#include "models/app/bulk.h"
#include "models/base/heap_pool.h"
#include "models/wire/ethernet.h"
#include "tests/fakes/fake_network.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Bytes = std::vector<std::byte>;

const IpAddress kClient6 = *IpAddress::parse("2001:db8::1");
const IpAddress kServer6 = *IpAddress::parse("2001:db8::2");
const IpAddress kServer4 = *IpAddress::parse("198.18.0.2");

HostConfig config_of(int number, std::uint16_t vlan = 0) {
  HostConfig made;
  made.name = number == 1 ? "client" : "server";
  made.seed = static_cast<std::uint64_t>(number);
  const std::string end = std::to_string(number);
  made.interfaces = {
      {.mac = MacAddress::from_u64(0x020000000000 + static_cast<std::uint64_t>(number)),
       .addresses = {*IpPrefix::parse("198.18.0." + end + "/24"),
                     *IpPrefix::parse("2001:db8::" + end + "/64")},
       .vlan = vlan}};
  return made;
}

class DualStackTest : public ::testing::Test {
 protected:
  explicit DualStackTest(std::uint16_t vlan = 0)
      : client_(config_of(1, vlan), TcpConfig(), pool_),
        server_(config_of(2, vlan), TcpConfig(), pool_),
        network_(1) {
    const FakeHostId a = network_.add("client", client_);
    const FakeHostId b = network_.add("server", server_);
    network_.join("wire", {a, 0}, {b, 0}, LinkConfig{.delay = milliseconds(1)});
  }

  Sockets& client() { return client_.sockets(); }
  Sockets& server() { return server_.sockets(); }
  Instant now() { return network_.now(); }
  void pass(Duration time = milliseconds(100)) { network_.run_for(time); }
  static Fd stream(Sockets& sockets) { return sockets.socket(SocketKind::kStream).fd; }
  static Fd datagram(Sockets& sockets) { return sockets.socket(SocketKind::kDatagram).fd; }
  static Fd listening(Sockets& sockets, const SocketAddress& at, bool v6_only = false) {
    const Fd fd = stream(sockets);
    if (v6_only) sockets.set_option(kStart, fd, SocketOption::kV6Only, 1);
    EXPECT_EQ(sockets.bind(fd, at), Errno::kNone);
    EXPECT_EQ(sockets.listen(fd, 8), Errno::kNone);
    return fd;
  }
  // 0 when established.
  std::int64_t connects(const IpAddress& to, std::uint16_t port) {
    const Fd fd = stream(client());
    const Errno begun = client().connect(now(), fd, {to, port});
    if (begun != Errno::kInProgress) return static_cast<std::int64_t>(begun);
    pass();
    return client().get_option(fd, SocketOption::kError).value;
  }
  // The bytes arrive whole, from that address.
  void carries(Sockets& from, Sockets& to, const SocketAddress& target, std::size_t count) {
    const Fd receiver = datagram(to);
    ASSERT_EQ(to.bind(receiver, {IpAddress(), target.port}), Errno::kNone);
    const Fd sender = datagram(from);
    Bytes data(count);
    for (std::size_t i = 0; i < count; ++i) data[i] = std::byte(i + i / 256);
    ASSERT_EQ(from.send_to(now(), sender, target, data), static_cast<std::int64_t>(count));
    pass();
    const Received got = to.receive_slice(now(), receiver, 65536);
    ASSERT_EQ(got.result, static_cast<std::int64_t>(count)) << target.address.to_string();
    EXPECT_TRUE(std::ranges::equal(got.data.bytes(), data));
    EXPECT_EQ(got.source.address.is_v4(), target.address.is_v4());
    to.close(now(), receiver);
  }

  HeapPool pool_;
  AppHost client_;
  AppHost server_;
  FakeNetwork network_;
};

TEST_F(DualStackTest, OneListenerHearsBothVersionsAndNamesThemAsTheyAre) {
  const Fd listener = listening(server(), {IpAddress(), 80});
  EXPECT_EQ(connects(kServer6, 80), 0);
  EXPECT_EQ(connects(kServer4, 80), 0);
  EXPECT_EQ(server().accept(listener).remote.address, kClient6);
  EXPECT_TRUE(server().accept(listener).remote.address.is_v4());
}

TEST_F(DualStackTest, AListenerForOneVersionLeavesThePortToTheOther) {
  listening(server(), {IpAddress(), 80}, true);
  EXPECT_EQ(connects(kServer4, 80), 111);
  EXPECT_EQ(connects(kServer6, 80), 0);
  listening(server(), {Ipv4Address(), 80});
  EXPECT_EQ(connects(kServer4, 80), 0);
  const Fd third = stream(server());
  EXPECT_EQ(server().bind(third, {IpAddress(), 80}), Errno::kAddressInUse);
}

TEST_F(DualStackTest, OptionsAndErrorsAreLinuxs) {
  const Fd fd = stream(client());
  EXPECT_EQ(client().get_option(fd, SocketOption::kV6Only).value, 0);
  EXPECT_EQ(client().set_option(now(), fd, SocketOption::kV6Only, 1), Errno::kNone);
  EXPECT_EQ(client().connect(now(), fd, {kServer4, 80}), Errno::kNetworkUnreachable);
  EXPECT_EQ(client().bind(fd, {Ipv4Address(0xc6120001), 0}), Errno::kInvalid);
  EXPECT_EQ(client().bind(fd, {kServer6, 0}), Errno::kAddressNotAvailable);
  EXPECT_EQ(client().bind(fd, {kClient6, 0}), Errno::kNone);
  EXPECT_EQ(client().set_option(now(), fd, SocketOption::kV6Only, 0), Errno::kInvalid);
  const Fd udp = datagram(client());
  EXPECT_EQ(client().bind(udp, {Ipv4Address(), 7000}), Errno::kNone);
  EXPECT_EQ(client().connect(now(), udp, {kServer6, 80}), Errno::kAddressFamilyNotSupported);
  EXPECT_EQ(client().set_option(now(), udp, SocketOption::kV6Only, 1), Errno::kInvalid);
}

TEST_F(DualStackTest, AConnectedDatagramSocketHearsThatNobodyListens) {
  const Fd fd = datagram(client());
  ASSERT_EQ(client().connect(now(), fd, {kServer6, 9}), Errno::kNone);
  EXPECT_EQ(client().send(now(), fd, Bytes(5)), 5);
  pass();
  EXPECT_EQ(client().send(now(), fd, Bytes(5)), failure(Errno::kConnectionRefused));
}

TEST_F(DualStackTest, BulkOverIpv6UsesFullFrames) {
  std::size_t longest = 0;
  network_.watch([&](const SeenFrame& frame) { longest = std::max(longest, frame.bytes.size()); });
  server_.add<BulkSink>("sink", kStart, BulkSinkConfig());
  client_.add<Bulk>("bulk", kStart, BulkConfig{.size_bytes = 300000, .to = kServer6});
  network_.run_until([&] { return client_.done(); }, {.until = at_ns(10'000'000'000)});
  EXPECT_TRUE(client_.done());
  EXPECT_EQ(longest, 1514U) << "segments of 1440 less timestamps";
}

TEST_F(DualStackTest, DatagramsLongerThanAFrameTravelInFragments) {
  carries(client(), server(), {kServer6, 5000}, 3000);
  carries(client(), server(), {kServer4, 5000}, 3000);
  carries(client(), server(), {kServer6, 5000}, 1452);
  carries(client(), server(), {kServer6, 5000}, 1453);
  carries(client(), server(), {kServer6, 5000}, 40000);
  EXPECT_EQ(server_.ip().counters().datagrams_reassembled, 4U);
  EXPECT_EQ(server_.ip().counters().fragments_in, client_.ip().counters().fragments_out);
  const Fd fd = datagram(client());
  EXPECT_EQ(client().send_to(now(), fd, {kServer4, 1}, Bytes(65508)), failure(Errno::kMessageSize));
  EXPECT_EQ(client().send_to(now(), fd, {kServer6, 1}, Bytes(65528)), failure(Errno::kMessageSize));
}

TEST_F(DualStackTest, AHostTalksToItself) {
  for (const char* own : {"127.0.0.1", "127.8.8.8", "::1", "2001:db8::1", "198.18.0.1"}) {
    const IpAddress address = *IpAddress::parse(own);
    const Fd listener = listening(client(), {address, 80});
    EXPECT_EQ(connects(address, 80), 0) << own;
    client().close(now(), listener);
    carries(client(), client(), {address, 5000}, 3000);
  }
  EXPECT_EQ(client_.ip().counters().tx_frames, 0U) << "nothing left the host";
  EXPECT_EQ(connects(*IpAddress::parse("::1"), 81), 111);
}

TEST_F(DualStackTest, BulkToItselfTakesTime) {
  client_.add<BulkSink>("sink", kStart, BulkSinkConfig());
  client_.add<Bulk>("bulk", kStart,
                    BulkConfig{.size_bytes = 2'000'000, .to = *IpAddress::parse("::1")});
  network_.run_until([&] { return client_.app(1).done(); }, {.until = at_ns(10'000'000'000)});
  EXPECT_TRUE(client_.app(1).done());
  EXPECT_GT(network_.now(), at_ns(20'000)) << "never at one instant";
}

TEST_F(DualStackTest, AnIdleHostIsSmall) { EXPECT_LE(sizeof(IpHost), 2048U); }

class VlanTest : public DualStackTest {
 protected:
  VlanTest() : DualStackTest(42) {}
};

TEST_F(VlanTest, FramesCarryTheTagBothWays) {
  std::size_t tagged = 0;
  std::size_t frames = 0;
  network_.watch([&](const SeenFrame& frame) {
    const auto ethernet = EthernetView::parse(frame.bytes);
    ++frames;
    if (ethernet->vlan_count() == 1 && ethernet->vlan(0).id() == 42) ++tagged;
  });
  listening(server(), {IpAddress(), 80});
  EXPECT_EQ(connects(kServer6, 80), 0);
  EXPECT_EQ(connects(kServer4, 80), 0);
  carries(client(), server(), {kServer6, 5000}, 3000);
  carries(client(), server(), {kServer4, 5000}, 3000);
  EXPECT_GT(frames, 20U);
  EXPECT_EQ(tagged, frames);
}

// Two VLANs and no VLAN on one cable, each a network of its own.
TEST(VlansTest, SeveralInterfacesShareAPort) {
  HeapPool pool;
  const auto config = [](int number) {
    HostConfig made = config_of(number);
    for (const std::uint16_t vlan : {std::uint16_t{10}, std::uint16_t{20}}) {
      InterfaceConfig more = made.interfaces[0];
      const std::string text =
          "198.18." + std::to_string(vlan) + "." + std::to_string(number) + "/24";
      more.addresses = {*IpPrefix::parse(text)};
      more.port = 0;
      more.vlan = vlan;
      made.interfaces.push_back(more);
    }
    return made;
  };
  AppHost client(config(1), TcpConfig(), pool);
  AppHost server(config(2), TcpConfig(), pool);
  FakeNetwork network(1);
  const FakeHostId a = network.add("client", client);
  const FakeHostId b = network.add("server", server);
  network.join("wire", {a, 0}, {b, 0}, LinkConfig{.delay = milliseconds(1)});
  const Fd receiver = server.sockets().socket(SocketKind::kDatagram).fd;
  ASSERT_EQ(server.sockets().bind(receiver, {IpAddress(), 5000}), Errno::kNone);
  const Fd sender = client.sockets().socket(SocketKind::kDatagram).fd;
  for (const char* to : {"198.18.0.2", "198.18.10.2", "198.18.20.2"}) {
    const SocketAddress target{*IpAddress::parse(to), 5000};
    EXPECT_EQ(client.sockets().send_to(network.now(), sender, target, Bytes(3)), 3);
    network.run_for(milliseconds(50));
    const Received got = server.sockets().receive_slice(network.now(), receiver, 64);
    EXPECT_EQ(got.result, 3) << to;
    EXPECT_EQ(got.source.address.low() & 0xff00, target.address.low() & 0xff00) << to;
  }
}

// A router would say it; here the answer is made by hand, about a segment in flight.
TEST_F(DualStackTest, TcpSendsShorterSegmentsOnANarrowPath) {
  std::size_t longest = 0;
  Bytes segment;
  network_.watch([&](const SeenFrame& frame) {
    longest = std::max(longest, frame.bytes.size());
    if (frame.bytes.size() == 1514 && segment.empty()) {
      segment.assign(frame.bytes.begin() + kEthernetHeaderLen, frame.bytes.end());
    }
  });
  server_.add<BulkSink>("sink", kStart, BulkSinkConfig());
  client_.add<Bulk>("bulk", kStart, BulkConfig{.size_bytes = 500000, .to = kServer6});
  network_.run_until([&] { return !segment.empty(); });
  Icmpv6Repr message = Icmpv6Repr::error(Icmpv6Type::kPacketTooBig, 0, segment);
  message.word = 1400;
  BufPtr frame(pool_.take());
  message.emit(frame->push_back(static_cast<std::uint32_t>(message.len())), kServer6, kClient6);
  const Ipv6Repr ip{.src = kServer6.v6(),
                    .dst = kClient6.v6(),
                    .protocol = IpProtocol::kIcmpv6,
                    .payload_len = message.len()};
  ip.emit(frame->push_front(kIpv6HeaderLen));
  EthernetRepr{.dst = client_.ip().config().interfaces[0].mac,
               .src = server_.ip().config().interfaces[0].mac,
               .ethertype = EtherType::kIpv6}
      .emit(frame->push_front(kEthernetHeaderLen));
  client_.on_rx(now(), 0, std::span(&frame, 1));
  pass(milliseconds(1));
  longest = 0;
  network_.run_until([&] { return client_.done(); }, {.until = at_ns(20'000'000'000)});
  EXPECT_TRUE(client_.done());
  EXPECT_EQ(longest, 1414U);
  const Fd next = stream(client());
  client().connect(now(), next, {kServer6, 5001});
  pass();
  EXPECT_EQ(client().tcp_info(next)->mss_bytes, 1400U - 60 - 12) << "the path is remembered";
}

}  // namespace
}  // namespace twinpath
