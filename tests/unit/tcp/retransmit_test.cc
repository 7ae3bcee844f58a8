// Retransmission and congestion: RFC 6298, RFC 5681, RFC 6582, RFC 3042, RFC 6928.
#include <gtest/gtest.h>

#include "tests/fakes/tcp_dialect.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

TcpConfig reno() {
  TcpConfig config;
  config.congestion = CongestionKind::kReno;
  return config;
}

// RFC 6928 §2, RFC 5681 §3.1.
TEST(TcpRetransmit, InitialWindowIsTenSegments) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(20000);
  for (std::uint32_t seq = 1; seq < 10000; seq += 1000) tcp.stack_sends(data(seq, 1000, 1));
  tcp.stack_sends_nothing();
  tcp.after(50ms).peer_sends(ack(1, 10001));
  tcp.stack_sends(data(10001, 1000, 1));
  tcp.taken();
}

// RFC 5681 §3.2.
TEST(TcpRetransmit, ThirdDuplicateTriggersFastRetransmit) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(4000);
  EXPECT_EQ(tcp.taken().size(), 4U);
  tcp.after(50ms).peer_sends(ack(1, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 1));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.after(50ms).peer_sends(ack(1, 4001));
  tcp.stack_sends_nothing_for(5s);
  EXPECT_EQ(tcp.info().fast_retransmits, 1U);
}

// RFC 3042 §2: each of the first two duplicates lets one new segment out.
TEST(TcpRetransmit, LimitedTransmit) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(20000);
  EXPECT_EQ(tcp.taken().size(), 10U);
  tcp.peer_sends(ack(1, 1));
  tcp.stack_sends(data(10001, 1000, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.stack_sends(data(11001, 1000, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.stack_sends_nothing();
}

// RFC 5681 §3.2 (2) to (4): ssthresh is half the flight without limited transmit; further
// duplicates let new segments out once the flight has halved.
TEST(TcpRetransmit, FastRecoveryHalvesTheFlight) {
  TcpDialect tcp(reno());
  tcp.established();
  tcp.user_writes(30000);
  EXPECT_EQ(tcp.taken().size(), 10U);
  for (int i = 0; i < 3; ++i) tcp.peer_sends(ack(1, 1));
  EXPECT_EQ(tcp.taken().size(), 3U);  // two by limited transmit, one retransmission
  EXPECT_EQ(tcp.info().ssthresh_bytes, 5000U);
  for (int i = 0; i < 4; ++i) tcp.peer_sends(ack(1, 1));  // 12 sent, 7 arrived, 5 travelling
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 1));
  tcp.stack_sends(data(12001, 1000, 1));
  tcp.peer_sends(ack(1, 12001));
  EXPECT_LE(tcp.info().cwnd_bytes, 5000U);
  tcp.taken();
}

// RFC 6582 §3.2 step 3.
TEST(TcpRetransmit, PartialAckRetransmitsTheNextHole) {
  TcpDialect tcp(reno());
  tcp.established();
  tcp.user_writes(8000);
  EXPECT_EQ(tcp.taken().size(), 8U);
  for (int i = 0; i < 3; ++i) tcp.peer_sends(ack(1, 1));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.peer_sends(ack(1, 3001));
  tcp.stack_sends(data(3001, 1000, 1));
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 8001));
  tcp.stack_sends_nothing_for(5s);
  EXPECT_EQ(tcp.info().retransmits, 2U);
  EXPECT_EQ(tcp.info().timeouts, 0U);
}

class TcpSack : public ::testing::Test {
 protected:
  void open() {
    tcp.user_listens();
    tcp.peer_sends(syn(0).mss(1000).sack_permitted());
    tcp.stack_sends(syn_ack(0, 1));
    tcp.after(100ms).peer_sends(ack(1, 1));
    tcp.user_accepts();
    tcp.user_writes(10000);
    EXPECT_EQ(tcp.taken().size(), 10U);
  }
  TcpDialect tcp{reno()};
};

// RFC 6675 §5: the third segment reported beyond a hole starts recovery; exactly the holes are
// sent.
TEST_F(TcpSack, OnlyTheHolesAreRetransmitted) {
  open();
  tcp.peer_sends(ack(1, 1).sack(1001, 2001));
  tcp.peer_sends(ack(1, 1).sack(1001, 3001));
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 1).sack(1001, 4001));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.peer_sends(ack(1, 1).sack(5001, 6001).sack(1001, 4001));
  tcp.peer_sends(ack(1, 1).sack(5001, 8001).sack(1001, 4001));
  tcp.stack_sends(data(4001, 1000, 1));
  tcp.peer_sends(ack(1, 4001).sack(5001, 8001));
  tcp.peer_sends(ack(1, 10001));
  tcp.stack_sends_nothing_for(5s);
  EXPECT_EQ(tcp.info().retransmits, 2U);
  EXPECT_EQ(tcp.info().fast_retransmits, 1U);
}

