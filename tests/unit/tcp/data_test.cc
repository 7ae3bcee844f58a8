// Data: acknowledgement policy, segmentation, windows of both sides, zero-window probes. RFC 9293
// §3.7 and §3.8.6, RFC 5681 §4.2.
#include <gtest/gtest.h>

#include "tests/fakes/tcp_dialect.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

// RFC 9293 §3.8.6.3, MUST-40.
TEST(TcpData, AckIsDelayedButNotLong) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 10, 1).push());
  tcp.stack_sends_nothing();
  tcp.stack_sends_between(40ms, 40ms, ack(1, 11));
  tcp.user_reads(10);
}

// RFC 5681 §4.2: at least every second full-sized segment.
TEST(TcpData, EverySecondFullSegmentIsAcknowledgedAtOnce) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 1000, 1));
  tcp.stack_sends_nothing();
  tcp.peer_sends(data(1001, 1000, 1));
  tcp.stack_sends(ack(1, 2001));
  tcp.user_reads(2000);
}

TEST(TcpData, DelayedAckCanBeSwitchedOff) {
  TcpConfig config;
  config.delayed_ack = Duration::zero();
  TcpDialect tcp(config);
  tcp.established();
  tcp.peer_sends(data(1, 10, 1));
  tcp.stack_sends(ack(1, 11));
}

TEST(TcpData, AckRidesOnData) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 10, 1));
  tcp.user_writes(5);
  tcp.stack_sends(data(1, 5, 11).push());
  tcp.peer_sends(ack(11, 6));
  tcp.stack_sends_nothing_for(1s);
}

// RFC 5681 §4.2: each out-of-order segment, and whatever fills a hole, at once. RFC 2018 §4.
TEST(TcpData, OutOfOrderIsReportedAtOnce) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).sack_permitted());
  tcp.stack_sends(syn_ack(0, 1).mss(1460).sack_permitted());
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
  tcp.peer_sends(data(2001, 1000, 1));
  tcp.stack_sends(ack(1, 1).sack(2001, 3001));
  tcp.peer_sends(data(4001, 1000, 1));
  tcp.stack_sends(ack(1, 1).sack(4001, 5001).sack(2001, 3001));
  tcp.peer_sends(data(1, 1000, 1));
  tcp.stack_sends(ack(1, 1001).sack(4001, 5001).sack(2001, 3001));
  tcp.peer_sends(data(1001, 1000, 1));
  tcp.stack_sends(ack(1, 3001).sack(4001, 5001));
  tcp.peer_sends(data(3001, 1000, 1));
  tcp.stack_sends(ack(1, 5001).no_options());
  tcp.user_reads(5000);
}

// RFC 6691 §2: a full segment has no room for them; the MTU is not exceeded.
TEST(TcpData, SackBlocksNeverMakeASegmentTooLong) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).sack_permitted());
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
  tcp.peer_sends(data(2001, 1000, 1));
  tcp.stack_sends(ack(1, 1).sack(2001, 3001));
  tcp.user_writes(1100);
  tcp.stack_sends(data(1, 1000, 1).no_options());
  tcp.peer_sends(ack(3001, 1001));
  tcp.stack_sends(data(1001, 100, 1).sack(2001, 3001));
}

TEST(TcpData, NoSackBlocksUnlessPermitted) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(2001, 1000, 1));
  tcp.stack_sends(ack(1, 1).no_options());
}

// RFC 9293 §3.10.7.4 first.
TEST(TcpData, SegmentBeyondTheWindowIsOnlyAcknowledged) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(100000001, 100, 1).push());
  tcp.stack_sends(ack(1, 1));
  EXPECT_EQ(tcp.status().readable_bytes, 0U);
}

TEST(TcpData, OverlapsAreTrimmed) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 1000, 1));
  tcp.peer_sends(data(501, 1000, 1));  // half of it old
  tcp.stack_sends(ack(1, 1501));
  tcp.peer_sends(data(1, 300, 1));  // all of it old
  tcp.stack_sends(ack(1, 1501));
  tcp.user_reads(1500);
}

// RFC 9293 §3.9.1, MUST-61.
TEST(TcpData, LastSegmentOfAWriteIsPushed) {
  TcpDialect tcp;
  tcp.established();
  TcpOpenOptions no_delay;
  no_delay.nagle = false;
  tcp.stack().set_options(tcp.now(), tcp.id(), no_delay);
  tcp.user_writes(1500);
  const auto sent = tcp.taken();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].text(), "." + sent[0].text().substr(1));
  EXPECT_EQ(sent[0].flags, kAck);
  EXPECT_EQ(sent[1].flags, kAck | kPsh);
  EXPECT_EQ(sent[1].len, 500U);
}

