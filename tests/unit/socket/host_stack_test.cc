// Proves that every operation completes exactly once, at once or when its socket allows.
#include "models/socket/host_stack.h"

#include <gtest/gtest.h>

#include "models/app/content.h"
#include "models/socket/sockets_extras.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

class HostStackTest : public ::testing::Test {
 protected:
  Instant now() { return pair_.network.now(); }
  void pass() {
    for (int i = 0; i < 20; ++i) {
      pair_.run(std::chrono::milliseconds(10));
      client_.run(now());
      server_.run(now());
    }
  }
  std::uint64_t submit(HostStack& stack, StackOp op) {
    op.id = ++last_id_;
    stack.submit(now(), std::move(op));
    return last_id_;
  }
  StackOp op(StackOpKind kind, Fd socket, std::int64_t value = 0) {
    StackOp made;
    made.kind = kind;
    made.socket = socket;
    made.value = value;
    return made;
  }
  // The only completion there is.
  StackCompletion only(HostStack& stack) {
    std::array<StackCompletion, 8> out;
    EXPECT_EQ(stack.reap(out), 1U);
    return out[0];
  }
  bool nothing(HostStack& stack) {
    std::array<StackCompletion, 1> out;
    return stack.reap(out) == 0;
  }
  Fd open(HostStack& stack) {
    submit(stack, op(StackOpKind::kSocket, Fd::kNone, 0));
    return only(stack).socket;
  }
  void connect() {
    listener_ = open(server_);
    StackOp bind = op(StackOpKind::kBind, listener_);
    bind.address = {IpAddress(), 80};
    submit(server_, bind);
    EXPECT_EQ(only(server_).error, Errno::kNone);
    submit(server_, op(StackOpKind::kListen, listener_, 4));
    EXPECT_EQ(only(server_).error, Errno::kNone);
    const std::uint64_t accept = submit(server_, op(StackOpKind::kAccept, listener_));
    EXPECT_TRUE(nothing(server_));
    fd_ = open(client_);
    StackOp connecting = op(StackOpKind::kConnect, fd_);
    connecting.address = {kServerAddress, 80};
    const std::uint64_t connect = submit(client_, connecting);
    EXPECT_TRUE(nothing(client_));
    pass();
    const StackCompletion accepted = only(server_);
    EXPECT_EQ(accepted.id, accept);
    peer_ = accepted.socket;
    const StackCompletion connected = only(client_);
    EXPECT_EQ(connected.id, connect);
    EXPECT_TRUE(connected.address == accepted.address);
  }

  AppPair pair_;
  HostStack client_{pair_.client.sockets()};
  HostStack server_{pair_.server.sockets()};
  std::uint64_t last_id_ = 0;
  Fd listener_ = Fd::kNone;
  Fd fd_ = Fd::kNone;
  Fd peer_ = Fd::kNone;
};

TEST_F(HostStackTest, ReceivesLaterAndSendsAtOnce) {
  connect();
  const std::uint64_t receive = submit(server_, op(StackOpKind::kReceive, peer_, 1 << 20));
  EXPECT_TRUE(nothing(server_));
  ContentSource content(pair_.client.ip().stream_pool());
  StackOp send = op(StackOpKind::kSend, fd_);
  send.data = content.slice({0, 1000});
  const std::uint64_t sent = submit(client_, send);
  const StackCompletion done = only(client_);
  EXPECT_EQ(done.id, sent);
  EXPECT_EQ(done.value, 1000);
  pass();
  const StackCompletion got = only(server_);
  EXPECT_EQ(got.id, receive);
  EXPECT_EQ(got.value, 1000);
  EXPECT_FALSE(first_difference(0, got.data.bytes()));
}

