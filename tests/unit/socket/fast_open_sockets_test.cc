// Fast Open, shared ports, deferred accepts and urgent data by the socket calls, between two hosts;
// and what slow readers may cost.
#include <gtest/gtest.h>

#include "models/socket/poller.h"
#include "models/socket/sockets.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class OpeningSockets : public ::testing::Test {
 protected:
  Sockets& client() { return pair_.client.sockets(); }
  Sockets& server() { return pair_.server.sockets(); }
  Instant now() { return pair_.network.now(); }
  void pass(Duration time = milliseconds(50)) { pair_.run(time); }
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
  Fd listening(SocketOption option, std::int64_t value) {
    const Fd fd = server().socket(SocketKind::kStream).fd;
    EXPECT_EQ(server().set_option(now(), fd, option, value), Errno::kNone);
    EXPECT_EQ(server().bind(fd, {IpAddress(), 80}), Errno::kNone);
    EXPECT_EQ(server().listen(fd, 64), Errno::kNone);
    return fd;
  }
  // One connection that fetches the server's cookie.
  void fetch_cookie() {
    const Fd fd = client().socket(SocketKind::kStream).fd;
    EXPECT_EQ(errno_of(client().send_fast_open(now(), fd, remote_, text("not yet"))),
              Errno::kInProgress);
    pass();
    EXPECT_EQ(client().connect(now(), fd, remote_), Errno::kNone);
    client().close(now(), fd);
    pass();
  }

  AppPair pair_;
  const SocketAddress remote_{kServerAddress, 80};
};

// send(2), MSG_FASTOPEN.
TEST_F(OpeningSockets, DataArrivesWithTheSyn) {
  const Fd listener = listening(SocketOption::kFastOpen, 5);
  fetch_cookie();
  EXPECT_NE(server().accept(listener).fd, Fd::kNone);
  const Fd fd = client().socket(SocketKind::kStream).fd;
  EXPECT_EQ(client().send_fast_open(now(), fd, remote_, text("question")), 8);
  pass(milliseconds(6));  // one way
  const Fd peer = server().accept(listener).fd;
  ASSERT_NE(peer, Fd::kNone);
  EXPECT_EQ(read(server(), peer), "question");
  EXPECT_EQ(server().send(now(), peer, text("answer")), 6);
  pass(milliseconds(6));  // and back: one round trip for all
  EXPECT_EQ(read(client(), fd), "answer");
  pass();
  EXPECT_TRUE(client().tcp_info(fd)->syn_data_acked);
}

TEST_F(OpeningSockets, MoreThanASynTakesIsNotTaken) {
  listening(SocketOption::kFastOpen, 5);
  fetch_cookie();
  const Fd fd = client().socket(SocketKind::kStream).fd;
  const std::vector<std::byte> much(5000);
  const std::int64_t sent = client().send_fast_open(now(), fd, remote_, much);
  EXPECT_GT(sent, 1300);
  EXPECT_LT(sent, 1460);
  EXPECT_EQ(errno_of(client().send(now(), fd, much)), Errno::kAgain);
  pass();
  EXPECT_EQ(client().send(now(), fd, much), 5000);
}

// tcp(7), TCP_FASTOPEN_CONNECT.
TEST_F(OpeningSockets, ConnectWaitsForData) {
  const Fd listener = listening(SocketOption::kFastOpen, 5);
  fetch_cookie();
  server().accept(listener);
  const Fd fd = client().socket(SocketKind::kStream).fd;
  ASSERT_EQ(client().set_option(now(), fd, SocketOption::kFastOpenConnect, 1), Errno::kNone);
  EXPECT_EQ(client().connect(now(), fd, remote_), Errno::kNone);
  EXPECT_EQ(client().connect(now(), fd, remote_), Errno::kIsConnected);
  EXPECT_EQ(client().readiness(fd), kPollOut);
  EXPECT_EQ(read(client(), fd), "EAGAIN");
  pass();
  EXPECT_EQ(server().accept(listener).error, Errno::kAgain) << "no SYN before there is data";
  EXPECT_EQ(client().send(now(), fd, text("first")), 5);
  pass(milliseconds(6));
  const Fd peer = server().accept(listener).fd;
  ASSERT_NE(peer, Fd::kNone);
  EXPECT_EQ(read(server(), peer), "first");
}

TEST_F(OpeningSockets, WithoutACookieConnectIsOrdinary) {
  listening(SocketOption::kFastOpen, 5);
  const Fd fd = client().socket(SocketKind::kStream).fd;
  ASSERT_EQ(client().set_option(now(), fd, SocketOption::kFastOpenConnect, 1), Errno::kNone);
  EXPECT_EQ(client().connect(now(), fd, remote_), Errno::kInProgress);
  pass();
  EXPECT_EQ(client().connect(now(), fd, remote_), Errno::kNone);
}

