// Closing: RFC 9293 §3.6 and the close-related states of §3.10.4 and §3.10.7.4.
#include <gtest/gtest.h>

#include "tests/fakes/tcp_dialect.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

// RFC 9293 §3.6, figure 12; MUST-13.
TEST(TcpClose, ActiveCloseStaysInTimeWait) {
  TcpDialect tcp;
  tcp.established();
  tcp.after(100ms).user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.after(50ms).peer_sends(ack(1, 2));
  tcp.after(50ms).peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
  tcp.after(1s).peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
  EXPECT_EQ(tcp.stack().connections(), 1U);
  tcp.after(59s);
  EXPECT_EQ(tcp.stack().connections(), 1U) << "the repeated FIN restarted the 2 MSL";
  tcp.after(1s);
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

TEST(TcpClose, PassiveClose) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(fin(1, 1));
  tcp.stack_sends(ack(1, 2));
  tcp.expect_state(TcpState::kCloseWait);
  tcp.user_reads_end_of_stream();
  tcp.user_closes();
  tcp.stack_sends(fin(1, 2));
  tcp.peer_sends(ack(2, 2));
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

// RFC 9293 §3.6, MAY-1.
TEST(TcpClose, HalfCloseStillReceives) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_shuts_down();
  tcp.stack_sends(fin(1, 1));
  tcp.after(50ms).peer_sends(ack(1, 2));
  tcp.expect_state(TcpState::kFinWait2);
  EXPECT_EQ(tcp.user_writes(1), 0U);
  tcp.after(50ms).peer_sends(data(1, 10, 2).push());
  tcp.stack_sends_between(0ms, 500ms, ack(2, 11));
  tcp.user_reads(10);
  tcp.after(100ms).peer_sends(fin(11, 2));
  tcp.stack_sends(ack(2, 12));
  tcp.user_reads_end_of_stream();
  tcp.expect_state(TcpState::kTimeWait);
}

// RFC 9293 §3.6, figure 13.
TEST(TcpClose, SimultaneousClose) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_shuts_down();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(fin(1, 1));
  tcp.stack_sends(ack(2, 2));
  tcp.expect_state(TcpState::kClosing);
  tcp.peer_sends(ack(2, 2));
  tcp.expect_state(TcpState::kTimeWait);
}

TEST(TcpClose, FinAndAckTogetherGoStraightToTimeWait) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_shuts_down();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
  tcp.expect_state(TcpState::kTimeWait);
}

// RFC 9293 §3.8.1, RFC 6298.
TEST(TcpClose, LostFinIsRetransmitted) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.stack_sends_between(190ms, 1500ms, fin(1, 1));
  tcp.stack_sends_between(380ms, 3s, fin(1, 1));
  tcp.peer_sends(ack(1, 2));
  tcp.stack_sends_nothing_for(10s);
}

TEST(TcpClose, FinWaitsForQueuedData) {
  TcpDialect tcp;
  tcp.established(1000, 1000);
  tcp.user_writes(1500);
  tcp.stack_sends(data(1, 1000, 1));
  tcp.user_closes();
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 1001).win(1000));
  tcp.stack_sends(fin(1001, 1).bytes(500));
  tcp.peer_sends(ack(1, 1502));
  tcp.stack_sends_nothing();
}

// RFC 9293 §3.10.5.
TEST(TcpClose, AbortSendsReset) {
  TcpDialect tcp;
  tcp.established();
  tcp.after(100ms).user_aborts();
  tcp.stack_sends(rst_ack(1, 1));
  tcp.stack_sends_nothing_for(10s);
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

// RFC 9293 §3.6.1: data nobody read makes the close a reset.
TEST(TcpClose, UnreadDataMakesItAReset) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 10, 1));
  tcp.user_closes();
  tcp.stack_sends(rst_ack(1, 11));
}

// RFC 9293 §3.6.1: data after close() too.
TEST(TcpClose, DataAfterCloseIsReset) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(data(1, 10, 2));
  tcp.stack_sends(rst(2));
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

TEST(TcpClose, CloseInSynSentIsSilent) {
  TcpDialect tcp;
  tcp.user_connects();
  tcp.stack_sends(syn(0));
  tcp.user_closes();
  tcp.stack_sends_nothing_for(10s);
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

TEST(TcpClose, OrphanInFinWait2IsGivenUp) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(ack(1, 2));
  tcp.after(59s);
  EXPECT_EQ(tcp.stack().connections(), 1U);
  tcp.after(1s);
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

TEST(TcpClose, FinBeyondAHoleWaitsForIt) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(fin(11, 1));
  tcp.stack_sends(ack(1, 1));
  tcp.expect_state(TcpState::kEstablished);
  tcp.peer_sends(data(1, 10, 1));
  tcp.stack_sends(ack(1, 12));
  tcp.expect_state(TcpState::kCloseWait);
  tcp.user_reads(10);
  tcp.user_reads_end_of_stream();
}

// RFC 6191 §2: a newer SYN may take over a connection in TIME-WAIT.
TEST(TcpClose, NewerSynReusesTimeWait) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
  tcp.peer_sends(syn(100).mss(1000));
  const auto sent = tcp.taken();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].flags, kSyn | kAck);
  EXPECT_EQ(sent[0].ack_no, 101U);
  EXPECT_EQ(tcp.stack().counters().time_waits_reused, 1U);
}

TEST(TcpClose, OlderSynInTimeWaitIsOnlyAcknowledged) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 100, 1));
  tcp.user_reads(100);
  tcp.user_closes();
  tcp.stack_sends(fin(1, 101));
  tcp.peer_sends(fin(101, 2));
  tcp.stack_sends(ack(2, 102));
  tcp.peer_sends(syn(50).mss(1000));
  tcp.stack_sends(ack(2, 102));
}

}  // namespace
}  // namespace twinpath::test
