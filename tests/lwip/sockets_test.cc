// The socket calls over lwIP, one by one: results and errors as an application of ours expects
// them, half-close, resets, loopback, options, and operations as messages.
#include <gtest/gtest.h>

#include "models/app/task_app.h"
#include "models/socket/host_stack.h"
#include "tests/lwip/lwip_pair.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LwipCalls : public testing::Test {
 protected:
  using Pair = MixedPair<LwipAppHost, LwipAppHost>;
  SocketApi& client() { return pair_.client->sockets(); }
  SocketApi& server() { return pair_.server->sockets(); }
  [[nodiscard]] Instant now() const { return pair_.network.now(); }
  // A call from outside of the network: what it caused is sent by a turn.
  void run(Duration time) {
    pair_.client->lwip().ask_for_turn(now());
    pair_.server->lwip().ask_for_turn(now());
    pair_.network.run_for(time);
  }

  Fd listen(std::uint16_t port, std::uint32_t backlog = 16) {
    const Fd fd = server().socket(SocketKind::kStream).fd;
    EXPECT_EQ(server().bind(fd, {IpAddress(), port}), Errno::kNone);
    EXPECT_EQ(server().listen(fd, backlog), Errno::kNone);
    return fd;
  }
  Fd connect(std::uint16_t port) {
    const Fd fd = client().socket(SocketKind::kStream).fd;
    EXPECT_EQ(client().connect(now(), fd, {kServerAddress, port}), Errno::kInProgress);
    EXPECT_EQ(client().connect(now(), fd, {kServerAddress, port}), Errno::kAlready);
    run(seconds(1));
    return fd;
  }
  static std::span<const std::byte> text(std::string_view words) {
    return std::as_bytes(std::span(words));
  }

  Pair pair_;
};

TEST_F(LwipCalls, AConnectionFromBothEnds) {
  const Fd listener = listen(80);
  EXPECT_EQ(server().accept(listener).error, Errno::kAgain);
  const Fd fd = connect(80);
  EXPECT_EQ(client().readiness(fd), kPollOut);
  EXPECT_EQ(client().connect(now(), fd, {kServerAddress, 80}), Errno::kNone);
  EXPECT_EQ(client().connect(now(), fd, {kServerAddress, 80}), Errno::kIsConnected);
  const Accepted accepted = server().accept(listener);
  ASSERT_EQ(accepted.error, Errno::kNone);
  EXPECT_EQ(accepted.remote, client().local_name(fd).address);
  EXPECT_EQ(client().peer_name(fd).address, (SocketAddress{kServerAddress, 80}));

  EXPECT_EQ(client().send(now(), fd, text("hello")), 5);
  run(seconds(1));
  EXPECT_EQ(server().readiness(accepted.fd), kPollIn | kPollOut);
  EXPECT_EQ(server().get_option(accepted.fd, SocketOption::kUnreadBytes).value, 5);
  std::array<std::byte, 3> piece{};
  EXPECT_EQ(server().receive(now(), accepted.fd, piece), 3);
  const Received rest = server().receive_slice(now(), accepted.fd, 100);
  EXPECT_EQ(rest.result, 2);
  EXPECT_EQ(rest.data.bytes()[1], static_cast<std::byte>('o'));
  EXPECT_EQ(server().receive(now(), accepted.fd, piece), failure(Errno::kAgain));

  EXPECT_EQ(client().shutdown(now(), fd, ShutdownHow::kWrite), Errno::kNone);
  EXPECT_EQ(client().send(now(), fd, text("x")), failure(Errno::kBrokenPipe));
  run(seconds(1));
  EXPECT_EQ(server().receive(now(), accepted.fd, piece), 0);
  EXPECT_EQ(server().send(now(), accepted.fd, text("bye")), 3);
  run(seconds(1));
  EXPECT_EQ(client().receive(now(), fd, piece), 3);
  EXPECT_EQ(server().close(now(), accepted.fd), Errno::kNone);
  run(seconds(1));
  EXPECT_EQ(client().receive(now(), fd, piece), 0);
  // Longer than TIME_WAIT: lwIP has forgotten the connection, the socket must not touch it.
  run(seconds(300));
  EXPECT_EQ(client().receive(now(), fd, piece), 0);
  EXPECT_EQ(client().peer_name(fd).address, (SocketAddress{kServerAddress, 80}));
  EXPECT_EQ(client().close(now(), fd), Errno::kNone);
  EXPECT_EQ(client().close(now(), fd), Errno::kBadDescriptor);
}