// RFC 9293 §3.7.1, MUST-15.
TEST(TcpData, NoMssOptionMeans536) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
  tcp.user_writes(1072);
  tcp.stack_sends(data(1, 536, 1));
  tcp.stack_sends(data(537, 536, 1).push());
}

// RFC 9293 §3.8.6.
TEST(TcpData, NeverExceedsThePeersWindow) {
  TcpDialect tcp;
  tcp.established(1000, 1000);
  tcp.user_writes(1000);
  tcp.stack_sends(data(1, 1000, 1).push());
  tcp.user_writes(1000);
  tcp.after(50ms).peer_sends(ack(1, 1001).win(0));
  tcp.stack_sends_nothing();
  tcp.after(50ms).peer_sends(ack(1, 1001).win(1000));
  tcp.stack_sends(data(1001, 1000, 1).push());
}

// RFC 9293 §3.7.4.
TEST(TcpData, NagleHoldsTheSecondShortSegment) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 1));
  tcp.user_writes(10);
  tcp.user_writes(10);
  tcp.stack_sends_nothing();
  tcp.peer_sends(ack(1, 11));
  tcp.stack_sends(data(11, 20, 1));
}

TEST(TcpData, NagleLetsFullSegmentsPass) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 1));
  tcp.user_writes(2500);
  tcp.stack_sends(data(11, 1000, 1));
  tcp.stack_sends(data(1011, 1000, 1));
  tcp.stack_sends_nothing();
}

// RFC 9293 §3.8.6.1: MUST-36, SHLD-29, SHLD-30.
TEST(TcpData, ZeroWindowIsProbedWithBackoff) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 1).push());
  tcp.after(50ms).peer_sends(ack(1, 11).win(0));
  tcp.user_writes(10);
  tcp.stack_sends_nothing();
  tcp.stack_sends_between(150ms, 1500ms, ack(10, 1));
  tcp.peer_sends(ack(1, 11).win(0));
  tcp.stack_sends_between(300ms, 3s, ack(10, 1));
  tcp.peer_sends(ack(1, 11).win(1000));
  tcp.stack_sends(data(11, 10, 1).push());
}

TEST(TcpData, ZeroWindowIsEnduredForEver) {
  TcpDialect tcp;
  tcp.established(1000, 0);
  tcp.user_writes(10);
  for (int probe = 0; probe < 40; ++probe) {
    tcp.stack_sends_between(100ms, 121s, ack(0, 1));
    tcp.peer_sends(ack(1, 1).win(0));
  }
  tcp.expect_state(TcpState::kEstablished);
}

// RFC 9293 §3.8.3: a peer that answers no probe is gone.
TEST(TcpData, ZeroWindowOfASilentPeerIsNot) {
  TcpConfig config;
  config.retries2 = 3;
  TcpDialect tcp(config);
  tcp.established(1000, 0);
  tcp.user_writes(10);
  for (int probe = 0; probe < 3; ++probe) tcp.stack_sends_between(100ms, 121s, ack(0, 1));
  tcp.stack_sends_nothing_for(10min);
  tcp.expect_error(Errno::kTimedOut);
}

