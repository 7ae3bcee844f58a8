// Fast Open on both sides, and what happens where it does not get through. RFC 7413.
#include "models/tcp/fast_open.h"

#include <gtest/gtest.h>

#include "tests/fakes/tcp_dialect.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

FastOpenCookie cookie_of(std::uint8_t first) {
  FastOpenCookie cookie;
  cookie.len = 8;
  for (std::uint8_t i = 0; i < 8; ++i) cookie.bytes[i] = static_cast<std::byte>(first + i);
  return cookie;
}

class TcpFastOpen : public ::testing::Test {
 protected:
  // The client has connected before and was given a cookie.
  void fetch_cookie(const FastOpenCookie& cookie = cookie_of(1)) {
    connect();
    const Seg first = next();
    EXPECT_EQ(first.len, 0U);
    ASSERT_TRUE(first.options->fast_open);
    EXPECT_EQ(first.options->fast_open->len, 0) << "asks for one";
    tcp.peer_sends(syn_ack(0, 1).mss(1000).cookie(cookie));
    tcp.taken();
    tcp.user_aborts();
    tcp.taken();
    tcp.after(1s);
    ++tcp.stack_port;
  }
  void connect() {
    TcpOpenOptions options;
    options.fast_open = true;
    tcp.user_connects(options);
  }
  Seg next() {
    const auto sent = tcp.taken();
    EXPECT_EQ(sent.size(), 1U);
    return sent.empty() ? Seg() : sent[0];
  }
  // A server's side, and a client with its cookie.
  FastOpenCookie serve(std::uint32_t backlog = 5) {
    const auto made =
        tcp.stack().listen({Ipv4Address(0xc6120001), 8080}, 5, {.fast_open_backlog = backlog});
    tcp.hear(made.id);
    tcp.peer_port = 39999;
    tcp.peer_sends(syn(0).mss(1000).cookie(FastOpenCookie()));
    const Seg granted = next();
    tcp.peer_sends(rst(1));
    tcp.peer_port = 40000;
    return granted.options->fast_open.value_or(FastOpenCookie());
  }

  TcpDialect tcp;
};

// RFC 7413 §4.2.1.
TEST_F(TcpFastOpen, ClientSendsDataWithItsSyn) {
  fetch_cookie();
  EXPECT_TRUE(tcp.stack().has_fast_open_cookie(Ipv4Address(0xc6120002), tcp.now()));
  connect();
  tcp.user_writes(100);
  const Seg first = next();
  EXPECT_EQ(first.flags, kSyn);
  EXPECT_EQ(first.len, 100U);
  EXPECT_TRUE(first.options->fast_open == cookie_of(1));
  tcp.peer_sends(syn_ack(0, 101).mss(1000));
  tcp.stack_sends(ack(101, 1));
  EXPECT_TRUE(tcp.info().syn_data_acked);
  EXPECT_EQ(tcp.info().bytes_acked, 100U);
  tcp.user_writes(10);
  tcp.stack_sends(data(101, 10, 1));
  tcp.peer_sends(ack(1, 111));
}

// §4.2.1: no more than a segment the server takes, options counted.
TEST_F(TcpFastOpen, DataFitsOneSegment) {
  fetch_cookie();
  connect();
  tcp.user_writes(5000);
  const Seg first = next();
  EXPECT_EQ(first.len, 1000U - first.options->wire_len());
  tcp.peer_sends(syn_ack(0, 1 + first.len).mss(1000));
  tcp.stack_sends(data(1 + first.len, 1000, 1));
  tcp.taken();
}

// §4.2.1: the server takes only the SYN; the data follows at once.
TEST_F(TcpFastOpen, DataNotTakenIsSentAgain) {
  fetch_cookie();
  connect();
  tcp.user_writes(100);
  EXPECT_EQ(next().len, 100U);
  tcp.peer_sends(syn_ack(0, 1).mss(1000));
  tcp.stack_sends(data(1, 100, 1));
  EXPECT_FALSE(tcp.info().syn_data_acked);
  EXPECT_EQ(tcp.stack().counters().fast_opens_repeated, 1U);
  tcp.peer_sends(ack(1, 101));
}

