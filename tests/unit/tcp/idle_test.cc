// Connections with nothing under way: what they hold, and that they go on as if nothing had been
// given up.
#include <gtest/gtest.h>

#include "models/tcp/connection.h"
#include "tests/fakes/tcp_dialect.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

// An idle connection is small: its queues, deadlines and timer stand elsewhere.
TEST(Connection, IsSmall) { EXPECT_LE(sizeof(tcp::Connection), 400U); }

void exchange(TcpDialect& tcp, std::uint32_t at) {
  tcp.peer_sends(data(at, 10, at).push());
  tcp.user_reads(10);
  tcp.user_writes(10);
  tcp.stack_sends(data(at, 10, at + 10).push());
  tcp.peer_sends(ack(at + 10, at + 10));
}

TEST(TcpIdle, HoldsNothingOnceItsTimerHasFired) {
  TcpDialect tcp;
  tcp.established();
  exchange(tcp, 1);
  EXPECT_EQ(tcp.stack().active_connections(), 1u);
  tcp.stack_sends_nothing_for(2s);
  EXPECT_EQ(tcp.stack().active_connections(), 0u);
  EXPECT_EQ(tcp.timers().size(), 0u);
  EXPECT_EQ(tcp.status().writable_bytes, TcpConfig().send_buffer_bytes);
  exchange(tcp, 11);
  EXPECT_EQ(tcp.stack().active_connections(), 1u);
  tcp.stack_sends_nothing_for(2s);
  EXPECT_EQ(tcp.stack().active_connections(), 0u);
}

TEST(TcpIdle, UnreadAndUnacknowledgedDataKeepItAwake) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1, 10, 1).push());
  tcp.stack_sends_between(40ms, 40ms, ack(1, 11));
  tcp.stack_sends_nothing_for(5s);
  EXPECT_EQ(tcp.stack().active_connections(), 1u);
  tcp.user_reads(10);
  EXPECT_EQ(tcp.stack().active_connections(), 0u);
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 11).push());
  tcp.after(10ms);
  EXPECT_EQ(tcp.stack().active_connections(), 1u);
}

TEST(TcpIdle, LeavesAndClosesFromItsRest) {
  TcpDialect tcp;
  tcp.established();
  tcp.stack_sends_nothing_for(5s);
  EXPECT_EQ(tcp.stack().active_connections(), 0u);
  tcp.migrate();
  EXPECT_EQ(tcp.stack().active_connections(), 0u);
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(ack(1, 2));
  tcp.expect_state(TcpState::kFinWait2);
}

TEST(TcpIdle, ResetAndAbortReachItAtRest) {
  for (const bool by_peer : {true, false}) {
    TcpDialect tcp;
    tcp.established();
    tcp.stack_sends_nothing_for(5s);
    if (by_peer) {
      tcp.peer_sends(rst(1));
      tcp.expect_error(Errno::kConnectionReset);
    } else {
      tcp.user_aborts();
      tcp.stack_sends(rst_ack(1, 1));
    }
    EXPECT_EQ(tcp.stack().active_connections(), 0u);
  }
}

TEST(TcpIdle, KeepaliveStaysAwake) {
  TcpConfig config;
  config.keepalive = true;
  TcpDialect tcp(config);
  tcp.established();
  tcp.after(5s);
  EXPECT_EQ(tcp.stack().active_connections(), 1u);
}

}  // namespace
}  // namespace twinpath::test
