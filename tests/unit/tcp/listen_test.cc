// Listening under pressure: queues that are full, SYN cookies, shared ports, deferred accepts, and
// what a flood may cost. RFC 4987, RFC 9293 §3.5.1.
#include <gtest/gtest.h>

#include <map>

#include "tests/fakes/tcp_dialect.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

TcpConfig one_half_open(SynCookies cookies = SynCookies::kWhenFull) {
  TcpConfig config;
  config.syn_backlog_max = 1;
  config.syn_cookies = cookies;
  return config;
}

// The queue is full with one connection that will never be completed.
void fill_queue(TcpDialect& tcp) {
  tcp.user_listens();
  tcp.peer_port = 39999;
  tcp.peer_sends(syn(0).mss(1000).ts(1, 0));
  tcp.taken();
  tcp.peer_port = 40000;
}

TEST(SynQueue, FullWithoutCookiesDropsTheSyn) {
  TcpDialect tcp(one_half_open(SynCookies::kOff));
  fill_queue(tcp);
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends_nothing();
  EXPECT_EQ(tcp.stack().counters().syns_dropped, 1U);
}

TEST(SynQueue, IsBoundedForAllListenersTogether) {
  TcpConfig config;
  config.half_open_max = 1;
  config.syn_cookies = SynCookies::kOff;
  TcpDialect tcp(config);
  fill_queue(tcp);
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends_nothing();
}

// RFC 6298 §5.5, RFC 4987 §2: a half-open connection is given up.
TEST(SynQueue, HalfOpenConnectionsAreGivenUp) {
  TcpConfig config;
  config.syn_ack_retries = 2;
  TcpDialect tcp(config);
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.stack_sends_between(1s, 1s, syn_ack(0, 1));
  tcp.stack_sends_between(2s, 2s, syn_ack(0, 1));
  tcp.stack_sends_nothing_for(10s);
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

// RFC 4987 §3.6.
TEST(SynCookies, CompleteAConnectionFromNothing) {
  TcpDialect tcp(one_half_open());
  fill_queue(tcp);
  tcp.peer_sends(syn(0).mss(1300));
  tcp.stack_sends(syn_ack(0, 1).mss(1460));
  EXPECT_EQ(tcp.stack().connections(), 1U) << "only the one that fills the queue";
  tcp.after(100ms).peer_sends(ack(1, 1));
  tcp.user_accepts();
  EXPECT_EQ(tcp.stack().counters().syn_cookies_received, 1U);
  tcp.user_writes(3000);
  tcp.stack_sends(data(1, 1300, 1));
  tcp.stack_sends(data(1301, 1300, 1));
  tcp.peer_sends(data(1, 10, 2601));
  tcp.stack_sends(data(2601, 400, 11));
  tcp.user_reads(10);
}

// The MSS is the largest of a table not above the peer's.
TEST(SynCookies, CarryTheMss) {
  const std::map<std::uint16_t, std::uint32_t> kept = {{500, 536},   {1000, 536},  {1299, 536},
                                                       {1300, 1300}, {1455, 1440}, {9000, 1460}};
  for (const auto& [offered, expected] : kept) {
    TcpDialect tcp(one_half_open());
    fill_queue(tcp);
    tcp.peer_sends(syn(0).mss(offered));
    tcp.stack_sends(syn_ack(0, 1));
    tcp.peer_sends(ack(1, 1));
    tcp.user_accepts();
    EXPECT_EQ(tcp.info().mss_bytes, expected) << offered;
  }
}

// What does not fit into the number comes back in the timestamp.
TEST(SynCookies, TimestampsCarryScaleSackAndEcn) {
  TcpDialect tcp(one_half_open());
  fill_queue(tcp);
  tcp.after(2s);
  const auto bounced = tcp.taken();  // SYN,ACKs sent again
  tcp.peer_sends(syn(0).mss(1460).ts(7, 0).scale(3).sack_permitted().with(kEce | kCwr));
  auto sent = tcp.taken();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].flags, kSyn | kAck | kEce);
  ASSERT_TRUE(sent[0].options && sent[0].options->timestamps);
  EXPECT_TRUE(sent[0].options->sack_permitted);
  const std::uint32_t echo = sent[0].options->timestamps->value.value();
  tcp.after(50ms).peer_sends(ack(1, 1).win(1000).ts(60, echo));
  tcp.user_accepts();
  const TcpInfo info = tcp.info();
  EXPECT_TRUE(info.timestamps && info.sack && info.window_scaling && info.ecn);
  EXPECT_EQ(info.send_window_bytes, 8000U);
}

TEST(SynCookies, NothingButTimestampsCarriesOptions) {
  TcpDialect tcp(one_half_open());
  fill_queue(tcp);
  tcp.peer_sends(syn(0).mss(1460).scale(3).sack_permitted());
  tcp.stack_sends(syn_ack(0, 1).mss(1460));
}

