// Opening: RFC 9293 §3.5 and the LISTEN, SYN-SENT and SYN-RECEIVED steps of §3.10.7.
#include <gtest/gtest.h>

#include "tests/fakes/tcp_dialect.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

TEST(TcpOpen, PassiveHandshake) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1).mss(1460));
  tcp.after(100ms).peer_sends(ack(1, 1));
  tcp.stack_sends_nothing();
  tcp.user_accepts();
  tcp.expect_state(TcpState::kEstablished);
}

TEST(TcpOpen, ActiveHandshake) {
  TcpDialect tcp;
  tcp.user_connects();
  tcp.stack_sends(syn(0).mss(1460).scale(5).sack_permitted().ts(0, 0));
  tcp.after(50ms).peer_sends(syn_ack(0, 1).mss(1000));
  tcp.stack_sends(ack(1, 1).no_options());
  tcp.expect_state(TcpState::kEstablished);
  EXPECT_TRUE(tcp.readiness() & kTcpEstablished);
  EXPECT_EQ(tcp.info().srtt, 50ms);
}

// RFC 9293 §3.5, MUST-10, and §3.10.7.3 fourth.
TEST(TcpOpen, SimultaneousOpen) {
  TcpDialect tcp;
  tcp.user_connects();
  tcp.stack_sends(syn(0));
  tcp.after(100ms).peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.after(100ms).peer_sends(ack(1, 1));
  tcp.expect_state(TcpState::kEstablished);
  tcp.after(100ms).peer_sends(data(1, 10, 1).push());
  tcp.stack_sends_between(0ms, 500ms, ack(1, 11));
  tcp.user_reads(10);
}

// RFC 9293 §3.5, figure 7: the peer completes with SYN,ACK instead of ACK.
TEST(TcpOpen, SimultaneousOpenCompletedBySynAck) {
  TcpDialect tcp;
  tcp.user_connects();
  tcp.stack_sends(syn(0));
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(syn_ack(0, 1).mss(1000));
  tcp.stack_sends(ack(1, 1));  // its number lies before the window
  tcp.expect_state(TcpState::kEstablished);
}

// RFC 9293 §3.10.7.2 second.
TEST(TcpOpen, AckInListenIsReset) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(ack(1, 1));
  const auto sent = tcp.taken();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].flags, kRst);
  EXPECT_EQ(sent[0].seq_no, 1U);
}

// RFC 9293 §3.10.7.2 first and fourth.
TEST(TcpOpen, ListenIgnoresResetAndBareSegments) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(rst(1));
  Seg bare;
  bare.seq_no = 1;
  tcp.peer_sends(bare.bytes(10));
  tcp.stack_sends_nothing();
}

// RFC 9293 §3.10.7.1.
TEST(TcpOpen, ClosedPortAnswersWithReset) {
  TcpDialect tcp;
  tcp.peer_sends(syn(7).mss(1000));
  tcp.stack_sends(rst_ack(0, 8));
  tcp.peer_sends(ack(1, 1));
  tcp.stack_sends(rst(1));
  tcp.peer_sends(rst(1));
  tcp.stack_sends_nothing();
}

// RFC 9293 §3.10.7.3 first.
TEST(TcpOpen, UnacceptableAckInSynSentIsReset) {
  TcpDialect tcp;
  tcp.user_connects();
  tcp.stack_sends(syn(0));
  tcp.after(100ms).peer_sends(ack(0, 5000));
  tcp.stack_sends(rst(5000));
  tcp.after(3ms).peer_sends(syn_ack(0, 1).mss(1000));
  tcp.stack_sends(ack(1, 1));
  tcp.expect_error(Errno::kNone);
}

// RFC 9293 §3.10.7.3 first: a reset must acknowledge our SYN.
TEST(TcpOpen, ResetWithBadAckInSynSentIsDropped) {
  TcpDialect tcp;
  tcp.user_connects();
  tcp.stack_sends(syn(0));
  tcp.peer_sends(rst_ack(0, 77));
  tcp.peer_sends(rst(0));
  tcp.stack_sends_nothing();
  tcp.peer_sends(syn_ack(0, 1).mss(1000));
  tcp.stack_sends(ack(1, 1));
}

// RFC 9293 §3.10.7.3 second.
TEST(TcpOpen, RefusedByReset) {
  TcpDialect tcp;
  tcp.user_connects();
  tcp.stack_sends(syn(0));
  tcp.peer_sends(rst_ack(0, 1));
  tcp.expect_state(TcpState::kClosed);
  tcp.expect_error(Errno::kConnectionRefused);
  EXPECT_TRUE(tcp.readiness() & kTcpError);
  tcp.stack_sends_nothing_for(10s);
}

// RFC 6298 §2.1 and §5.5.
TEST(TcpOpen, SynAckIsRetransmittedWithBackoff) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.stack_sends_between(1s, 1s, syn_ack(0, 1));
  tcp.stack_sends_between(2s, 2s, syn_ack(0, 1));
  tcp.after(100ms).peer_sends(ack(1, 1));
  tcp.user_accepts();
}

TEST(TcpOpen, SynIsRetransmittedThenGivenUp) {
  TcpConfig config;
  config.syn_retries = 2;
  TcpDialect tcp(config);
  tcp.user_connects();
  tcp.stack_sends(syn(0));
  tcp.stack_sends_between(1s, 1s, syn(0));
  tcp.stack_sends_between(2s, 2s, syn(0));
  tcp.stack_sends_nothing_for(4s);
  tcp.expect_error(Errno::kTimedOut);
}

