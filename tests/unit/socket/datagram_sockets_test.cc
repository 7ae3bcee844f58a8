// Proves what options of datagram sockets do, and who gets a datagram that several could have.
#include <gtest/gtest.h>

#include "models/socket/sockets.h"
#include "models/wire/ethernet.h"
#include "models/wire/udp.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

class DatagramSocketsTest : public ::testing::Test {
 protected:
  Sockets& client() { return pair_.client.sockets(); }
  Sockets& server() { return pair_.server.sockets(); }
  Instant now() { return pair_.network.now(); }
  Fd datagram(Sockets& sockets) { return sockets.socket(SocketKind::kDatagram).fd; }
  Fd sharing(SocketOption option) {
    const Fd fd = datagram(server());
    EXPECT_EQ(server().set_option(now(), fd, option, 1), Errno::kNone);
    EXPECT_EQ(server().bind(fd, {kServerAddress, 53}), Errno::kNone);
    return fd;
  }
  int received(Fd fd) {
    int count = 0;
    while (server().receive_slice(now(), fd, 0).result > 0) ++count;
    return count;
  }

  AppPair pair_;
};

constexpr std::array kOne = {std::byte{1}};

TEST_F(DatagramSocketsTest, FlowsAreSpreadOverThosePortsAreSharedBy) {
  constexpr int kFlows = 64;
  std::array<Fd, 4> group;
  for (Fd& fd : group) fd = sharing(SocketOption::kReusePort);
  for (int i = 0; i < kFlows; ++i) {
    const Fd from = datagram(client());
    for (int again = 0; again < 3; ++again) {
      EXPECT_EQ(client().send_to(now(), from, {kServerAddress, 53}, kOne), 1);
    }
    pair_.run(std::chrono::milliseconds(5));
  }
  int all = 0;
  for (const Fd fd : group) {
    const int count = received(fd);
    EXPECT_EQ(count % 3, 0) << "a flow stays with one";
    EXPECT_GT(count, 0);
    all += count;
  }
  EXPECT_EQ(all, 3 * kFlows);
}

TEST_F(DatagramSocketsTest, OfThoseWithOneAddressTheLastBoundHears) {
  const Fd first = sharing(SocketOption::kReuseAddress);
  const Fd last = sharing(SocketOption::kReuseAddress);
  const Fd from = datagram(client());
  client().send_to(now(), from, {kServerAddress, 53}, kOne);
  pair_.run(std::chrono::milliseconds(50));
  EXPECT_EQ(received(first), 0);
  EXPECT_EQ(received(last), 1);
}

// While nobody takes frames, the queue of the port is where datagrams wait.
TEST_F(DatagramSocketsTest, TheSendBufferBoundsWhatWaitsToLeave) {
  const Fd bound = datagram(client());
  const Fd other = datagram(client());
  client().send_to(now(), bound, {kServerAddress, 53}, kOne);
  pair_.run(std::chrono::milliseconds(50));
  ASSERT_EQ(client().set_option(now(), bound, SocketOption::kSendBuffer, 5000), Errno::kNone);
  EXPECT_EQ(client().get_option(bound, SocketOption::kSendBuffer).value, 5000);
  int sent = 0;
  while (client().send_to(now(), bound, {kServerAddress, 53}, kOne) == 1 && sent < 100) ++sent;
  EXPECT_EQ(sent, 5) << "2,112 bytes each: the fifth begins below 10,000";
  EXPECT_EQ(client().readiness(bound) & kPollOut, 0U);
  EXPECT_GT(client().get_option(bound, SocketOption::kUnsentBytes).value, 10000);
  EXPECT_EQ(client().send_to(now(), other, {kServerAddress, 53}, kOne), 1) << "its own bound";
  pair_.run(std::chrono::milliseconds(50));
  EXPECT_EQ(client().get_option(bound, SocketOption::kUnsentBytes).value, 0);
  EXPECT_NE(client().readiness(bound) & kPollOut, 0U);
  EXPECT_EQ(client().send_to(now(), bound, {kServerAddress, 53}, kOne), 1);
}

TEST_F(DatagramSocketsTest, WhoIsBoundToAnAddressComesBeforeAny) {
  const Fd any = datagram(server());
  const Fd definite = datagram(server());
  for (const Fd fd : {any, definite}) {
    ASSERT_EQ(server().set_option(now(), fd, SocketOption::kReuseAddress, 1), Errno::kNone);
  }
  ASSERT_EQ(server().bind(definite, {kServerAddress, 53}), Errno::kNone);
  ASSERT_EQ(server().bind(any, {IpAddress(), 53}), Errno::kNone);
  client().send_to(now(), datagram(client()), {kServerAddress, 53}, kOne);
  pair_.run(std::chrono::milliseconds(50));
  EXPECT_EQ(received(any), 0);
  EXPECT_EQ(received(definite), 1);
}

}  // namespace
}  // namespace twinpath
