// Loss by time, probes for it, and taking back what was needless: RFC 8985, RFC 6937, RFC 2883,
// RFC 3522.
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

// A round trip of 100 ms, a window of ten segments.
class TcpRack : public ::testing::Test {
 protected:
  void open(std::uint32_t bytes) {
    tcp.user_listens();
    tcp.peer_sends(syn(0).mss(1000).sack_permitted());
    tcp.stack_sends(syn_ack(0, 1));
    tcp.after(100ms).peer_sends(ack(1, 1));
    tcp.user_accepts();
    tcp.user_writes(bytes);
    EXPECT_EQ(tcp.taken().size(), 10U);
  }
  TcpDialect tcp{reno()};
};

// RFC 8985 §6.2, step 4: a quarter of the round trip for what may only be late.
TEST_F(TcpRack, AHoleMayFillForAQuarterOfTheRoundTrip) {
  open(10000);
  tcp.after(100ms).peer_sends(ack(1, 1).sack(1001, 2001));
  tcp.after(24ms).stack_sends_nothing();
  tcp.peer_sends(ack(1, 2001));
  tcp.after(50ms).peer_sends(ack(1, 10001));
  tcp.stack_sends_nothing_for(5s);
  EXPECT_EQ(tcp.info().retransmits, 0U);
}

TEST_F(TcpRack, AHoleIsLostAfterAQuarterOfTheRoundTrip) {
  open(10000);
  tcp.after(100ms).peer_sends(ack(1, 1).sack(1001, 2001));
  tcp.stack_sends_between(25ms, 25ms, data(1, 1000, 1));
  tcp.after(100ms).peer_sends(ack(1, 10001));
  EXPECT_EQ(tcp.info().fast_retransmits, 1U);
}

// RFC 8985 §6.2, step 3: a path that has reordered is given the time even at the third report.
TEST_F(TcpRack, ReorderingIsRemembered) {
  open(20000);
  tcp.after(100ms).peer_sends(ack(1, 1).sack(1001, 2001));
  tcp.peer_sends(ack(1, 2001));  // the first was late
  tcp.taken();
  tcp.peer_sends(ack(1, 2001).sack(3001, 6001));
  tcp.taken();
  EXPECT_EQ(tcp.info().retransmits, 0U);
  tcp.after(25ms);
  EXPECT_EQ(tcp.info().retransmits, 1U);
  tcp.taken();
}

// RFC 8985 §7.2 and §7.3: after two round trips without an answer the last segment goes out again,
// and its answer shows what is lost.
TEST_F(TcpRack, AProbeFindsALostTail) {
  open(10000);
  tcp.stack_sends_between(202ms, 202ms, data(9001, 1000, 1).push());
  EXPECT_EQ(tcp.info().loss_probes, 1U);
  tcp.after(100ms).peer_sends(ack(1, 1).sack(9001, 10001));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 1001).sack(9001, 10001));  // all goes well: one more than arrived
  tcp.stack_sends(data(1001, 1000, 1));
  tcp.stack_sends(data(2001, 1000, 1));
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 10001));
  EXPECT_EQ(tcp.info().timeouts, 0U);
}

TEST_F(TcpRack, AProbeCarriesNewDataIfThereIsSome) {
  open(20000);
  tcp.stack_sends_between(202ms, 202ms, data(10001, 1000, 1));
  tcp.after(10ms).peer_sends(ack(1, 11001));
  tcp.taken();
  EXPECT_EQ(tcp.info().retransmits, 0U);
}

// RFC 8985 §7.4.2: a loss that only the probe repaired counts once.
TEST_F(TcpRack, ALossTheProbeRepairedReducesTheWindow) {
  open(10000);
  tcp.after(100ms).peer_sends(ack(1, 8001));
  tcp.stack_sends_between(200ms, 210ms, data(9001, 1000, 1).push());
  tcp.after(20ms).peer_sends(ack(1, 10001));
  const std::uint32_t before = tcp.info().cwnd_bytes;
  tcp.user_writes(1000);
  tcp.taken();
  tcp.after(100ms).peer_sends(ack(1, 11001));
  EXPECT_EQ(tcp.info().timeouts, 0U);
  EXPECT_LE(tcp.info().cwnd_bytes, (before + 1000) / 2);
}

// RFC 6937 §3.1: with half the window to go, one segment leaves for every two that arrive.
TEST_F(TcpRack, RecoverySendsInProportionToWhatArrives) {
  open(40000);
  tcp.after(100ms).peer_sends(ack(1, 1).sack(1001, 4001));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.stack_sends(data(10001, 1000, 1));  // three arrived, half of it rounded up
  tcp.stack_sends_nothing();
  EXPECT_EQ(tcp.info().ssthresh_bytes, 5000U);
  tcp.peer_sends(ack(1, 1).sack(1001, 5001));
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 1).sack(1001, 6001));
  tcp.stack_sends(data(11001, 1000, 1));
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 12001));
  EXPECT_LE(tcp.info().cwnd_bytes, 5000U);
  tcp.taken();
}