// RFC 6429 §4: nor what nobody holds any more, though the peer answers.
TEST(TcpData, ZeroWindowOfAnOrphanIsNot) {
  TcpConfig config;
  config.retries2 = 3;
  TcpDialect tcp(config);
  tcp.established(1000, 0);
  tcp.user_writes(10);
  tcp.user_closes();
  for (int probe = 0; probe < 3; ++probe) {
    tcp.stack_sends_between(100ms, 121s, ack(0, 1));
    tcp.peer_sends(ack(1, 1).win(0));
  }
  tcp.stack_sends_between(100ms, 121s, rst_ack(1, 1));
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

// The same when the window shuts while data is in flight.
TEST(TcpData, ShrunkWindowIsEnduredForEver) {
  TcpDialect tcp;
  tcp.established(1000, 1000);
  tcp.user_writes(1000);
  tcp.stack_sends(data(1, 1000, 1));
  for (int expiry = 0; expiry < 40; ++expiry) {
    tcp.stack_sends_between(100ms, 121s, data(1, 1000, 1));
    tcp.peer_sends(ack(1, 1).win(0));
  }
  tcp.peer_sends(ack(1, 1001).win(1000));
  tcp.expect_state(TcpState::kEstablished);
}

TEST(TcpData, ShrunkWindowOfAnOrphanIsNot) {
  TcpConfig config;
  config.retries2 = 3;
  TcpDialect tcp(config);
  tcp.established(1000, 1000);
  tcp.user_writes(1000);
  tcp.user_closes();
  tcp.stack_sends(data(1, 1000, 1));
  for (int expiry = 0; expiry < 3; ++expiry) {
    tcp.stack_sends_between(100ms, 121s, data(1, 1000, 1));
    tcp.peer_sends(ack(1, 1).win(0));
  }
  tcp.stack_sends_nothing_for(10min);
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

// RFC 9293 §3.8.6.2.1: a small window is not used at once, but not for ever left unused either.
TEST(TcpData, SillyWindowIsOverridden) {
  TcpDialect tcp;
  tcp.established(1000, 4000);
  tcp.user_writes(3000);
  for (std::uint32_t seq = 1; seq < 3000; seq += 1000) tcp.stack_sends(data(seq, 1000, 1));
  tcp.peer_sends(ack(1, 3001).win(100));
  tcp.user_writes(1000);
  tcp.stack_sends_nothing();
  tcp.stack_sends_between(100ms, 1s, data(3001, 100, 1));
}

// RFC 9293 §3.8.6.2.2: the window opens by useful steps only.
TEST(TcpData, ReceiverOpensTheWindowByUsefulSteps) {
  TcpConfig config;
  config.receive_buffer_bytes = 4000;
  TcpDialect tcp(config);
  tcp.established();
  tcp.peer_sends(data(1, 1000, 1));
  tcp.peer_sends(data(1001, 1000, 1));
  tcp.stack_sends(ack(1, 2001).win(2000));
  tcp.peer_sends(data(2001, 1000, 1));
  tcp.peer_sends(data(3001, 1000, 1));
  tcp.stack_sends(ack(1, 4001).win(0));
  tcp.user_reads(500);
  tcp.stack_sends_nothing();
  tcp.user_reads(1500);
  tcp.stack_sends(ack(1, 4001).win(2000));
}

// RFC 9293 §3.10.7.4 first: at a zero window the acknowledgement still counts.
TEST(TcpData, AckIsHeardAtZeroWindow) {
  TcpConfig config;
  config.receive_buffer_bytes = 2048;
  TcpDialect tcp(config);
  tcp.established();
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 1));
  tcp.peer_sends(data(1, 1024, 1));
  tcp.peer_sends(data(1025, 1024, 1));
  tcp.stack_sends(ack(11, 2049).win(0));
  tcp.peer_sends(data(2049, 1, 11));
  tcp.stack_sends(ack(11, 2049).win(0));
  EXPECT_EQ(tcp.status().unacked_bytes, 0U);
}

TEST(TcpData, WindowScalingBothWays) {
  TcpConfig config;
  config.receive_buffer_bytes = 1 << 20;
  TcpDialect tcp(config);
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).scale(2));
  tcp.stack_sends(syn_ack(0, 1).mss(1460).scale(5).win(65535));
  tcp.peer_sends(ack(1, 1).win(1000));  // 4000 bytes
  tcp.user_accepts();
  EXPECT_EQ(tcp.info().send_window_bytes, 4000U);
  tcp.user_writes(10000);
  for (std::uint32_t seq = 1; seq < 4000; seq += 1000)
    tcp.stack_sends(data(seq, 1000, 1).win(32768));
  tcp.stack_sends_nothing();
}

// RFC 9293 §3.8.4, MUST-24 to MUST-29.
TEST(TcpData, KeepaliveProbesSilence) {
  TcpDialect tcp;
  tcp.established();
  TcpOpenOptions options;
  options.keepalive = true;
  options.keepalive_idle = 2s;
  options.keepalive_interval = 1s;
  options.keepalive_probes = 2;
  tcp.stack().set_options(tcp.now(), tcp.id(), options);
  tcp.stack_sends_between(2s, 2s, ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.stack_sends_between(2s, 2s, ack(0, 1));
  tcp.stack_sends_between(1s, 1s, ack(0, 1));
  tcp.stack_sends_between(1s, 1s, rst_ack(1, 1));
  tcp.expect_error(Errno::kTimedOut);
}

// RFC 9293 §3.9.2.2, MUST-56.
TEST(TcpData, HostUnreachableDoesNotAbort) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 1));
  tcp.icmp(TcpIcmpKind::kUnreachable, Errno::kHostUnreachable, 1);
  tcp.peer_sends(ack(1, 11));
  tcp.user_writes(10);
  tcp.stack_sends(data(11, 10, 1));
  tcp.expect_state(TcpState::kEstablished);
}

// RFC 9293 §3.7.5, RFC 5927 §4.1.
TEST(TcpData, PathMtuShrinksSegments) {
  TcpDialect tcp;
  tcp.established(1400);
  tcp.user_writes(1400);
  tcp.stack_sends(data(1, 1400, 1));
  tcp.icmp(TcpIcmpKind::kTooBig, Errno::kMessageSize, 5000, 1000);  // not in flight: a forgery
  tcp.stack_sends_nothing();
  tcp.icmp(TcpIcmpKind::kTooBig, Errno::kMessageSize, 1, 1000);
  tcp.stack_sends(data(1, 960, 1));
  tcp.stack_sends(data(961, 440, 1));
}

}  // namespace
}  // namespace twinpath::test
