// Socket calls over operations: what they answer at once, and what they learn later.
#include "models/socket/stack_sockets.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "models/socket/host_stack.h"
#include "models/socket/sockets_extras.h"
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

  // Without a turn of the network: what arrives for a connection that is away is refused.
  void collect() {
    for (int i = 0; i < 50; ++i) client_.collect(now(), 100);
  }
  // Asks until the stack's answer is here.
  OptionResult option_of(StackSockets& side, Fd fd, SocketOption option) {
    EXPECT_EQ(side.get_option(fd, option).error, Errno::kAgain);
    pass();
    return side.get_option(fd, option);
  }

  HeapPool chunks_;
  AppPair pair_{AppPairOptions{.client_tcp = {.fast_open = FastOpenMode::kBoth},
                               .server_tcp = {.fast_open = FastOpenMode::kBoth}}};
  SocketsExtras client_extras_{pair_.client.sockets()};
  SocketsExtras server_extras_{pair_.server.sockets()};
  HostStack client_stack_{pair_.client.sockets(), {&client_extras_, &pair_.client_pool}};
  HostStack server_stack_{pair_.server.sockets(), {&server_extras_, &pair_.server_pool}};
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

TEST_F(StackSocketsTest, NamesAreTheStacksOwn) {
  const Fd bound = stream(server_);
  EXPECT_EQ(server_.bind(bound, {IpAddress(), 0}), Errno::kNone);
  EXPECT_EQ(server_.bind(bound, {IpAddress(), 0}), Errno::kInvalid);
  const Fd unbound = stream(server_);
  EXPECT_EQ(server_.listen(unbound, 4), Errno::kNone);
  const Fd datagram = client_.socket(SocketKind::kDatagram).fd;
  constexpr std::string_view kText = "ping";
  EXPECT_EQ(client_.send_to(now(), datagram, {kServerIp, 7}, std::as_bytes(std::span(kText))), 4);
  pass();
  EXPECT_NE(server_.local_name(bound).address.port, 0);
  EXPECT_NE(server_.local_name(unbound).address.port, 0);
  EXPECT_NE(client_.local_name(datagram).address.port, 0);
  connect();
  const SocketAddress expected{kServerIp, kPort};
  EXPECT_TRUE(server_.local_name(peer_).address == expected) << "not the listener's ::";
  EXPECT_TRUE(client_.peer_name(fd_).address == expected);
}

TEST_F(StackSocketsTest, EveryOptionIsTheStacks) {
  connect();
  EXPECT_EQ(option_of(client_, fd_, SocketOption::kNoDelay).value, 0);
  EXPECT_EQ(client_.set_option(now(), fd_, SocketOption::kNoDelay, 1), Errno::kNone);
  EXPECT_EQ(option_of(client_, fd_, SocketOption::kNoDelay).value, 1);
  const std::int64_t mss =
      pair_.client.sockets().get_option(static_cast<Fd>(0), SocketOption::kMaxSegment).value;
  EXPECT_EQ(option_of(client_, fd_, SocketOption::kMaxSegment).value, mss);
  EXPECT_EQ(client_.get_option(fd_, SocketOption::kCork).error, Errno::kAgain);
  EXPECT_EQ(client_.set_option(now(), fd_, SocketOption::kCork, 1), Errno::kNone);
  pass();
  EXPECT_EQ(client_.get_option(fd_, SocketOption::kCork).value, 1)
      << "asked before it was set, and asked again";
  const Fd datagram = client_.socket(SocketKind::kDatagram).fd;
  EXPECT_EQ(option_of(client_, datagram, SocketOption::kCork).error, Errno::kNoProtocolOption);
}

TEST_F(StackSocketsTest, TcpInfoIsTheLastThatArrived) {
  connect();
  EXPECT_FALSE(client_.tcp_info(fd_));
  pass();
  const auto first = client_.tcp_info(fd_);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->state, TcpState::kEstablished);
  EXPECT_EQ(first->bytes_acked, 0U);
  EXPECT_EQ(send(client_, fd_, "hello"), 5);
  pass();
  EXPECT_TRUE(client_.tcp_info(fd_));
  pass();
  EXPECT_EQ(client_.tcp_info(fd_)->bytes_acked, 5U);
  EXPECT_FALSE(client_.tcp_info(stream(client_))) << "no connection";
}