// RFC 6675 §5 (1): one acknowledgement may report it all.
TEST_F(TcpSack, LossShownByOneAcknowledgement) {
  open();
  tcp.peer_sends(ack(1, 1).sack(3001, 10001));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.stack_sends(data(1001, 1000, 1));
  tcp.stack_sends(data(2001, 1000, 1));
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 10001));
}

// RFC 8985 §6.2, step 4: in recovery, without reordering seen, what something later has overtaken
// is lost at once, however little follows it.
TEST_F(TcpSack, HoleNearTheEndIsSentWithoutWaiting) {
  open();
  tcp.peer_sends(ack(1, 1).sack(1001, 7001));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.peer_sends(ack(1, 1).sack(9001, 10001).sack(1001, 7001));
  tcp.stack_sends(data(7001, 1000, 1));
  tcp.peer_sends(ack(1, 7001).sack(9001, 10001));
  tcp.stack_sends(data(8001, 1000, 1));
  tcp.peer_sends(ack(1, 10001));
  tcp.stack_sends_nothing_for(5s);
  EXPECT_EQ(tcp.info().retransmits, 3U);
  EXPECT_EQ(tcp.info().timeouts, 0U);
}

// RFC 6675 §5.1: a time-out does not forget what arrived.
TEST_F(TcpSack, TimeoutSkipsWhatArrived) {
  open();
  tcp.peer_sends(ack(1, 1).sack(1001, 9001));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.stack_sends_between(100ms, 1s, data(1, 1000, 1));
  tcp.peer_sends(ack(1, 9001));
  tcp.stack_sends(data(9001, 1000, 1));
  tcp.peer_sends(ack(1, 10001));
}

// RFC 2018 §8: the peer may throw away what it reported; at a time-out it is asked.
TEST_F(TcpSack, RenegingIsSurvived) {
  open();
  tcp.peer_sends(ack(1, 1).sack(1001, 10001));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.peer_sends(ack(1, 1001));  // it has thrown the rest away
  tcp.stack_sends_between(100ms, 1s, data(1001, 1000, 1));
  tcp.peer_sends(ack(1, 2001));
  tcp.stack_sends(data(2001, 1000, 1));
  tcp.stack_sends(data(3001, 1000, 1));
  tcp.peer_sends(ack(1, 10001));
}

// Blocks that cannot be: outside what is in flight, or turned around.
TEST_F(TcpSack, NonsenseIsIgnored) {
  open();
  tcp.peer_sends(ack(1, 1).sack(20001, 90001).sack(5001, 4001).sack(0U - 5000, 1).sack(1, 1));
  EXPECT_EQ(tcp.info().retransmits, 0U);
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 10001));
}

// RFC 5681 §2: a changed window is no duplicate.
TEST(TcpRetransmit, WindowUpdatesAreNoDuplicates) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(4000);
  tcp.taken();
  for (std::uint32_t win = 60000; win < 60005; ++win) tcp.peer_sends(ack(1, 1).win(win));
  tcp.stack_sends_nothing();
}

// RFC 6298 §5.3.
TEST(TcpRetransmit, AckOfNewDataRestartsTheTimer) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(2000);
  EXPECT_EQ(tcp.taken().size(), 2U);
  tcp.after(100ms).peer_sends(ack(1, 1001));
  const Duration rto = tcp.info().rto;
  tcp.stack_sends_between(rto, rto, data(1001, 1000, 1).push());
  tcp.peer_sends(ack(1, 2001));
}

// RFC 6298 §5.4 to §5.6; RFC 5681 §3.1.
TEST(TcpRetransmit, TimeoutBacksOffAndStartsSlowly) {
  TcpDialect tcp(reno());
  tcp.established();
  tcp.user_writes(4000);
  EXPECT_EQ(tcp.taken().size(), 4U);
  const Duration rto = tcp.info().rto;
  tcp.stack_sends_between(rto, rto, data(1, 1000, 1));
  EXPECT_EQ(tcp.info().cwnd_bytes, 1000U);
  EXPECT_EQ(tcp.info().ssthresh_bytes, 2000U);
  tcp.stack_sends_between(2 * rto, 2 * rto, data(1, 1000, 1));
  tcp.stack_sends_between(4 * rto, 4 * rto, data(1, 1000, 1));
  EXPECT_EQ(tcp.info().ssthresh_bytes, 2000U) << "held: nothing new was lost";
  tcp.peer_sends(ack(1, 1001));
  tcp.stack_sends(data(1001, 1000, 1));
  tcp.stack_sends(data(2001, 1000, 1));
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 4001));
  tcp.stack_sends_nothing_for(10s);
}