// RFC 5681 §3.1: a lost SYN leaves a window of one segment; RFC 6298 §5.7: and an RTO of 3 s.
TEST(TcpOpen, LostSynAckLimitsTheFirstFlight) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.stack_sends_between(1s, 1s, syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
  tcp.user_writes(5000);
  tcp.stack_sends(data(1, 1000, 1));
  tcp.stack_sends_nothing_for(2900ms);
  tcp.stack_sends_between(100ms, 100ms, data(1, 1000, 1));
}

// RFC 9293 §3.10.7.4 second, MUST-11.
TEST(TcpOpen, ResetInSynReceivedReturnsToListen) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.after(100ms).peer_sends(rst(1));
  tcp.stack_sends_nothing();
  tcp.after(200ms).peer_sends(ack(1, 1));
  tcp.stack_sends(rst(1));
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

// RFC 9293 §3.10.7.4 fifth, SYN-RECEIVED.
TEST(TcpOpen, WrongAckInSynReceivedIsReset) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 2));
  tcp.stack_sends(rst(2));
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
}

TEST(TcpOpen, RepeatedSynIsAnsweredAgain) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
}

// A full accept queue drops the SYN, and holds back the connection whose handshake is complete.
TEST(TcpOpen, AcceptQueueOverflow) {
  TcpDialect tcp;
  tcp.user_listens(1);
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_port = 40001;
  tcp.peer_sends(syn(0).mss(1000));
  const auto second = tcp.taken();
  ASSERT_EQ(second.size(), 1U);
  tcp.peer_sends(ack(1, 1));  // the second connection is accepted first
  tcp.peer_port = 40002;
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends_nothing();
  EXPECT_EQ(tcp.stack().counters().syns_dropped, 1U);
  tcp.user_accepts();
}

TEST(TcpOpen, ClosingAListenerResetsWhatWaits) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.stack().close_listener(tcp.now(), tcp.listener());
  tcp.stack_sends(rst_ack(1, 1));
  EXPECT_EQ(tcp.stack().connections(), 0U);
  EXPECT_FALSE(tcp.stack().accept(tcp.listener()).has_value());
}

TEST(TcpOpen, ClosingAListenerForgetsWhoIsOpening) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.stack().close_listener(tcp.now(), tcp.listener());
  tcp.stack_sends_nothing();
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

TEST(TcpOpen, AddressesInUse) {
  TcpDialect tcp;
  tcp.user_listens();
  const TcpEndpointAddress local = *tcp.stack().listening_at(tcp.listener());
  EXPECT_EQ(tcp.stack().listen(local, 1).error, Errno::kAddressInUse);
  EXPECT_EQ(tcp.stack().listen({IpAddress(), local.port}, 1).error, Errno::kAddressInUse);
  EXPECT_EQ(tcp.stack().listen({local.address, 0}, 1).error, Errno::kInvalid);
}

// The table of connections is bounded; those only waiting out their TIME-WAIT make room.
TEST(TcpOpen, ConnectionsAreBounded) {
  TcpConfig config;
  config.connections_max = 2;
  TcpDialect tcp(config);
  tcp.established();
  tcp.peer_port = 40001;
  tcp.peer_sends(syn(0).mss(1000));
  EXPECT_EQ(tcp.taken().size(), 1U);
  tcp.peer_port = 40002;
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends_nothing();
  EXPECT_EQ(tcp.stack().counters().syns_dropped, 1U);
  const TcpEndpointAddress local{Ipv4Address(0xc6120001), 0};
  const TcpEndpointAddress remote{Ipv4Address(0xc6120002), 80};
  EXPECT_EQ(tcp.stack().connect(tcp.now(), local, remote).error, Errno::kNoBufferSpace);
}

TEST(TcpOpen, OldestTimeWaitMakesRoom) {
  TcpConfig config;
  config.connections_max = 1;
  TcpDialect tcp(config);
  tcp.established();
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
  tcp.peer_port = 40001;
  tcp.peer_sends(syn(0).mss(1000));
  EXPECT_EQ(tcp.taken().size(), 1U);
  EXPECT_EQ(tcp.stack().connections(), 1U);
}

TEST(TcpOpen, ListenersAreBounded) {
  TcpConfig config;
  config.listeners_max = 1;
  TcpDialect tcp(config);
  tcp.user_listens();
  EXPECT_EQ(tcp.stack().listen({Ipv4Address(0xc6120001), 81}, 1).error, Errno::kNoBufferSpace);
}

// RFC 6056 §3.3.3: chosen ports differ until the range is used up.
TEST(TcpOpen, EphemeralPortsRunOut) {
  TcpConfig config;
  config.ephemeral_port_min = 50000;
  config.ephemeral_port_max = 50003;
  TcpDialect tcp(config);
  const TcpEndpointAddress local{Ipv4Address(0xc6120001), 0};
  const TcpEndpointAddress remote{Ipv4Address(0xc6120002), 80};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(tcp.stack().connect(tcp.now(), local, remote).error, Errno::kNone);
  }
  EXPECT_EQ(tcp.stack().connect(tcp.now(), local, remote).error, Errno::kAddressNotAvailable);
  EXPECT_EQ(tcp.taken().size(), 4U);
}

}  // namespace
}  // namespace twinpath::test
