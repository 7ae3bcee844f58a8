// Socket calls over operations: what they answer at once, and what they learn later.
#include "models/socket/stack_sockets.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "models/socket/host_stack.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

constexpr std::uint16_t kPort = 80;
const IpAddress kServerIp(kServerAddress);

class StackSocketsTest : public ::testing::Test {
 protected:
  Instant now() { return pair_.network.now(); }
  void pass() {
    for (int i = 0; i < 20; ++i) {
      for (auto* side : {&client_, &server_}) side->flush(now());
      pair_.run(std::chrono::milliseconds(5));
      for (auto* stack : {&client_stack_, &server_stack_}) stack->run(now());
      for (auto* side : {&client_, &server_}) side->collect(now(), 1000);
    }
  }
  Fd stream(StackSockets& side) { return side.socket(SocketKind::kStream).fd; }
  Fd listen_at(std::uint16_t port) {
    const Fd fd = stream(server_);
    EXPECT_EQ(server_.bind(fd, {IpAddress(), port}), Errno::kNone);
    EXPECT_EQ(server_.listen(fd, 16), Errno::kNone);
    return fd;
  }
  void connect() {
    listener_ = listen_at(kPort);
    fd_ = stream(client_);
    EXPECT_EQ(client_.connect(now(), fd_, {kServerIp, kPort}), Errno::kInProgress);
    EXPECT_EQ(client_.readiness(fd_), 0U);
    pass();
    EXPECT_EQ(client_.readiness(fd_), kPollOut);
    EXPECT_EQ(server_.readiness(listener_), kPollIn);
    const Accepted accepted = server_.accept(listener_);
    EXPECT_EQ(accepted.error, Errno::kNone);
    peer_ = accepted.fd;
    EXPECT_TRUE(accepted.remote == client_.local_name(fd_).address);
  }
  std::int64_t send(StackSockets& side, Fd fd, std::string_view text) {
    return side.send(now(), fd, std::as_bytes(std::span(text)));
  }
  std::string receive(StackSockets& side, Fd fd) {
    std::string text(1000, ' ');
    const std::int64_t got = side.receive(now(), fd, std::as_writable_bytes(std::span(text)));
    text.resize(static_cast<std::size_t>(std::max<std::int64_t>(got, 0)));
    return text;
  }
  std::int64_t result_of_receive(StackSockets& side, Fd fd) {
    std::array<std::byte, 10> bytes;
    return side.receive(now(), fd, bytes);
  }
  Errno error_of(StackSockets& side, Fd fd) {
    return static_cast<Errno>(side.get_option(fd, SocketOption::kError).value);
  }

  HeapPool chunks_;
  AppPair pair_;
  HostStack client_stack_{pair_.client.sockets()};
  HostStack server_stack_{pair_.server.sockets()};
  StackSockets client_{client_stack_, chunks_};
  StackSockets server_{server_stack_, chunks_};
  Fd listener_ = Fd::kNone;
  Fd fd_ = Fd::kNone;
  Fd peer_ = Fd::kNone;
};

TEST_F(StackSocketsTest, BytesGoBothWaysAndTheEndIsSeen) {
  connect();
  EXPECT_EQ(send(client_, fd_, "hello "), 6);
  EXPECT_EQ(send(client_, fd_, "world"), 5);
  EXPECT_EQ(client_.get_option(fd_, SocketOption::kUnsentBytes).value, 11);
  EXPECT_EQ(result_of_receive(server_, peer_), failure(Errno::kAgain));
  pass();
  EXPECT_EQ(client_.get_option(fd_, SocketOption::kUnsentBytes).value, 0);
  EXPECT_EQ(server_.readiness(peer_), kPollIn | kPollOut);
  EXPECT_EQ(server_.get_option(peer_, SocketOption::kUnreadBytes).value, 11);
  EXPECT_EQ(receive(server_, peer_), "hello world");
  EXPECT_EQ(send(server_, peer_, "bye"), 3);
  EXPECT_EQ(server_.close(now(), peer_), Errno::kNone);
  EXPECT_EQ(server_.readiness(peer_), 0U);
  pass();
  EXPECT_EQ(client_.readiness(fd_), kPollIn | kPollOut | kPollReadHangup);
  EXPECT_EQ(receive(client_, fd_), "bye") << "what was sent before close() arrives";
  EXPECT_EQ(result_of_receive(client_, fd_), 0);
  EXPECT_EQ(client_.close(now(), fd_), Errno::kNone);
  pass();
  EXPECT_EQ(pair_.client.sockets().open_sockets(), 0U);
  EXPECT_EQ(pair_.server.sockets().open_sockets(), 1U) << "the listener";
}

TEST_F(StackSocketsTest, ARefusedConnectionIsToldOnce) {
  fd_ = stream(client_);
  EXPECT_EQ(client_.connect(now(), fd_, {kServerIp, kPort}), Errno::kInProgress);
  EXPECT_EQ(client_.connect(now(), fd_, {kServerIp, kPort}), Errno::kAlready);
  EXPECT_EQ(send(client_, fd_, "early"), failure(Errno::kAgain));
  pass();
  EXPECT_EQ(client_.readiness(fd_) & kPollError, kPollError);
  EXPECT_EQ(error_of(client_, fd_), Errno::kConnectionRefused);
  EXPECT_EQ(error_of(client_, fd_), Errno::kNone);
  EXPECT_EQ(send(client_, fd_, "late"), failure(Errno::kBrokenPipe));
}