TEST_F(OpeningSockets, DeferredAcceptWaitsForData) {
  const Fd listener = listening(SocketOption::kDeferAccept, 5);
  const Fd fd = client().socket(SocketKind::kStream).fd;
  client().connect(now(), fd, remote_);
  pass();
  EXPECT_EQ(client().connect(now(), fd, remote_), Errno::kNone);
  EXPECT_EQ(server().accept(listener).error, Errno::kAgain);
  EXPECT_EQ(client().send(now(), fd, text("here")), 4);
  pass();
  const Fd peer = server().accept(listener).fd;
  EXPECT_EQ(read(server(), peer), "here");
}

// socket(7), SO_REUSEPORT.
TEST_F(OpeningSockets, ListenersShareAPort) {
  std::vector<Fd> listeners;
  for (int i = 0; i < 4; ++i) listeners.push_back(listening(SocketOption::kReusePort, 1));
  const Fd other = server().socket(SocketKind::kStream).fd;
  EXPECT_EQ(server().bind(other, remote_), Errno::kAddressInUse);
  for (int i = 0; i < 200; ++i) {
    client().connect(now(), client().socket(SocketKind::kStream).fd, remote_);
    if (i % 20 == 0) pass();
  }
  pass();
  std::size_t all = 0;
  for (const Fd listener : listeners) {
    std::size_t share = 0;
    while (server().accept(listener).error == Errno::kNone) ++share;
    EXPECT_GT(share, 25U);
    all += share;
  }
  EXPECT_EQ(all, 200U);
}

// What a listener was told holds for what it accepts.
TEST_F(OpeningSockets, OptionsAreInherited) {
  const Fd listener = listening(SocketOption::kKeepAlive, 1);
  ASSERT_EQ(server().set_option(now(), listener, SocketOption::kKeepAliveIdle, 1), Errno::kNone);
  pass(seconds(100));
  client().connect(now(), client().socket(SocketKind::kStream).fd, remote_);
  pass();
  const Fd peer = server().accept(listener).fd;
  EXPECT_EQ(server().get_option(peer, SocketOption::kKeepAlive).value, 1);
  EXPECT_EQ(server().get_option(peer, SocketOption::kKeepAliveIdle).value, 1);
  const auto before = server().tcp_info(peer)->segments_out;
  pass(milliseconds(900));
  EXPECT_EQ(server().tcp_info(peer)->segments_out, before) << "not idle for long enough";
  pass(milliseconds(200));
  EXPECT_EQ(server().tcp_info(peer)->segments_out, before + 1);
}