// §4.1.3.1, §5: what is sent again is an ordinary SYN.
TEST_F(TcpFastOpen, ALostSynIsRepeatedWithoutIt) {
  fetch_cookie();
  connect();
  tcp.user_writes(100);
  EXPECT_EQ(next().len, 100U);
  tcp.after(1s);
  const Seg again = next();
  EXPECT_EQ(again.len, 0U);
  EXPECT_FALSE(again.options->fast_open.has_value());
  tcp.peer_sends(syn_ack(0, 1).mss(1000));
  tcp.stack_sends(data(1, 100, 1));
}

// The first SYN did arrive, and its SYN,ACK only late.
TEST_F(TcpFastOpen, ALateAnswerToTheFirstSynCounts) {
  fetch_cookie();
  connect();
  tcp.user_writes(100);
  next();
  tcp.after(1s);
  next();
  tcp.peer_sends(syn_ack(0, 101).mss(1000));
  tcp.stack_sends(ack(101, 1));
}

// §4.1.3.1 and §7.1: where SYNs with data vanish again and again, none is sent for a while.
TEST_F(TcpFastOpen, ABlackHoleIsRemembered) {
  fetch_cookie();
  for (int lost = 0; lost < 2; ++lost) {
    connect();
    tcp.user_writes(100);
    EXPECT_EQ(next().len, 100U);
    tcp.after(1s);
    next();
    tcp.peer_sends(syn_ack(0, 1).mss(1000));
    tcp.taken();
    tcp.user_aborts();
    tcp.taken();
    ++tcp.stack_port;
  }
  connect();
  tcp.user_writes(100);
  const Seg careful = next();
  EXPECT_EQ(careful.len, 0U);
  EXPECT_FALSE(careful.options->fast_open.has_value());
  tcp.user_aborts();
  tcp.after(241s);
  tcp.taken();
  ++tcp.stack_port;
  connect();
  tcp.user_writes(100);
  EXPECT_EQ(next().len, 100U);
}

// §4.2.2.
TEST_F(TcpFastOpen, ServerHandsOverDataBeforeTheHandshakeIsComplete) {
  const FastOpenCookie cookie = serve();
  EXPECT_EQ(cookie.len, 8);
  tcp.peer_sends(syn(0).mss(1000).bytes(100).cookie(cookie));
  tcp.user_accepts();
  tcp.expect_state(TcpState::kSynReceived);
  tcp.user_reads(100);
  tcp.user_writes(50);
  tcp.stack_sends(syn_ack(0, 101));
  tcp.stack_sends(data(1, 50, 101));
  tcp.peer_sends(ack(101, 51));
  tcp.expect_state(TcpState::kEstablished);
  tcp.peer_sends(data(101, 10, 51).push());
  tcp.user_reads(10);
  tcp.stack_sends_between(0ms, 500ms, ack(51, 111));
  EXPECT_EQ(tcp.stack().counters().fast_opens_received, 1U);
}

// §4.2.2: an answer longer than the window of the start waits for the handshake's last segment.
TEST_F(TcpFastOpen, AnswersStartWithTheInitialWindow) {
  const FastOpenCookie cookie = serve();
  tcp.peer_sends(syn(0).mss(1000).bytes(100).cookie(cookie));
  tcp.user_accepts();
  tcp.user_writes(20000);
  const auto sent = tcp.taken();
  EXPECT_EQ(sent.size(), 11U) << "SYN,ACK and ten segments";
  tcp.peer_sends(ack(101, 2001));
  EXPECT_GT(tcp.taken().size(), 0U);
}

TEST_F(TcpFastOpen, ServerRepeatsOnlyTheSynAckUntilItIsAnswered) {
  const FastOpenCookie cookie = serve();
  tcp.peer_sends(syn(0).mss(1000).bytes(100).cookie(cookie));
  tcp.user_accepts();
  tcp.user_writes(50);
  EXPECT_EQ(tcp.taken().size(), 2U);
  tcp.stack_sends_between(1s, 1s, syn_ack(0, 101));
  tcp.peer_sends(ack(101, 1));
  tcp.stack_sends_between(0s, 4s, data(1, 50, 101));
  tcp.peer_sends(ack(101, 51));
  tcp.expect_state(TcpState::kEstablished);
}

