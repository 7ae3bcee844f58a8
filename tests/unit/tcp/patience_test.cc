// How long a connection waits: user time-out, keepalive, zero windows, black holes. And urgent
// data.
// RFC 5482, RFC 9293 §3.8, RFC 4821, RFC 6093.
#include <gtest/gtest.h>

#include "tests/fakes/tcp_dialect.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

void set_user_timeout(TcpDialect& tcp, Duration timeout) {
  TcpOpenOptions options;
  options.user_timeout = timeout;
  tcp.stack().set_options(tcp.now(), tcp.id(), options);
}

// tcp(7), TCP_USER_TIMEOUT; RFC 5482 §3.1.
TEST(UserTimeout, EndsAConnectionThatIsNotAnswered) {
  TcpDialect tcp;
  tcp.established();
  set_user_timeout(tcp, 3s);
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 1));
  const Instant sent = tcp.now();
  while (tcp.status().state != TcpState::kClosed && tcp.now() < sent + 10s) tcp.after(1ms);
  EXPECT_EQ(tcp.now() - sent, 3s);
  tcp.expect_error(Errno::kTimedOut);
  tcp.taken();
}

TEST(UserTimeout, CountsFromTheLastProgress) {
  TcpDialect tcp;
  tcp.established();
  set_user_timeout(tcp, 3s);
  for (std::uint32_t round = 0; round < 5; ++round) {
    tcp.user_writes(10);
    tcp.stack_sends(data(1 + 10 * round, 10, 1));
    tcp.after(2s);
    tcp.taken();
    tcp.peer_sends(ack(1, 11 + 10 * round));
    tcp.taken();
  }
  tcp.expect_state(TcpState::kEstablished);
}

TEST(UserTimeout, HoldsForConnectToo) {
  TcpDialect tcp;
  TcpOpenOptions options;
  options.user_timeout = 5s;
  tcp.user_connects(options);
  tcp.after(4900ms);
  tcp.expect_state(TcpState::kSynSent);
  tcp.after(100ms);
  tcp.expect_error(Errno::kTimedOut);
  tcp.taken();
}

// A peer that answers probes but never opens its window is given up too, as on Linux.
TEST(UserTimeout, EndsAZeroWindow) {
  TcpDialect tcp;
  tcp.established(1000, 0);
  set_user_timeout(tcp, 10s);
  tcp.user_writes(10);
  for (int i = 0; i < 200 && tcp.status().state == TcpState::kEstablished; ++i) {
    tcp.after(100ms);
    if (!tcp.taken().empty()) tcp.peer_sends(ack(1, 1).win(0));
  }
  tcp.expect_error(Errno::kTimedOut);
}

// tcp(7): it takes the place of TCP_KEEPCNT.
TEST(UserTimeout, ReplacesTheNumberOfKeepaliveProbes) {
  TcpDialect tcp;
  tcp.established();
  TcpOpenOptions options;
  options.keepalive = true;
  options.keepalive_idle = 2s;
  options.keepalive_interval = 1s;
  options.keepalive_probes = 2;
  options.user_timeout = 5s;
  tcp.stack().set_options(tcp.now(), tcp.id(), options);
  for (const Duration wait : {2s, 1s, 1s}) tcp.stack_sends_between(wait, wait, ack(0, 1));
  tcp.stack_sends_between(1s, 1s, rst_ack(1, 1));
  tcp.expect_error(Errno::kTimedOut);
}

TEST(UserTimeout, MovesWithTheConnection) {
  TcpDialect tcp;
  tcp.established();
  set_user_timeout(tcp, 3s);
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 1));
  tcp.after(1s);
  tcp.migrate();
  tcp.after(2s);
  tcp.expect_error(Errno::kTimedOut);
  tcp.taken();
}

// RFC 4821 §7.7: full segments vanish, small ones pass.
TEST(BlackHole, FullSegmentsBecomeSmaller) {
  TcpConfig config;
  config.black_hole_detection = true;
  TcpDialect tcp(config);
  tcp.established(1400);
  tcp.user_writes(1400);
  tcp.stack_sends(data(1, 1400, 1));
  tcp.stack_sends_between(300ms, 300ms, data(1, 1400, 1));
  tcp.stack_sends_between(600ms, 600ms, data(1, 1400, 1));
  tcp.stack_sends_between(1200ms, 1200ms, data(1, 1024, 1));
  tcp.peer_sends(ack(1, 1025));
  tcp.stack_sends(data(1025, 376, 1));
  tcp.peer_sends(ack(1, 1401));
  EXPECT_EQ(tcp.stack().counters().black_holes, 1U);
  tcp.user_writes(2000);
  tcp.stack_sends(data(1401, 1024, 1));
  tcp.taken();
}

TEST(BlackHole, ShortSegmentsProveNothing) {
  TcpConfig config;
  config.black_hole_detection = true;
  TcpDialect tcp(config);
  tcp.established(1400);
  tcp.user_writes(500);
  tcp.after(30s);
  tcp.taken();
  EXPECT_EQ(tcp.stack().counters().black_holes, 0U);
  EXPECT_EQ(tcp.info().mss_bytes, 1400U);
}

// RFC 6093 §3.1: the octets stay in the stream; the mark stands behind the last urgent one.
TEST(Urgent, IsDeliveredInlineWithItsMark) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 10, 1).urgent(6));
  EXPECT_TRUE(tcp.readiness() & kTcpUrgent);
  EXPECT_TRUE(tcp.status().urgent);
  EXPECT_EQ(tcp.status().urgent_bytes, 6U);
  tcp.user_reads(4);
  EXPECT_EQ(tcp.status().urgent_bytes, 2U);
  tcp.user_reads(6);
  EXPECT_FALSE(tcp.status().urgent);
  tcp.stack_sends_between(0ms, 500ms, ack(1, 11));
}

// RFC 9293 §3.10.7.4, sixth: the mark may be ahead of what has arrived, and never moves back.
TEST(Urgent, MarkMayBeAheadOfTheData) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(ack(1, 1).urgent(100));
  EXPECT_EQ(tcp.status().urgent_bytes, 100U);
  tcp.peer_sends(data(1, 10, 1).urgent(5));
  EXPECT_EQ(tcp.status().urgent_bytes, 100U);
  tcp.taken();
}

TEST(Urgent, OldMarksAndEmptyOnesMeanNothing) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 10, 1).urgent(0));
  EXPECT_FALSE(tcp.status().urgent);
  tcp.user_reads(10);
  tcp.peer_sends(data(1, 10, 1).urgent(10));  // a copy
  EXPECT_FALSE(tcp.status().urgent);
  tcp.taken();
}

// RFC 9293 §3.8.5: every segment before the mark says so, and Nagle does not hold it.
TEST(Urgent, IsSentAtOnceAndMarked) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(100);
  tcp.stack_sends(data(1, 100, 1));
  tcp.user_writes_urgently(1);
  tcp.stack_sends(data(101, 1, 1).with(kUrg).urgent(1));
  tcp.peer_sends(ack(1, 102));
  tcp.user_writes(10);
  tcp.stack_sends(data(102, 10, 1));  // without URG
}

}  // namespace
}  // namespace twinpath::test