// tcp(7), TCP_NOTSENT_LOWAT: writable only while little waits behind the window.
TEST_F(OpeningSockets, LowatKeepsTheQueueShort) {
  const Fd listener = listening(SocketOption::kReuseAddress, 1);
  const Fd fd = client().socket(SocketKind::kStream).fd;
  ASSERT_EQ(client().set_option(now(), fd, SocketOption::kNotSentLowat, 10'000), Errno::kNone);
  client().connect(now(), fd, remote_);
  pass();
  const Fd peer = server().accept(listener).fd;
  Poller poller(client());
  poller.add(fd, {kPollOut, Trigger::kEdge});
  std::array<PollEvent, 1> events;
  const std::vector<std::byte> block(8192);
  std::uint64_t sent = 0;
  for (int round = 0; round < 2000; ++round) {
    if (poller.wait(events) > 0) {
      for (std::int64_t taken = 1; taken > 0;) {
        taken = client().send(now(), fd, block);
        sent += taken > 0 ? static_cast<std::uint64_t>(taken) : 0;
      }
      EXPECT_LE(client().get_option(fd, SocketOption::kNotSentBytes).value, 10'000 + 8192);
    }
    pass(milliseconds(1));
    while (server().receive_slice(now(), peer, 1 << 20).result > 0) {
    }
  }
  EXPECT_GT(sent, 2'000'000U) << "and it does not stall";
}

// Urgent data by MSG_OOB and EPOLLPRI: beside the stream, or in it.
class UrgentSockets : public OpeningSockets {
 protected:
  // The server's end of a connection on which "ab!c" came, the third octet urgent.
  Fd urged(SocketOption option, std::int64_t value) {
    const Fd listener = listening(option, value);
    const Fd fd = client().socket(SocketKind::kStream).fd;
    client().connect(now(), fd, remote_);
    pass();
    const Fd peer = server().accept(listener).fd;
    EXPECT_EQ(client().send_urgent(now(), fd, text("ab!")), 3);
    EXPECT_EQ(client().send(now(), fd, text("c")), 1);
    pass();
    return peer;
  }
};

TEST_F(UrgentSockets, AnOctetStandsBesideTheStream) {
  const Fd peer = urged(SocketOption::kOutOfBandInline, 0);
  EXPECT_NE(server().readiness(peer) & kPollUrgent, 0U);
  EXPECT_EQ(server().get_option(peer, SocketOption::kUnreadBytes).value, 2);
  EXPECT_EQ(server().get_option(peer, SocketOption::kAtMark).value, 0);
  std::array<std::byte, 1> urgent{};
  EXPECT_EQ(server().receive_urgent(peer, urgent, Sockets::Consume::kNo), 1);
  EXPECT_EQ(server().receive_urgent(peer, urgent, Sockets::Consume::kYes), 1);
  EXPECT_EQ(urgent[0], std::byte{'!'});
  EXPECT_EQ(server().receive_urgent(peer, urgent, Sockets::Consume::kYes),
            -static_cast<std::int64_t>(Errno::kInvalid));
  EXPECT_EQ(server().readiness(peer) & kPollUrgent, 0U);
  EXPECT_EQ(read(server(), peer), "ab");
  EXPECT_EQ(server().get_option(peer, SocketOption::kAtMark).value, 1);
  EXPECT_EQ(read(server(), peer), "c");
}

TEST_F(UrgentSockets, WhoNeverAskedReadsOn) {
  const Fd peer = urged(SocketOption::kReuseAddress, 1);
  EXPECT_NE(server().readiness(peer) & kPollUrgent, 0U);
  EXPECT_EQ(server().get_option(peer, SocketOption::kUnreadBytes).value, 4);
  EXPECT_EQ(read(server(), peer), "ab!c");
}

TEST_F(UrgentSockets, InlineAReadEndsInFrontOfIt) {
  const Fd peer = urged(SocketOption::kOutOfBandInline, 1);
  std::array<std::byte, 1> urgent{};
  EXPECT_EQ(server().receive_urgent(peer, urgent, Sockets::Consume::kYes),
            -static_cast<std::int64_t>(Errno::kInvalid));
  EXPECT_EQ(server().get_option(peer, SocketOption::kUnreadBytes).value, 4);
  EXPECT_EQ(read(server(), peer), "ab");
  EXPECT_EQ(read(server(), peer), "!c");
  EXPECT_EQ(server().readiness(peer) & kPollUrgent, 0U);
}

// Many readers that never read: what is held for them is what their windows offered.
TEST(SlowReaders, CostTheirBuffersAndNoMore) {
  AppPairOptions options;
  options.link = {.rate_bps = 1'000'000'000, .delay = milliseconds(1)};
  options.server_tcp.receive_buffer_bytes = 32768;
  options.client_tcp.send_buffer_bytes = 65536;
  AppPair pair(options);
  Sockets& client = pair.client.sockets();
  Sockets& server = pair.server.sockets();
  const Fd listener = server.socket(SocketKind::kStream).fd;
  server.bind(listener, {IpAddress(), 80});
  server.listen(listener, 1000);
  std::vector<Fd> fds;
  for (int i = 0; i < 200; ++i) {
    fds.push_back(client.socket(SocketKind::kStream).fd);
    client.connect(pair.network.now(), fds.back(), {kServerAddress, 80});
    if (i % 20 == 0) pair.run(milliseconds(20));
  }
  pair.run(milliseconds(100));
  std::vector<Fd> peers;
  for (Accepted got = server.accept(listener); got.error == Errno::kNone;
       got = server.accept(listener)) {
    peers.push_back(got.fd);
  }
  ASSERT_EQ(peers.size(), 200U);
  const std::vector<std::byte> block(65536);
  for (int round = 0; round < 20; ++round) {
    for (const Fd fd : fds) client.send(pair.network.now(), fd, block);
    pair.run(seconds(2));
  }
  std::int64_t held = 0;
  for (const Fd peer : peers) held += server.get_option(peer, SocketOption::kUnreadBytes).value;
  EXPECT_LE(held, 200 * 32768);
  EXPECT_GE(held, 200 * 30000);
  for (const Fd fd : fds) {
    EXPECT_LE(client.get_option(fd, SocketOption::kUnsentBytes).value, 65536);
  }
}

}  // namespace
}  // namespace twinpath