// Two minutes at most, and only as it was made.
TEST(SynCookies, ExpireAndCannotBeGuessed) {
  for (const Duration wait : {Duration(59s), Duration(200s)}) {
    TcpConfig config = one_half_open();
    config.syn_ack_retries = 0;
    TcpDialect tcp(config);
    fill_queue(tcp);
    tcp.peer_sends(syn(0).mss(1300));
    tcp.stack_sends(syn_ack(0, 1));
    tcp.after(wait);
    tcp.peer_port = 40001;  // somebody else's
    tcp.peer_sends(ack(1, 1));
    EXPECT_EQ(tcp.taken().at(0).flags, kRst);
    tcp.peer_port = 40000;
    tcp.peer_sends(ack(1, 1));
    const bool accepted = tcp.stack().accept(tcp.listener()).has_value();
    EXPECT_EQ(accepted, wait < 60s);
    tcp.taken();
  }
}

// Equally far behind both opening numbers, as the last acknowledgement of a connection can be.
TEST(SynCookies, AreNotFoundInWhatEndedAConnection) {
  TcpDialect tcp(one_half_open());
  fill_queue(tcp);
  tcp.peer_sends(syn(0).mss(1300));
  tcp.stack_sends(syn_ack(0, 1));
  for (const std::uint32_t further : {2U, 3U, 1000U}) {
    tcp.peer_sends(ack(further, further));
    EXPECT_EQ(tcp.taken().at(0).flags, kRst) << further;
  }
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
}

TEST(SynCookies, AreNotLookedForUnlessTheyWereSent) {
  TcpDialect tcp;
  tcp.user_listens();
  for (std::uint32_t guess = 0; guess < 1000; ++guess) tcp.peer_sends(ack(1, guess << 20));
  EXPECT_EQ(tcp.stack().counters().syn_cookies_failed, 0U);
  EXPECT_EQ(tcp.stack().connections(), 0U);
  tcp.taken();
}

TEST(SynCookies, WaitForRoomInTheAcceptQueue) {
  TcpDialect tcp(one_half_open(SynCookies::kAlways));
  tcp.user_listens(1);
  tcp.peer_sends(syn(0).mss(1300));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.peer_port = 40001;
  tcp.peer_sends(syn(0).mss(1300));
  tcp.stack_sends_nothing();
  EXPECT_EQ(tcp.stack().acceptable(tcp.listener()), 1U);
}

// RFC 4987 §2: a million SYNs from everywhere cost what the queue holds, and whoever is serious
// still gets in.
TEST(SynFlood, CostsOnlyTheQueue) {
  TcpConfig config;
  config.syn_backlog_max = 64;
  TcpDialect tcp(config);
  tcp.user_listens();
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    tcp.peer_port = static_cast<std::uint16_t>(1024 + i % 60000);
    tcp.peer_isn = SeqNum(i * 2654435761U);
    tcp.peer_sends(syn(0).mss(1460));
    if (i % 64 == 0) tcp.taken();
  }
  tcp.taken();
  EXPECT_EQ(tcp.stack().connections(), 64U);
  EXPECT_GT(tcp.stack().counters().syn_cookies_sent, 99'000U);
  tcp.peer_port = 65000;
  tcp.peer_sends(syn(0).mss(1460));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
}

// A flood of whole connections: the table is the bound, and every refusal is counted.
TEST(ConnectionFlood, IsBoundedPerListenerAndByTheAcceptQueue) {
  TcpConfig config;
  config.connections_per_listener_max = 100;
  TcpDialect tcp(config);
  tcp.user_listens(1000);
  for (std::uint16_t port = 1000; port < 2000; ++port) {
    tcp.peer_port = port;
    tcp.peer_sends(syn(0).mss(1000));
    if (!tcp.taken().empty()) tcp.peer_sends(ack(1, 1));
  }
  EXPECT_EQ(tcp.stack().connections(), 100U);
  EXPECT_EQ(tcp.stack().acceptable(tcp.listener()), 100U);
  EXPECT_EQ(tcp.stack().counters().syns_dropped, 900U);
  tcp.user_accepts();
  tcp.user_aborts();
  tcp.taken();
  tcp.peer_port = 2000;
  tcp.peer_sends(syn(0).mss(1000));
  EXPECT_EQ(tcp.taken().size(), 1U) << "one left, one may come";
}

TEST(AcceptQueue, OverflowCanBeAReset) {
  TcpConfig config;
  config.accept_overflow_resets = true;
  TcpDialect tcp(config);
  tcp.user_listens(1);
  tcp.peer_port = 40001;
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  const SeqNum first = tcp.stack_isn();
  tcp.peer_port = 40000;
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));  // fills the queue
  EXPECT_EQ(tcp.stack().acceptable(tcp.listener()), 1U);
  tcp.peer_port = 40001;
  tcp.speak_of(first);
  tcp.peer_sends(ack(1, 1));
  EXPECT_TRUE(tcp.taken().at(0).flags.rst());
  EXPECT_EQ(tcp.stack().connections(), 1U);
}

