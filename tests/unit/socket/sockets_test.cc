// Proves that every socket call returns what Linux would, in the order Linux would.
#include "models/socket/sockets.h"

#include <gtest/gtest.h>

#include "models/app/content.h"
#include "models/socket/fd_set.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SocketsTest : public ::testing::Test {
 protected:
  Sockets& client() { return pair_.client.sockets(); }
  Sockets& server() { return pair_.server.sockets(); }
  Instant now() { return pair_.network.now(); }
  void pass(Duration time = milliseconds(50)) { pair_.run(time); }

  Fd stream(Sockets& sockets) { return sockets.socket(SocketKind::kStream).fd; }
  Fd datagram(Sockets& sockets) { return sockets.socket(SocketKind::kDatagram).fd; }
  Fd listening(std::uint16_t port) {
    const Fd fd = stream(server());
    EXPECT_EQ(server().bind(fd, {IpAddress(), port}), Errno::kNone);
    EXPECT_EQ(server().listen(fd, 8), Errno::kNone);
    return fd;
  }
  // A connection from the client to the server's `port`.
  void connect(std::uint16_t port = 80) {
    listener_ = listening(port);
    fd_ = stream(client());
    EXPECT_EQ(client().connect(now(), fd_, {kServerAddress, port}), Errno::kInProgress);
    pass();
    peer_ = server().accept(listener_).fd;
    ASSERT_NE(peer_, Fd::kNone);
  }
  static std::span<const std::byte> text(std::string_view letters) {
    return std::as_bytes(std::span(letters));
  }
  std::string read(Sockets& sockets, Fd fd) {
    std::array<std::byte, 4096> data;
    const std::int64_t got = sockets.receive(now(), fd, data);
    return got < 0
               ? std::string(symbol(errno_of(got)))
               : std::string(reinterpret_cast<char*>(data.data()), static_cast<std::size_t>(got));
  }

  AppPair pair_;
  Fd listener_ = Fd::kNone;
  Fd fd_ = Fd::kNone;
  Fd peer_ = Fd::kNone;
};

TEST(FdSetTest, HandsOutTheLowestFreeOne) {
  FdSet set(130);
  for (std::uint32_t i = 0; i < 130; ++i) EXPECT_EQ(set.take(), i);
  EXPECT_EQ(set.take(), std::nullopt);
  set.give_back(100);
  set.give_back(3);
  EXPECT_EQ(set.take(), 3U);
  EXPECT_EQ(set.take(), 100U);
  EXPECT_EQ(set.size(), 130U);
}

TEST_F(SocketsTest, CarriesBytesBothWaysAndEndsInOrder) {
  connect();
  EXPECT_EQ(client().connect(now(), fd_, {kServerAddress, 80}), Errno::kNone);
  EXPECT_EQ(client().connect(now(), fd_, {kServerAddress, 80}), Errno::kIsConnected);
  EXPECT_EQ(client().send(now(), fd_, text("question")), 8);
  pass();
  EXPECT_EQ(read(server(), peer_), "question");
  EXPECT_EQ(read(server(), peer_), "EAGAIN");
  EXPECT_EQ(server().send(now(), peer_, text("answer")), 6);
  EXPECT_EQ(server().shutdown(now(), peer_, ShutdownHow::kWrite), Errno::kNone);
  EXPECT_EQ(errno_of(server().send(now(), peer_, text("more"))), Errno::kBrokenPipe);
  pass();
  EXPECT_EQ(read(client(), fd_), "answer");
  EXPECT_EQ(read(client(), fd_), "");
  EXPECT_EQ(client().send(now(), fd_, text("late")), 4) << "half-closed: the other way is open";
  pass();
  EXPECT_EQ(read(server(), peer_), "late");
}

TEST_F(SocketsTest, NamesBothEnds) {
  connect(8080);
  const SocketAddress local = client().local_name(fd_).address;
  EXPECT_EQ(local.address, IpAddress(kClientAddress));
  EXPECT_GE(local.port, 32768);
  const SocketAddress remote{kServerAddress, 8080};
  EXPECT_TRUE(client().peer_name(fd_).address == remote);
  EXPECT_TRUE(server().peer_name(peer_).address == local);
  EXPECT_EQ(server().local_name(listener_).address.port, 8080);
  EXPECT_EQ(server().peer_name(listener_).error, Errno::kNotConnected);
}

TEST_F(SocketsTest, RefusedConnection) {
  fd_ = stream(client());
  EXPECT_EQ(client().connect(now(), fd_, {kServerAddress, 81}), Errno::kInProgress);
  EXPECT_EQ(client().connect(now(), fd_, {kServerAddress, 81}), Errno::kAlready);
  EXPECT_EQ(errno_of(client().send(now(), fd_, text("early"))), Errno::kAgain);
  pass();
  EXPECT_EQ(client().readiness(fd_) & (kPollError | kPollHangup), kPollError | kPollHangup);
  EXPECT_EQ(client().get_option(fd_, SocketOption::kError).value, 111);
  EXPECT_EQ(client().get_option(fd_, SocketOption::kError).value, 0) << "read once";
  EXPECT_EQ(errno_of(client().send(now(), fd_, text("x"))), Errno::kBrokenPipe);
}