TEST_F(StackSocketsTest, AnAddressInUseIsAPendingError) {
  listen_at(kPort);
  const Fd second = listen_at(kPort);
  pass();
  EXPECT_EQ(server_.readiness(second), kPollError);
  EXPECT_EQ(error_of(server_, second), Errno::kAddressInUse);
}

TEST_F(StackSocketsTest, ACloseDuringConnectLeavesNothing) {
  fd_ = stream(client_);
  EXPECT_EQ(client_.connect(now(), fd_, {kServerIp, kPort}), Errno::kInProgress);
  EXPECT_EQ(client_.close(now(), fd_), Errno::kNone);
  EXPECT_EQ(client_.close(now(), fd_), Errno::kBadDescriptor);
  pass();
  EXPECT_EQ(pair_.client.sockets().open_sockets(), 0U);
  EXPECT_EQ(stream(client_), fd_) << "the descriptor is free again";
}

TEST_F(StackSocketsTest, AResetIsAnErrorAndThenTheEnd) {
  connect();
  EXPECT_EQ(server_.set_option(now(), peer_, SocketOption::kLinger, 0), Errno::kNone);
  EXPECT_EQ(server_.close(now(), peer_), Errno::kNone);
  pass();
  EXPECT_EQ(result_of_receive(client_, fd_), failure(Errno::kConnectionReset));
  EXPECT_EQ(result_of_receive(client_, fd_), 0);
}

TEST_F(StackSocketsTest, SendingStopsAtTheCreditAndGoesOn) {
  connect();
  const std::string megabyte(1U << 20, 'x');
  const std::int64_t first = send(client_, fd_, megabyte);
  EXPECT_GT(first, 0);
  EXPECT_EQ(send(client_, fd_, megabyte), failure(Errno::kAgain));
  EXPECT_EQ(client_.readiness(fd_) & kPollOut, 0U);
  std::size_t received = 0;
  for (int i = 0; i < 200 && received < static_cast<std::size_t>(first); ++i) {
    pass();
    for (std::string text; !(text = receive(server_, peer_)).empty();) received += text.size();
  }
  EXPECT_EQ(received, static_cast<std::size_t>(first));
  EXPECT_EQ(client_.readiness(fd_), kPollOut);
}

TEST_F(StackSocketsTest, HalfCloseComesBehindWhatWasSent) {
  connect();
  EXPECT_EQ(send(client_, fd_, "last words"), 10);
  EXPECT_EQ(client_.shutdown(now(), fd_, ShutdownHow::kWrite), Errno::kNone);
  EXPECT_EQ(send(client_, fd_, "too late"), failure(Errno::kBrokenPipe));
  pass();
  EXPECT_EQ(receive(server_, peer_), "last words");
  EXPECT_EQ(result_of_receive(server_, peer_), 0);
  EXPECT_EQ(send(server_, peer_, "answer"), 6);
  pass();
  EXPECT_EQ(receive(client_, fd_), "answer");
}

TEST_F(StackSocketsTest, ClosingAListenerClosesWhatNobodyAccepted) {
  listener_ = listen_at(kPort);
  fd_ = stream(client_);
  EXPECT_EQ(client_.connect(now(), fd_, {kServerIp, kPort}), Errno::kInProgress);
  pass();
  EXPECT_EQ(server_.close(now(), listener_), Errno::kNone);
  pass();
  EXPECT_EQ(pair_.server.sockets().open_sockets(), 0U);
  EXPECT_EQ(result_of_receive(client_, fd_), 0);
}

TEST_F(StackSocketsTest, DatagramsCarryTheirSource) {
  const Fd server = server_.socket(SocketKind::kDatagram).fd;
  EXPECT_EQ(server_.bind(server, {IpAddress(), 7}), Errno::kNone);
  const Fd client = client_.socket(SocketKind::kDatagram).fd;
  EXPECT_EQ(send(client_, client, "nowhere"), failure(Errno::kDestinationRequired));
  constexpr std::string_view kText = "ping";
  EXPECT_EQ(client_.send_to(now(), client, {kServerIp, 7}, std::as_bytes(std::span(kText))), 4);
  pass();
  const Received got = server_.receive_slice(now(), server, 1000);
  ASSERT_EQ(got.result, 4);
  EXPECT_EQ(got.source.address, IpAddress(kClientAddress));
  EXPECT_EQ(server_.send_to(now(), server, got.source, got.data.bytes()), 4);
  pass();
  EXPECT_EQ(receive(client_, client), "ping");
}

TEST_F(StackSocketsTest, WrongCallsAreRefusedAsLocally) {
  EXPECT_EQ(client_.bind(static_cast<Fd>(5), {}), Errno::kBadDescriptor);
  EXPECT_EQ(result_of_receive(client_, static_cast<Fd>(5)), failure(Errno::kBadDescriptor));
  const Fd fd = stream(client_);
  EXPECT_EQ(client_.accept(fd).error, Errno::kInvalid);
  EXPECT_EQ(client_.shutdown(now(), fd, ShutdownHow::kWrite), Errno::kNotConnected);
  EXPECT_EQ(result_of_receive(client_, fd), failure(Errno::kNotConnected));
  EXPECT_EQ(client_.peer_name(fd).error, Errno::kNotConnected);
  EXPECT_EQ(client_.readiness(fd), kPollOut | kPollHangup);
}

}  // namespace
}  // namespace twinpath