TEST_F(HostStackTest, ASendCompletesWhenTheStackHasItAll) {
  connect();
  ContentSource content(pair_.client.ip().stream_pool());
  std::vector<std::uint64_t> ids;
  std::uint64_t offered = 0;
  while (offered + kContentPeriodBytes <= StackApi::kSendCreditBytes) {
    StackOp send = op(StackOpKind::kSend, fd_);
    send.data = content.slice({0, kContentPeriodBytes});
    ids.push_back(submit(client_, send));
    offered += kContentPeriodBytes;
  }
  // The socket's buffer takes more while the credit allows, and then says no.
  StackOp beyond = op(StackOpKind::kSend, fd_);
  beyond.data = content.slice({0, kContentPeriodBytes});
  for (int i = 0; i < 40; ++i) ids.push_back(submit(client_, beyond));
  std::uint64_t received = 0;
  for (int turn = 0; turn < 300; ++turn) {
    pass();
    // One stays under way; each that completes is followed by the next.
    if (turn == 0) submit(server_, op(StackOpKind::kReceive, peer_, 1 << 20));
    std::array<StackCompletion, 1> got;
    while (server_.reap(got) == 1) {
      received += static_cast<std::uint64_t>(got[0].value);
      submit(server_, op(StackOpKind::kReceive, peer_, 1 << 20));
    }
  }
  std::vector<std::uint64_t> completed;
  std::uint64_t accepted = 0;
  std::array<StackCompletion, 128> out;
  for (std::size_t i = 0, n = client_.reap(out); i < n; ++i) {
    completed.push_back(out[i].id);
    accepted += static_cast<std::uint64_t>(out[i].value);
    EXPECT_TRUE(out[i].error == Errno::kNone || out[i].error == Errno::kAgain);
  }
  std::sort(completed.begin(), completed.end());
  EXPECT_EQ(completed, ids) << "each exactly once";
  EXPECT_GT(accepted, std::uint64_t{1} << 20);
  EXPECT_EQ(received, accepted);
}

TEST_F(HostStackTest, CloseCancelsWhatIsUnderWay) {
  connect();
  const std::uint64_t receive = submit(client_, op(StackOpKind::kReceive, fd_, 100));
  const std::uint64_t close = submit(client_, op(StackOpKind::kClose, fd_));
  std::array<StackCompletion, 4> out;
  ASSERT_EQ(client_.reap(out), 2U);
  EXPECT_EQ(out[0].id, receive);
  EXPECT_EQ(out[0].error, Errno::kCanceled);
  EXPECT_EQ(out[1].id, close);
  EXPECT_EQ(out[1].error, Errno::kNone);
  submit(client_, op(StackOpKind::kReceive, fd_, 100));
  EXPECT_EQ(only(client_).error, Errno::kBadDescriptor);
}

TEST_F(HostStackTest, WhatHasNoMeaningIsRefused) {
  for (const std::int64_t kind : {-1L, 2L, 256L, 1L << 32}) {
    submit(client_, op(StackOpKind::kSocket, Fd::kNone, kind));
    EXPECT_EQ(only(client_).error, Errno::kInvalid);
  }
  connect();
  for (const std::int64_t how : {-1L, 3L, 256L, 1L << 32}) {
    submit(client_, op(StackOpKind::kShutdown, fd_, how));
    EXPECT_EQ(only(client_).error, Errno::kInvalid);
  }
  submit(client_, op(static_cast<StackOpKind>(200), fd_));
  EXPECT_EQ(only(client_).error, Errno::kInvalid);
  StackOp option = op(StackOpKind::kSetOption, fd_, 1);
  option.option = static_cast<SocketOption>(200);
  submit(client_, option);
  EXPECT_EQ(only(client_).error, Errno::kNoProtocolOption);
}

TEST_F(HostStackTest, AFailedConnectSaysWhy) {
  fd_ = open(client_);
  StackOp connecting = op(StackOpKind::kConnect, fd_);
  connecting.address = {kServerAddress, 81};
  submit(client_, connecting);
  pass();
  EXPECT_EQ(only(client_).error, Errno::kConnectionRefused);
}