TEST_F(SocketsTest, UnreachablePlaces) {
  fd_ = stream(client());
  EXPECT_EQ(client().connect(now(), fd_, {Ipv4Address(0x0a000001), 80}),
            Errno::kNetworkUnreachable);
  EXPECT_EQ(client().connect(now(), fd_, {IpAddress(*Ipv6Address::parse("2001:db8::1")), 80}),
            Errno::kNetworkUnreachable)
      << "as an AF_INET6 socket without a route";
  const Fd udp = datagram(client());
  EXPECT_EQ(errno_of(client().send_to(now(), udp, {Ipv4Address(0x0a000001), 1}, text("x"))),
            Errno::kNetworkUnreachable);
}

TEST_F(SocketsTest, NeighbourThatDoesNotAnswer) {
  const Fd udp = datagram(client());
  const SocketAddress nobody{Ipv4Address(0xc6120063), 9};
  EXPECT_EQ(client().connect(now(), udp, nobody), Errno::kNone);
  EXPECT_EQ(client().send(now(), udp, text("x")), 1);
  pass(seconds(4));
  EXPECT_EQ(errno_of(client().send(now(), udp, text("x"))), Errno::kHostUnreachable);
}

TEST_F(SocketsTest, WrongCalls) {
  connect();
  const Fd closed = stream(client());
  EXPECT_EQ(client().close(now(), closed), Errno::kNone);
  EXPECT_EQ(client().close(now(), closed), Errno::kBadDescriptor);
  EXPECT_EQ(errno_of(client().send(now(), closed, text("x"))), Errno::kBadDescriptor);
  EXPECT_EQ(client().accept(fd_).error, Errno::kInvalid);
  EXPECT_EQ(client().bind(fd_, {IpAddress(), 5}), Errno::kInvalid);
  EXPECT_EQ(client().listen(fd_, 1), Errno::kInvalid);
  EXPECT_EQ(client().send_to(now(), fd_, {kServerAddress, 1}, text("x")), 1) << "to its peer";
  EXPECT_EQ(server().accept(listener_).error, Errno::kAgain);
  EXPECT_EQ(server().connect(now(), listener_, {kClientAddress, 1}), Errno::kIsConnected);

  const Fd fresh = stream(client());
  EXPECT_EQ(read(client(), fresh), "ENOTCONN");
  EXPECT_EQ(errno_of(client().send(now(), fresh, text("x"))), Errno::kBrokenPipe);
  EXPECT_EQ(client().shutdown(now(), fresh, ShutdownHow::kBoth), Errno::kNotConnected);
  EXPECT_EQ(client().bind(fresh, {kServerAddress, 5}), Errno::kAddressNotAvailable);

  const Fd udp = datagram(client());
  EXPECT_EQ(client().listen(udp, 1), Errno::kOperationNotSupported);
  EXPECT_EQ(client().accept(udp).error, Errno::kOperationNotSupported);
  EXPECT_EQ(errno_of(client().send(now(), udp, text("x"))), Errno::kDestinationRequired);
}

TEST_F(SocketsTest, BindingTwice) {
  listening(80);
  const Fd second = stream(server());
  EXPECT_EQ(server().bind(second, {IpAddress(), 80}), Errno::kAddressInUse);
  EXPECT_EQ(server().set_option(now(), second, SocketOption::kReuseAddress, 1), Errno::kNone);
  EXPECT_EQ(server().bind(second, {kServerAddress, 80}), Errno::kAddressInUse)
      << "somebody listens there";
  EXPECT_EQ(server().bind(second, {IpAddress(), 0}), Errno::kNone);
  EXPECT_GE(server().local_name(second).address.port, PortChooser::kFirst);
  EXPECT_EQ(server().bind(second, {IpAddress(), 82}), Errno::kInvalid);

  const Fd one = datagram(server());
  const Fd two = datagram(server());
  EXPECT_EQ(server().bind(one, {kServerAddress, 53}), Errno::kNone);
  EXPECT_EQ(server().bind(two, {IpAddress(), 53}), Errno::kAddressInUse);
  EXPECT_EQ(server().close(now(), one), Errno::kNone);
  EXPECT_EQ(server().bind(two, {IpAddress(), 53}), Errno::kNone);
}

TEST_F(SocketsTest, CloseWithLingerZeroResets) {
  connect();
  client().set_option(now(), fd_, SocketOption::kLinger, 0);
  client().close(now(), fd_);
  pass();
  EXPECT_EQ(read(server(), peer_), "ECONNRESET");
  EXPECT_EQ(read(server(), peer_), "");
  EXPECT_EQ(errno_of(server().send(now(), peer_, text("x"))), Errno::kBrokenPipe);
}