TEST_F(StackSocketsTest, APeekConsumesNothing) {
  connect();
  EXPECT_EQ(send(client_, fd_, "hello "), 6);
  pass();
  EXPECT_EQ(send(client_, fd_, "world"), 5);
  pass();
  std::string text(8, ' ');
  EXPECT_EQ(server_.peek(peer_, std::as_writable_bytes(std::span(text)), 3), 8);
  EXPECT_EQ(text, "lo world");
  EXPECT_EQ(server_.peek(peer_, std::as_writable_bytes(std::span(text)), 11),
            failure(Errno::kAgain));
  EXPECT_EQ(receive(server_, peer_), "hello world");
}

TEST_F(StackSocketsTest, UrgentBytesKeepTheirPlaceAndHaveAMark) {
  connect();
  EXPECT_EQ(send(client_, fd_, "a"), 1);
  EXPECT_EQ(client_.send_urgent(now(), fd_, std::as_bytes(std::span("bc", 2))), 2);
  EXPECT_EQ(send(client_, fd_, "d"), 1);
  bool was_urgent = false;
  class Watch final : public SocketWatcher {
   public:
    Watch(Sockets& sockets, bool& urgent) : sockets_(sockets), urgent_(urgent) {}
    void on_socket_ready(std::uint32_t token) override {
      const auto events = sockets_.readiness(static_cast<Fd>(token));
      urgent_ = urgent_ || (events & kPollUrgent) != 0;
    }
    void on_socket_closed(std::uint32_t) override {}

   private:
    Sockets& sockets_;
    bool& urgent_;
  } watch(pair_.server.sockets(), was_urgent);
  pair_.server.sockets().watch(static_cast<Fd>(1), watch, 1);
  pass();
  EXPECT_TRUE(was_urgent);
  EXPECT_EQ(receive(server_, peer_), "abcd") << "nobody asked for SO_OOBINLINE";
  pair_.server.sockets().unwatch(static_cast<Fd>(1), watch, 1);
}

TEST_F(StackSocketsTest, DataOpensAConnection) {
  listener_ = listen_at(kPort);
  EXPECT_EQ(server_.set_option(now(), listener_, SocketOption::kFastOpen, 16), Errno::kNone);
  const std::string question(1900, 'q');     // more than fits a SYN
  for (int round = 0; round < 2; ++round) {  // the first fetches the cookie
    fd_ = stream(client_);
    EXPECT_EQ(
        client_.send_fast_open(now(), fd_, {kServerIp, kPort}, std::as_bytes(std::span(question))),
        1900);
    EXPECT_EQ(client_.connect(now(), fd_, {kServerIp, kPort}), Errno::kAlready);
    pass();
    const Accepted accepted = server_.accept(listener_);
    ASSERT_EQ(accepted.error, Errno::kNone);
    std::string got;
    for (std::string text; !(text = receive(server_, accepted.fd)).empty();) got += text;
    EXPECT_TRUE(got == question);
    EXPECT_FALSE(client_.tcp_info(fd_));
    pass();
    const auto info = client_.tcp_info(fd_);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->syn_data_acked, round == 1);
  }
}

TEST_F(StackSocketsTest, AConnectionMovesToAnotherSocket) {
  connect();
  const SocketAddress local = client_.local_name(fd_).address;
  EXPECT_EQ(send(client_, fd_, "before "), 7);
  EXPECT_FALSE(client_.detach(now(), fd_));
  collect();
  const auto image = client_.detach(now(), fd_);
  ASSERT_TRUE(image);
  EXPECT_FALSE(client_.detach(now(), fd_)) << "given once";
  EXPECT_EQ(send(client_, fd_, "nowhere"), failure(Errno::kBrokenPipe));
  const Fd other = stream(client_);
  EXPECT_TRUE(client_.attach(now(), other, *image));
  EXPECT_FALSE(client_.attach(now(), other, *image));
  collect();
  EXPECT_TRUE(client_.local_name(other).address == local);
  EXPECT_EQ(client_.peer_name(other).address.port, kPort);
  EXPECT_EQ(send(client_, other, "after"), 5);
  EXPECT_EQ(send(server_, peer_, "answer"), 6);
  pass();
  EXPECT_EQ(receive(server_, peer_), "before after");
  EXPECT_EQ(receive(client_, other), "answer");
}

