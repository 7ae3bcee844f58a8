// Resets, blind attacks, PAWS and ECN: RFC 9293 §3.5.3 and §3.10.7.4, RFC 5961, RFC 7323 §5, RFC
// 3168.
#include <gtest/gtest.h>

#include "tests/fakes/tcp_dialect.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

TEST(TcpReset, ExactResetEndsTheConnection) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(rst(1));
  tcp.expect_state(TcpState::kClosed);
  tcp.expect_error(Errno::kConnectionReset);
  tcp.stack_sends_nothing_for(1s);
}

// RFC 5961 §3.2.
TEST(TcpReset, ResetElsewhereInTheWindowIsChallenged) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(rst(100));
  tcp.stack_sends(ack(1, 1));
  tcp.expect_state(TcpState::kEstablished);
}

// RFC 9293 §3.5.3.
TEST(TcpReset, ResetOutsideTheWindowIsDropped) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(rst(100000001));
  tcp.stack_sends_nothing();
  tcp.after(300ms).peer_sends(data(1, 10, 1).push());
  tcp.stack_sends_between(0ms, 500ms, ack(1, 11));
  tcp.user_reads(10);
}

// RFC 5961 §4.2.
TEST(TcpReset, SynInAConnectionIsChallenged) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(syn(50).mss(1000));
  tcp.stack_sends(ack(1, 1));
  tcp.expect_state(TcpState::kEstablished);
}

// RFC 5961 §5.2.
TEST(TcpReset, AckOfTheFutureOrTheDistantPastIsChallenged) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 10, 5000));
  tcp.stack_sends(ack(1, 1));
  tcp.peer_sends(data(1, 10, 1U - 70000));
  tcp.stack_sends(ack(1, 1));
  EXPECT_EQ(tcp.status().readable_bytes, 0U);
}

// RFC 5961 §7.
TEST(TcpReset, ChallengesAreLimited) {
  TcpConfig config;
  config.challenge_acks_max = 3;
  TcpDialect tcp(config);
  tcp.established();
  for (int i = 0; i < 10; ++i) tcp.after(1ms).peer_sends(rst(100));
  EXPECT_EQ(tcp.taken().size(), 3U);
  EXPECT_EQ(tcp.stack().counters().challenge_acks, 3U);
  tcp.after(5s).peer_sends(rst(100));
  tcp.stack_sends(ack(1, 1));
}

// RFC 9293 §3.10.7.4 fifth.
TEST(TcpReset, SegmentWithoutAckIsDropped) {
  TcpDialect tcp;
  tcp.established();
  Seg bare;
  bare.seq_no = 1;
  tcp.peer_sends(bare.bytes(10).push());
  EXPECT_EQ(tcp.status().readable_bytes, 0U);
  tcp.after(300ms).peer_sends(data(1, 10, 1));
  tcp.stack_sends_between(0ms, 500ms, ack(1, 11));
  tcp.user_reads(10);
}

TEST(TcpReset, InvalidAcksAreAnsweredAtIntervals) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(ack(100000001, 1));
  tcp.stack_sends(ack(1, 1));
  tcp.after(100ms).peer_sends(ack(100000001, 1));
  tcp.stack_sends_nothing();
  tcp.after(400ms).peer_sends(ack(100000001, 1));
  tcp.stack_sends(ack(1, 1));
}

// RFC 9293 §3.10.7.4 second, TIME-WAIT.
TEST(TcpReset, ResetEndsTimeWait) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
  tcp.peer_sends(rst(2));
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

class TcpTimestamps323 : public ::testing::Test {
 protected:
  void open() {
    tcp.user_listens();
    tcp.peer_sends(syn(0).mss(1000).ts(1000, 0));
    tcp.stack_sends(syn_ack(0, 1).mss(1460).ts(0, 1000));
    tcp.after(100ms).peer_sends(ack(1, 1).ts(1100, 1));
    tcp.user_accepts();
    tcp.after(100ms).peer_sends(data(1, 10, 1).push().ts(1200, 1));
    tcp.stack_sends_between(0ms, 500ms, ack(1, 11).ts(240, 1200));
    tcp.user_reads(10);
  }
  TcpDialect tcp;
};

// RFC 7323 §5.3 R1.
TEST_F(TcpTimestamps323, OldTimestampIsRefused) {
  open();
  tcp.peer_sends(data(11, 10, 1).ts(1199, 1));
  tcp.stack_sends(ack(1, 11).ts(240, 1200));
  EXPECT_EQ(tcp.status().readable_bytes, 0U);
  EXPECT_EQ(tcp.stack().counters().drops[static_cast<std::size_t>(DropReason::kStale)], 1U);
}

// RFC 7323 §5.5.
TEST_F(TcpTimestamps323, After24DaysOfSilenceItIsBelieved) {
  open();
  tcp.after(std::chrono::hours(25 * 24)).peer_sends(data(11, 10, 1).ts(5, 1));
  tcp.user_reads(10);
  tcp.after(1s).taken();
}

// RFC 7323 §5.2.
TEST_F(TcpTimestamps323, ResetIsNotSubjectToPaws) {
  open();
  tcp.peer_sends(rst_ack(11, 1).ts(5, 1));
  tcp.expect_error(Errno::kConnectionReset);
}

// RFC 7323 §4.3: TS.Recent is not taken from a segment beyond what was acknowledged.
TEST_F(TcpTimestamps323, EchoIsOfTheSegmentAtTheLeftEdge) {
  open();
  tcp.peer_sends(data(1011, 1000, 1).ts(1300, 1));
  tcp.stack_sends(ack(1, 11).ts(240, 1200));
  tcp.peer_sends(data(11, 1000, 1).ts(1310, 1));
  tcp.stack_sends(ack(1, 2011).ts(240, 1310));
}

// RFC 7323 §2.2, §3.2.
TEST(TcpOptionsOffered, OnlyWhatThePeerOffered) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1).mss(1460));
}

// RFC 3168 §6.1.2, §6.1.3.
TEST(TcpEcn, MarkIsEchoedUntilTheWindowWasReduced) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).with(kEce | kCwr));
  tcp.stack_sends(syn_ack(0, 1).with(kEce));
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
  tcp.peer_sends(data(1, 10, 1).marked(Ecn::kCe));
  tcp.stack_sends_between(0ms, 500ms, ack(1, 11).with(kEce).marked(Ecn::kNotEct));
  tcp.peer_sends(data(11, 10, 1).with(kCwr).marked(Ecn::kEct0));
  tcp.stack_sends_between(0ms, 500ms, ack(1, 21));
}

TEST(TcpEcn, EchoHalvesTheWindowOnce) {
  TcpConfig config;
  config.ecn = EcnMode::kRequest;
  config.congestion = CongestionKind::kReno;
  TcpDialect tcp(config);
  tcp.user_connects();
  tcp.stack_sends(syn(0).with(kEce | kCwr));
  tcp.peer_sends(syn_ack(0, 1).mss(1000).with(kEce));
  tcp.stack_sends(ack(1, 1));
  tcp.user_writes(20000);
  EXPECT_EQ(tcp.taken().size(), 10U);
  tcp.peer_sends(ack(1, 2001).with(kEce));
  EXPECT_EQ(tcp.info().ssthresh_bytes, 5000U);
  tcp.peer_sends(ack(1, 3001).with(kEce));
  EXPECT_EQ(tcp.info().ssthresh_bytes, 5000U);
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 7001));
  tcp.stack_sends(data(10001, 1000, 1).with(kCwr).marked(Ecn::kEct0));
  tcp.taken();
}

}  // namespace
}  // namespace twinpath::test