TEST_F(HostStackTest, CompletionsCarryNames) {
  connect();
  const SocketAddress own = pair_.server.sockets().local_name(peer_).address;
  EXPECT_EQ(own.address, IpAddress(kServerAddress));
  StackCompletion accepted;
  for (const IpAddress& address : {own.address, IpAddress(), *IpAddress::parse("2001:db8::1:2")}) {
    accepted.set_accepted_local(address);
    EXPECT_EQ(accepted.accepted_local(), address);
  }
  const Fd bound = open(client_);
  submit(client_, op(StackOpKind::kBind, bound));
  const std::uint16_t port = only(client_).address.port;
  EXPECT_NE(port, 0);
  submit(client_, op(StackOpKind::kListen, bound, 4));
  EXPECT_EQ(only(client_).address.port, port);
}

TEST_F(HostStackTest, WhatTheHostHasNotIsRefused) {
  connect();
  for (const StackOpKind kind :
       {StackOpKind::kPeek, StackOpKind::kTcpInfo, StackOpKind::kExport, StackOpKind::kImport}) {
    submit(client_, op(kind, fd_, 100));
    EXPECT_EQ(only(client_).error, Errno::kOperationNotSupported);
  }
  submit(client_, op(StackOpKind::kSend, fd_));
  EXPECT_EQ(only(client_).error, Errno::kFault) << "no buffer";
}

TEST_F(HostStackTest, APeekIsACopy) {
  connect();
  SocketsExtras extras(pair_.server.sockets());
  HostStack server(pair_.server.sockets(), {&extras, &pair_.server_pool});
  ContentSource content(pair_.client.ip().stream_pool());
  StackOp send = op(StackOpKind::kSend, fd_);
  send.data = content.slice({0, 100});
  submit(client_, send);
  EXPECT_EQ(only(client_).value, 100);
  submit(server, op(StackOpKind::kPeek, peer_, 10));
  EXPECT_EQ(only(server).error, Errno::kAgain) << "nothing is here yet";
  pass();
  for (int i = 0; i < 2; ++i) {
    submit(server, op(StackOpKind::kPeek, peer_, 10));
    const StackCompletion got = only(server);
    EXPECT_EQ(got.value, 10);
    EXPECT_FALSE(first_difference(0, got.data.bytes()));
  }
}

TEST_F(HostStackTest, ImagesAreBounded) {
  SocketsExtras extras(pair_.client.sockets());
  HostStack client(pair_.client.sockets(), {&extras, &pair_.client_pool});
  const Fd first = open(client);
  const Fd second = open(client);
  const auto import = [&](Fd socket, std::int64_t size) {
    StackOp made = op(StackOpKind::kImport, socket, size);
    BufPtr buf(pair_.client_pool.take());
    buf->push_back(100);
    made.data = {BufRef(std::move(buf)), 0, 100};
    submit(client, std::move(made));
    return only(client).error;
  };
  EXPECT_EQ(import(first, std::int64_t{StackApi::kImageBytesMax} + 1), Errno::kMessageSize);
  EXPECT_EQ(import(first, 0), Errno::kMessageSize);
  EXPECT_EQ(import(first, 250), Errno::kNone);
  EXPECT_EQ(import(second, 250), Errno::kAgain) << "one at a time";
  EXPECT_EQ(import(first, 250), Errno::kNone);
  EXPECT_EQ(import(first, 250), Errno::kInvalid) << "more than it was to be";
  EXPECT_EQ(import(second, 250), Errno::kNone);
  submit(client, op(StackOpKind::kClose, second));
  EXPECT_EQ(only(client).error, Errno::kNone);
  EXPECT_EQ(import(first, 250), Errno::kNone) << "a closed socket's is forgotten";
  submit(client, op(StackOpKind::kExport, first));
  EXPECT_EQ(only(client).error, Errno::kNotConnected);
}

}  // namespace
}  // namespace twinpath