TEST_F(StackSocketsTest, AnImageOfManyPiecesMovesWhole) {
  connect();
  const std::string much(10'000, 'x');
  ASSERT_EQ(send(client_, fd_, much), 10'000);
  client_.flush(now());
  EXPECT_FALSE(client_.detach(now(), fd_));
  collect();
  const auto image = client_.detach(now(), fd_);
  ASSERT_TRUE(image);
  EXPECT_GT(image->bytes().size(), much.size()) << "nothing was acknowledged yet";
  EXPECT_TRUE(client_.attach(now(), fd_, *image));
  collect();
  std::size_t received = 0;
  for (int i = 0; i < 50; ++i) {
    pass();
    received += receive(server_, peer_).size();
    for (std::string text; !(text = receive(server_, peer_)).empty();) received += text.size();
  }
  EXPECT_EQ(received, much.size());
}

TEST_F(StackSocketsTest, ABadImageIsAPendingError) {
  fd_ = stream(client_);
  EXPECT_TRUE(client_.attach(now(), fd_, TcbImage(std::vector<std::byte>(3000))));
  pass();
  EXPECT_EQ(error_of(client_, fd_), Errno::kInvalid);
}

TEST_F(StackSocketsTest, ASharedSliceIsNotCopied) {
  connect();
  StackSockets near(client_stack_, chunks_, {.share_slices = true});
  // The same stack's second user: its completions are its own as long as the first is quiet.
  const Fd fd = near.socket(SocketKind::kStream).fd;
  EXPECT_EQ(near.connect(now(), fd, {kServerIp, kPort}), Errno::kInProgress);
  for (int i = 0; i < 20; ++i) {
    near.collect(now(), 100);
    pair_.run(std::chrono::milliseconds(5));
    client_stack_.run(now());
  }
  HeapPool pool;
  {
    BufPtr buf(pool.take());
    std::memcpy(buf->push_back(5).data(), "slice", 5);
    const Slice slice{BufRef(std::move(buf)), 0, 5};
    EXPECT_EQ(near.send_slice(now(), fd, slice), 5);
    EXPECT_GT(slice.buf->refs, 1U) << "the stack has it too";
  }
  EXPECT_EQ(pool.outstanding(), 1U) << "until the peer acknowledges";
  for (int i = 0; i < 20; ++i) {
    near.collect(now(), 100);
    pair_.run(std::chrono::milliseconds(5));
    client_stack_.run(now());
  }
  EXPECT_EQ(pool.outstanding(), 0U);
}

TEST_F(StackSocketsTest, WhatTheStackDoesNotTakeIsRefused) {
  fd_ = stream(client_);
  client_.collect(now(), 100);
  Errno error = Errno::kNone;
  std::size_t taken = 0;
  for (; error == Errno::kNone && taken < 100'000; ++taken) {
    error = client_.set_option(now(), fd_, SocketOption::kNoDelay, 1);
  }
  EXPECT_EQ(error, Errno::kNoBufferSpace);
  EXPECT_LE(taken, HostStack::kUnreapedMax + 1);
  EXPECT_EQ(client_.get_option(fd_, SocketOption::kCork).error, Errno::kNoBufferSpace);
  EXPECT_EQ(client_.socket(SocketKind::kStream).error, Errno::kNoBufferSpace);
  EXPECT_EQ(client_.listen(fd_, 1), Errno::kNoBufferSpace);
  client_.collect(now(), 100'000);
  EXPECT_EQ(client_.set_option(now(), fd_, SocketOption::kNoDelay, 1), Errno::kNone);
}

}  // namespace
}  // namespace twinpath