TEST_F(SocketsTest, OptionsReadBack) {
  fd_ = stream(client());
  const auto set_and_get = [&](SocketOption option, std::int64_t value) {
    EXPECT_EQ(client().set_option(now(), fd_, option, value), Errno::kNone);
    return client().get_option(fd_, option).value;
  };
  EXPECT_EQ(client().get_option(fd_, SocketOption::kNoDelay).value, 0);
  EXPECT_EQ(set_and_get(SocketOption::kNoDelay, 1), 1);
  EXPECT_EQ(set_and_get(SocketOption::kSendBuffer, 100000), 100000);
  EXPECT_EQ(set_and_get(SocketOption::kReceiveBuffer, 1), 1152) << "clamped";
  EXPECT_EQ(set_and_get(SocketOption::kKeepAlive, 1), 1);
  EXPECT_EQ(set_and_get(SocketOption::kKeepAliveIdle, 30), 30);
  EXPECT_EQ(set_and_get(SocketOption::kCongestion, 0), 0);
  EXPECT_EQ(set_and_get(SocketOption::kLinger, 0), 0);
  EXPECT_EQ(client().set_option(now(), fd_, SocketOption::kMaxSegment, 10), Errno::kInvalid);
  EXPECT_EQ(client().set_option(now(), fd_, SocketOption::kCongestion, 99), Errno::kNoEntry);
  const Fd udp = datagram(client());
  EXPECT_EQ(client().set_option(now(), udp, SocketOption::kNoDelay, 1), Errno::kNoProtocolOption);
}

TEST_F(SocketsTest, DatagramsKeepTheirBoundsAndSource) {
  const Fd at = datagram(server());
  ASSERT_EQ(server().bind(at, {IpAddress(), 53}), Errno::kNone);
  const Fd from = datagram(client());
  EXPECT_EQ(client().send_to(now(), from, {kServerAddress, 53}, text("one")), 3);
  EXPECT_EQ(client().send_to(now(), from, {kServerAddress, 53}, {}), 0);
  EXPECT_EQ(client().send_to(now(), from, {kServerAddress, 53}, text("three")), 5);
  const std::vector<std::byte> large(65508);
  EXPECT_EQ(errno_of(client().send_to(now(), from, {kServerAddress, 53}, large)),
            Errno::kMessageSize);
  pass();
  const Received first = server().receive_slice(now(), at, 100);
  EXPECT_EQ(first.result, 3);
  EXPECT_EQ(first.source.address, IpAddress(kClientAddress));
  EXPECT_EQ(first.source.port, client().local_name(from).address.port);
  EXPECT_EQ(server().receive_slice(now(), at, 100).result, 0);
  std::array<std::byte, 2> small;
  EXPECT_EQ(server().receive(now(), at, small), 2) << "cut to fit, the rest is gone";
  EXPECT_EQ(read(server(), at), "EAGAIN");
}

TEST_F(SocketsTest, PortUnreachableReachesAConnectedDatagramSocketOnce) {
  const Fd udp = datagram(client());
  EXPECT_EQ(client().connect(now(), udp, {kServerAddress, 9}), Errno::kNone);
  EXPECT_EQ(client().send(now(), udp, text("x")), 1);
  pass();
  EXPECT_NE(client().readiness(udp) & kPollError, 0U);
  EXPECT_EQ(errno_of(client().send(now(), udp, text("x"))), Errno::kConnectionRefused);
  EXPECT_EQ(client().send(now(), udp, text("x")), 1);
  EXPECT_EQ(pair_.server.ip().counters().icmp_errors_out, 1U);
}

TEST_F(SocketsTest, AFullDatagramQueueDropsAndCounts) {
  const Fd at = datagram(server());
  ASSERT_EQ(server().bind(at, {IpAddress(), 53}), Errno::kNone);
  server().set_option(now(), at, SocketOption::kReceiveBuffer, 5000);
  const Fd from = datagram(client());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client().send_to(now(), from, {kServerAddress, 53}, text("x")), 1);
  }
  pass();
  int received = 0;
  while (server().receive_slice(now(), at, 100).result > 0) ++received;
  EXPECT_EQ(received, 4) << "2,112 bytes of storage each, in twice what was asked for";
  EXPECT_EQ(pair_.server.ip().counters().drops(DropReason::kQueueFull), 16U);
}

// As Linux: what has arrived can still be read; then it is the end.
TEST_F(SocketsTest, ShutReadingReadsAsTheEnd) {
  connect();
  server().send(now(), peer_, text("late"));
  pass();
  EXPECT_EQ(client().shutdown(now(), fd_, ShutdownHow::kRead), Errno::kNone);
  EXPECT_EQ(read(client(), fd_), "late");
  EXPECT_EQ(read(client(), fd_), "");
  EXPECT_NE(client().readiness(fd_) & kPollReadHangup, 0U);
}

}  // namespace
}  // namespace twinpath