// Behind the queue that overflowed a copy takes as long as what arrived last, which the estimate
// (300 ms here, RFC 6298 §2.2) knows nothing of while nothing is acknowledged in order.
TEST_F(TcpRack, ACopyIsGivenTheTimeThatArrivalsTake) {
  open(10000);
  tcp.after(190ms).peer_sends(ack(1, 1).sack(1001, 4001));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.stack_sends_between(390ms, 390ms, data(1, 1000, 1));
  EXPECT_EQ(tcp.info().timeouts, 1U);
}

// RFC 2883 §4.1: a segment that arrives twice is reported, below the acknowledgement and in a run.
TEST_F(TcpRack, DuplicatesAreReported) {
  open(10000);
  tcp.peer_sends(data(1, 1000, 1));
  tcp.peer_sends(data(1, 1000, 1));
  tcp.stack_sends(ack(10001, 1001).sack(1, 1001));
  tcp.peer_sends(data(2001, 1000, 1));
  tcp.stack_sends(ack(10001, 1001).sack(2001, 3001));
  tcp.peer_sends(data(2001, 500, 1));
  tcp.stack_sends(ack(10001, 1001).sack(2001, 2501).sack(2001, 3001));
  tcp.peer_sends(data(501, 1000, 1));  // half of it is new
  tcp.stack_sends(ack(10001, 1501).sack(501, 1001).sack(2001, 3001));
  tcp.peer_sends(ack(3001, 10001));
}

// Everything sent again had arrived: the window is what it was.
TEST_F(TcpRack, ReportedDuplicatesTakeTheReductionBack) {
  open(10000);
  tcp.after(100ms).peer_sends(ack(1, 1).sack(1001, 4001));
  tcp.stack_sends(data(1, 1000, 1));
  tcp.peer_sends(ack(1, 10001));  // the first was late
  EXPECT_LE(tcp.info().cwnd_bytes, 5000U);
  tcp.after(100ms).peer_sends(ack(1, 10001).sack(1, 1001));
  EXPECT_EQ(tcp.info().undone, 1U);
  EXPECT_EQ(tcp.info().cwnd_bytes, 10000U);
}

// RFC 3522 §3.2: the echo of the first transmission says that the second was needless, though the
// peer's acknowledgement alone does not.
TEST(TcpEifel, ALateAcknowledgementTakesTheTimeOutBack) {
  TcpDialect tcp(reno());
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).ts(500, 0));
  const std::uint32_t handshake = tcp.taken().at(0).options->timestamps->value.value();
  tcp.after(100ms).peer_sends(ack(1, 1).ts(600, handshake));
  tcp.user_accepts();
  tcp.user_writes(9880);
  const std::vector<Seg> sent = tcp.taken();
  ASSERT_EQ(sent.size(), 10U);
  const std::uint32_t first = sent[0].options->timestamps->value.value();
  const Duration srtt = tcp.info().srtt;
  tcp.after(tcp.info().rto);
  ASSERT_EQ(tcp.taken().size(), 1U);
  EXPECT_EQ(tcp.info().cwnd_bytes, 988U);
  tcp.after(10ms).peer_sends(ack(1, 989).ts(700, first));
  EXPECT_EQ(tcp.info().undone, 1U);
  EXPECT_GE(tcp.info().cwnd_bytes, 9880U);
  EXPECT_EQ(tcp.info().srtt, srtt) << "the time-out is no round trip";
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 9881).ts(700, first));
  EXPECT_EQ(tcp.info().retransmits, 1U);
}

// The same acknowledgement with the retransmission's echo takes nothing back, and is a sample.
TEST(TcpEifel, AnAcknowledgedRetransmissionIsASample) {
  TcpDialect tcp(reno());
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).ts(500, 0));
  const std::uint32_t handshake = tcp.taken().at(0).options->timestamps->value.value();
  tcp.after(100ms).peer_sends(ack(1, 1).ts(600, handshake));
  tcp.user_accepts();
  tcp.user_writes(988);
  tcp.taken();
  tcp.after(tcp.info().rto);
  const std::uint32_t second = tcp.taken().at(0).options->timestamps->value.value();
  const Duration backed_off = tcp.info().rto;
  tcp.after(120ms).peer_sends(ack(1, 989).ts(700, second));
  EXPECT_EQ(tcp.info().undone, 0U);
  EXPECT_LT(tcp.info().rto, backed_off);
  EXPECT_EQ(tcp.info().srtt, 102'500us) << "an eighth of 20 ms more";
}

}  // namespace
}  // namespace twinpath::test