// What the peer turns out to hold is not sent again.
TEST(TcpRetransmit, TimeoutSkipsWhatIsAcknowledged) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(4000);
  tcp.taken();
  tcp.stack_sends_between(100ms, 1s, data(1, 1000, 1));
  tcp.peer_sends(ack(1, 3001));
  tcp.stack_sends(data(3001, 1000, 1));
  tcp.peer_sends(ack(1, 4001));
  EXPECT_EQ(tcp.info().retransmits, 2U);
}

// RFC 6582 §3.2 step 4: duplicates caused by the retransmissions of a time-out start nothing.
TEST(TcpRetransmit, NoFastRetransmitInsideARecoveredWindow) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(4000);
  tcp.taken();
  tcp.stack_sends_between(100ms, 1s, data(1, 1000, 1));
  for (int i = 0; i < 5; ++i) tcp.peer_sends(ack(1, 1));
  tcp.stack_sends_nothing();
}

// RFC 9293 §3.8.3, R2.
TEST(TcpRetransmit, GivesUpAfterRetries) {
  TcpConfig config;
  config.retries2 = 3;
  TcpDialect tcp(config);
  tcp.established();
  tcp.user_writes(10);
  tcp.taken();
  for (int i = 0; i < 3; ++i) tcp.stack_sends_between(100ms, 10s, data(1, 10, 1));
  tcp.stack_sends_nothing_for(30s);
  tcp.expect_error(Errno::kTimedOut);
}

// RFC 6298 §3, Karn: an acknowledgement of something sent twice is no sample, and back-off stays.
TEST(TcpRetransmit, KarnsRule) {
  TcpDialect tcp;
  tcp.established();
  const Duration srtt = tcp.info().srtt;
  tcp.user_writes(10);
  tcp.taken();
  const Duration rto = tcp.info().rto;
  tcp.stack_sends_between(rto, rto, data(1, 10, 1));
  tcp.after(1ms).peer_sends(ack(1, 11));
  EXPECT_EQ(tcp.info().srtt, srtt);
  EXPECT_EQ(tcp.info().rto, 2 * rto);
  tcp.user_writes(10);
  tcp.taken();
  tcp.after(100ms).peer_sends(ack(1, 21));
  EXPECT_LT(tcp.info().rto, 2 * rto);
}

// RFC 5681 §4.1.
TEST(TcpRetransmit, SilenceShrinksTheWindow) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(40000);
  for (std::uint32_t acked = 2001; acked <= 40001; acked += 2000) {
    tcp.after(10ms).peer_sends(ack(1, acked));
  }
  tcp.taken();
  EXPECT_GT(tcp.info().cwnd_bytes, 15000U);
  tcp.after(10s).user_writes(20000);
  EXPECT_EQ(tcp.taken().size(), 10U);
}

// RFC 7661 §1: a window nobody uses does not grow.
TEST(TcpRetransmit, UnusedWindowDoesNotGrow) {
  TcpDialect tcp;
  tcp.established();
  for (std::uint32_t i = 0; i < 50; ++i) {
    tcp.user_writes(1000);
    tcp.taken();
    tcp.after(10ms).peer_sends(ack(1, 1001 + i * 1000));
  }
  EXPECT_EQ(tcp.info().cwnd_bytes, 10000U);
}

// An exhausted pool delays segments and loses nothing.
TEST(TcpRetransmit, ExhaustedPoolIsBackPressure) {
  HeapPoolOptions few;
  few.bufs_max = 6;
  TcpDialect tcp(TcpConfig(), few);
  tcp.established();
  tcp.user_writes(3000);
  EXPECT_EQ(tcp.taken().size(), 3U);
  std::vector<BufPtr> hoard;
  while (PacketBuf* buf = tcp.pool().take()) hoard.emplace_back(buf);
  hoard.pop_back();
  tcp.peer_sends(data(1, 1000, 1));  // in the last buffer; now there is none to answer with
  tcp.after(100ms).stack_sends_nothing();
  EXPECT_GT(tcp.stack().counters().pool_exhausted, 0U);
  hoard.clear();
  tcp.stack_sends_between(0ms, 1ms, ack(3001, 1001));
  tcp.peer_sends(ack(1001, 3001));
}

}  // namespace
}  // namespace twinpath::test