TEST_F(LwipCalls, WhatItKnowsOfAConnection) {
  const Fd listener = listen(80);
  const Fd fd = connect(80);
  const std::vector<std::byte> data(10'000);
  ASSERT_EQ(client().send(now(), fd, data), 10'000);
  const auto info = client().tcp_info(fd);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->state, TcpState::kEstablished);
  EXPECT_EQ(info->recovery, TcpRecovery::kOpen);
  EXPECT_GT(info->in_flight_bytes, 0U);
  EXPECT_EQ(info->in_flight_bytes + info->unsent_bytes, 10'000U);
  EXPECT_EQ(info->segments_unacked,
            (info->in_flight_bytes + info->mss_bytes - 1) / info->mss_bytes);
  EXPECT_EQ(info->expiries, 0U);
  EXPECT_TRUE(info->window_scaling);
  EXPECT_EQ(info->receive_scale, TCP_RCV_SCALE);
  EXPECT_EQ(info->send_scale, TCP_RCV_SCALE) << "the other one's";
  EXPECT_FALSE(server().tcp_info(listener).has_value()) << "a listener has no connection";
}

TEST_F(LwipCalls, RefusedAndReset) {
  const Fd refused = connect(81);
  EXPECT_NE(client().readiness(refused) & kPollError, 0U);
  const auto error = client().get_option(refused, SocketOption::kError).value;
  EXPECT_EQ(static_cast<Errno>(error), Errno::kConnectionRefused);

  const Fd listener = listen(80);
  // The socket that was refused may try again.
  EXPECT_EQ(client().connect(now(), refused, {kServerAddress, 80}), Errno::kInProgress);
  run(seconds(1));
  const Fd accepted = server().accept(listener).fd;
  EXPECT_EQ(server().set_option(now(), accepted, SocketOption::kLinger, 0), Errno::kNone);
  server().close(now(), accepted);
  run(seconds(1));
  std::array<std::byte, 4> piece{};
  EXPECT_EQ(client().receive(now(), refused, piece), failure(Errno::kConnectionReset));
}

TEST_F(LwipCalls, ErrorsOfCalls) {
  const Fd none = static_cast<Fd>(77);
  EXPECT_EQ(client().listen(none, 1), Errno::kBadDescriptor);
  EXPECT_EQ(client().send(now(), none, {}), failure(Errno::kBadDescriptor));
  EXPECT_EQ(client().readiness(none), 0U);
  const Fd stream = client().socket(SocketKind::kStream).fd;
  EXPECT_EQ(client().bind(stream, {*IpAddress::parse("10.9.9.9"), 0}), Errno::kAddressNotAvailable);
  EXPECT_EQ(client().accept(stream).error, Errno::kInvalid);
  EXPECT_EQ(client().shutdown(now(), stream, ShutdownHow::kBoth), Errno::kNotConnected);
  std::array<std::byte, 4> piece{};
  EXPECT_EQ(client().receive(now(), stream, piece), failure(Errno::kNotConnected));
  EXPECT_EQ(client().set_option(now(), stream, SocketOption::kReceiveBuffer, 1),
            Errno::kNoProtocolOption);
  EXPECT_EQ(client().set_option(now(), stream, SocketOption::kNoDelay, 1), Errno::kNone);
  EXPECT_EQ(client().get_option(stream, SocketOption::kNoDelay).value, 1);
  listen(80);
  const Fd second = server().socket(SocketKind::kStream).fd;
  EXPECT_EQ(server().bind(second, {IpAddress(), 80}), Errno::kAddressInUse);
  const Fd datagram = client().socket(SocketKind::kDatagram).fd;
  EXPECT_EQ(client().send(now(), datagram, text("x")), failure(Errno::kDestinationRequired));
  EXPECT_EQ(client().listen(datagram, 1), Errno::kOperationNotSupported);
}

TEST_F(LwipCalls, AFullAcceptQueueResets) {
  listen(80, 2);
  std::vector<Fd> fds;
  for (int i = 0; i < 4; ++i) fds.push_back(connect(80));
  int alive = 0;
  for (const Fd fd : fds) alive += (client().readiness(fd) & kPollError) == 0 ? 1 : 0;
  EXPECT_EQ(alive, 2);
}

// lwIP hands looped packets to its thread, which we do not have.
TEST_F(LwipCalls, AHostTalksToItself) {
  const Fd listener = listen(80);
  const Fd fd = server().socket(SocketKind::kStream).fd;
  EXPECT_EQ(server().connect(now(), fd, {kServerAddress, 80}), Errno::kInProgress);
  run(seconds(2));
  const Fd accepted = server().accept(listener).fd;
  ASSERT_NE(accepted, Fd::kNone);
  EXPECT_EQ(server().send(now(), fd, text("me")), 2);
  run(seconds(2));
  std::array<std::byte, 4> piece{};
  EXPECT_EQ(server().receive(now(), accepted, piece), 2);
}

TEST_F(LwipCalls, OperationsAsMessages) {
  HostStack at_server(server());
  HostStack at_client(client());
  const auto one = [](HostStack& stack) {
    StackCompletion done;
    EXPECT_EQ(stack.reap(std::span(&done, 1)), 1U);
    EXPECT_EQ(done.error, Errno::kNone);
    return done;
  };
  at_server.submit(now(), {.id = 1, .kind = StackOpKind::kSocket});
  const Fd listener = one(at_server).socket;
  at_server.submit(
      now(),
      {.id = 2, .kind = StackOpKind::kBind, .socket = listener, .address = {IpAddress(), 80}});
  one(at_server);
  at_server.submit(now(), {.id = 3, .kind = StackOpKind::kListen, .socket = listener, .value = 4});
  one(at_server);
  at_server.submit(now(), {.id = 4, .kind = StackOpKind::kAccept, .socket = listener});
  at_client.submit(now(), {.id = 5, .kind = StackOpKind::kSocket});
  const Fd fd = one(at_client).socket;
  at_client.submit(
      now(),
      {.id = 6, .kind = StackOpKind::kConnect, .socket = fd, .address = {kServerAddress, 80}});
  run(seconds(1));
  at_client.run(now());
  at_server.run(now());
  EXPECT_EQ(one(at_client).id, 6U);
  const StackCompletion accepted = one(at_server);
  EXPECT_EQ(accepted.id, 4U);
  EXPECT_EQ(accepted.address, client().local_name(fd).address);
}

TEST_F(LwipCalls, WhatItAllocatedComesBack) {
  listen(80);
  run(seconds(1));
  const std::size_t before = pair_.client->lwip().bytes();
  for (int i = 0; i < 100; ++i) client().close(now(), connect(80));
  run(seconds(300));
  EXPECT_EQ(pair_.client->lwip().bytes(), before);
}

// Code in blocking style runs over it unchanged.
class Greeter final : public TaskApp {
 public:
  struct Config {
    IpAddress to{};
    std::string* got = nullptr;
  };
  Greeter(const Config& config, const AppContext& context) : TaskApp(context), config_(config) {}

 private:
  Task<> run() override {
    if (config_.got == nullptr) {
      TaskSocket listener = listen(80);
      AcceptedSocket accepted = co_await listener.accept();
      co_await sleep(milliseconds(100));
      co_await accepted.socket.send_all(text("good day"));
      co_return;
    }
    TaskSocket socket = stream();
    if (co_await socket.connect({config_.to, 80}) != Errno::kNone) co_return;
    std::array<std::byte, 100> into{};
    const std::int64_t got = co_await socket.receive_all(into);
    for (std::int64_t i = 0; i < got; ++i) *config_.got += static_cast<char>(into[std::size_t(i)]);
  }
  static std::span<const std::byte> text(std::string_view words) {
    return std::as_bytes(std::span(words));
  }
  Config config_;
};

TEST_F(LwipCalls, BlockingStyle) {
  std::string got;
  pair_.server->add<Greeter>("server/app0", kStart, Greeter::Config());
  const Greeter& asks =
      pair_.client->add<Greeter>("client/app0", kStart, Greeter::Config{kServerAddress, &got});
  EXPECT_EQ(pair_.run_until([&] { return asks.done(); }, seconds(60)), RunEnd::kMet);
  EXPECT_EQ(got, "good day");
}

}  // namespace
}  // namespace twinpath