// §4.2.2: a wrong cookie is an ordinary SYN, and is told the right one.
TEST_F(TcpFastOpen, AWrongCookieIsReplaced) {
  const FastOpenCookie cookie = serve();
  tcp.peer_sends(syn(0).mss(1000).bytes(100).cookie(cookie_of(77)));
  tcp.stack_sends(syn_ack(0, 1).mss(1460).cookie(cookie));
  EXPECT_EQ(tcp.stack().acceptable(tcp.listener()), 0U);
  tcp.peer_sends(data(1, 100, 1));
  tcp.user_accepts();
  tcp.user_reads(100);
  tcp.taken();
}

// §5.1: PendingFastOpenRequests.
TEST_F(TcpFastOpen, PendingRequestsAreBounded) {
  const FastOpenCookie cookie = serve(1);
  tcp.peer_sends(syn(0).mss(1000).bytes(100).cookie(cookie));
  tcp.stack_sends(syn_ack(0, 101));
  tcp.peer_port = 40001;
  tcp.peer_sends(syn(0).mss(1000).bytes(100).cookie(cookie));
  tcp.stack_sends(syn_ack(0, 1).mss(1460));
  EXPECT_EQ(tcp.stack().acceptable(tcp.listener()), 1U);
}

TEST_F(TcpFastOpen, AResetReachesWhoHoldsTheConnection) {
  const FastOpenCookie cookie = serve();
  tcp.peer_sends(syn(0).mss(1000).bytes(100).cookie(cookie));
  tcp.stack_sends(syn_ack(0, 101));
  tcp.user_accepts();
  tcp.peer_sends(rst(101));
  tcp.expect_state(TcpState::kClosed);
  tcp.expect_error(Errno::kConnectionReset);
}

TEST_F(TcpFastOpen, AListenerThatDoesNotAskForItDoesNotHaveIt) {
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).bytes(10).cookie(FastOpenCookie()));
  tcp.stack_sends(syn_ack(0, 1).mss(1460));
}

// The form from before the option had a number (RFC 6994) is answered in kind.
TEST_F(TcpFastOpen, ExperimentalOption) {
  const FastOpenCookie cookie = serve();
  FastOpenCookie asking;
  asking.experimental = true;
  tcp.peer_sends(syn(0).mss(1000).cookie(asking));
  const Seg granted = next();
  ASSERT_TRUE(granted.options->fast_open);
  EXPECT_TRUE(granted.options->fast_open->experimental);
  tcp.peer_port = 40001;
  tcp.peer_sends(syn(0).mss(1000).bytes(100).cookie(*granted.options->fast_open));
  tcp.stack_sends(syn_ack(0, 101));
  EXPECT_EQ(cookie.len, granted.options->fast_open->len);
}

// The connection may move while its handshake is under way.
TEST_F(TcpFastOpen, ClientAndServerMove) {
  fetch_cookie();
  connect();
  tcp.user_writes(100);
  next();
  tcp.migrate();
  tcp.peer_sends(syn_ack(0, 101).mss(1000));
  tcp.stack_sends(ack(101, 1));
  EXPECT_TRUE(tcp.info().syn_data_acked);
}

TEST(FastOpenCache, ForgetsWhoCameFirst) {
  tcp::FastOpenCache cache;
  for (std::uint32_t i = 0; i < 10; ++i) {
    cache.entry(Ipv4Address(i), 4).cookie = cookie_of(static_cast<std::uint8_t>(i));
  }
  EXPECT_EQ(cache.size(), 4U);
  EXPECT_EQ(cache.find(Ipv4Address(5)), nullptr);
  ASSERT_NE(cache.find(Ipv4Address(6)), nullptr);
}

}  // namespace
}  // namespace twinpath::test