// Holes are cheap for a peer; what is held beyond them has a bound for all connections together.
TEST(ConnectionFlood, DataBeyondHolesIsBoundedForAll) {
  TcpConfig config;
  config.out_of_order_bytes_max = 65536;
  TcpDialect tcp(config);
  tcp.user_listens(1000);
  for (std::uint16_t port = 1000; port < 1200; ++port) {
    tcp.peer_port = port;
    tcp.peer_sends(syn(0).mss(1000));
    tcp.taken();
    tcp.peer_sends(ack(1, 1));
    for (std::uint32_t piece = 1; piece < 10; ++piece) {
      tcp.peer_sends(data(1 + 2000 * piece, 1000, 1));
    }
    tcp.taken();
  }
  const std::size_t held = tcp.pool().outstanding();
  EXPECT_LE(held * HeapPoolOptions().capacity_bytes, 2 * 65536U);
  const auto full = static_cast<std::size_t>(DropReason::kQueueFull);
  EXPECT_GT(tcp.stack().counters().drops[full], 1000U);
  // Whoever fills its hole gives back what it held.
  tcp.peer_port = 1000;
  tcp.stack().close_listener(tcp.now(), tcp.listener());
  tcp.taken();
  EXPECT_EQ(tcp.pool().outstanding(), 0U);
}

// tcp(7): TCP_DEFER_ACCEPT.
TEST(DeferAccept, WaitsForData) {
  TcpDialect tcp;
  const auto made =
      tcp.stack().listen({Ipv4Address(0xc6120001), 8080}, 5, {.defer_accept_retries = 2});
  tcp.hear(made.id);
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  EXPECT_EQ(tcp.stack().acceptable(made.id), 0U);
  tcp.stack_sends_nothing_for(500ms);
  tcp.peer_sends(data(1, 10, 1).push());
  tcp.user_accepts();
  tcp.user_reads(10);
  tcp.stack_sends_between(0ms, 500ms, ack(1, 11));
}

TEST(DeferAccept, GivesInAfterAWhile) {
  TcpDialect tcp;
  const auto made =
      tcp.stack().listen({Ipv4Address(0xc6120001), 8080}, 5, {.defer_accept_retries = 2});
  tcp.hear(made.id);
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.stack_sends_between(2900ms, 3100ms, syn_ack(0, 1));  // not after one second
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
}

// socket(7): SO_REUSEPORT. Everybody gets a share, and one flow always the same listener.
TEST(ReusePort, FlowsAreSpread) {
  TcpDialect tcp;
  const TcpEndpointAddress place{Ipv4Address(0xc6120001), 8080};
  std::map<std::uint32_t, std::uint32_t> share;
  std::vector<TcpListenerId> listeners;
  for (int i = 0; i < 4; ++i) {
    const auto made = tcp.stack().listen(place, 1000, {.shared = true});
    ASSERT_EQ(made.error, Errno::kNone);
    listeners.push_back(made.id);
  }
  EXPECT_EQ(tcp.stack().listen(place, 5).error, Errno::kAddressInUse) << "one that shares nothing";
  tcp.hear_all();
  for (std::uint16_t port = 1000; port < 1400; ++port) {
    tcp.peer_port = port;
    tcp.peer_sends(syn(0).mss(1000));
    tcp.taken();
    tcp.peer_sends(syn(0).mss(1000));
    EXPECT_EQ(tcp.taken().size(), 1U);
    tcp.peer_sends(ack(1, 1));
  }
  for (const TcpListenerId id : listeners) {
    EXPECT_GT(tcp.stack().acceptable(id), 60U);
    share[tcp.stack().acceptable(id)] += 1;
  }
  EXPECT_EQ(tcp.stack().connections(), 400U);
}

// RFC 9293 §3.5.1, figure 10: one end forgot the connection and opens it anew.
TEST(HalfOpen, IsDiscoveredByTheSynOfAPeerThatCrashed) {
  TcpDialect tcp;
  tcp.established();
  tcp.after(10s).peer_sends(syn(400).mss(1000));
  tcp.stack_sends(ack(1, 1));  // the challenge
  tcp.peer_sends(rst(1));      // what a peer in SYN-SENT answers
  EXPECT_EQ(tcp.status().state, TcpState::kClosed);
  tcp.expect_error(Errno::kConnectionReset);
  tcp.peer_sends(syn(400).mss(1000));
  EXPECT_EQ(tcp.taken().at(0).flags, kSyn | kAck);
}

// RFC 9293 §3.5.1, figure 11: data into a connection the peer has forgotten.
TEST(HalfOpen, IsDiscoveredByDataToAPeerThatCrashed) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 1));
  tcp.peer_sends(rst(1));
  tcp.expect_error(Errno::kConnectionReset);
}

}  // namespace
}  // namespace twinpath::test
