// TIME-WAIT as a record: small, answers what RFC 9293 §3.6.1 asks, and gives way when it may.
#include "models/tcp/time_wait.h"

#include <gtest/gtest.h>

#include <map>

#include "models/base/rng.h"
#include "tests/fakes/tcp_dialect.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;
using tcp::FlowKey;
using tcp::TimeWait;
using tcp::TimeWaitTable;

void close_actively(TcpDialect& tcp) {
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
}

TEST(TimeWait, IsSmall) { EXPECT_LE(sizeof(TimeWait), 160U); }

TEST(TimeWaitTable, AgreesWithStdMap) {
  TimeWaitTable table(7);
  std::map<std::uint16_t, std::int64_t> naive;  // port -> deadline
  Rng rng(3);
  for (int step = 0; step < 20000; ++step) {
    TimeWait record;
    record.key = {Ipv4Address(1), Ipv4Address(2), 80, static_cast<std::uint16_t>(rng.below(500))};
    record.deadline = at_ns(static_cast<std::int64_t>(rng.below(1000)) + step);
    const std::uint16_t port = record.key.remote_port;
    const auto found = naive.find(port);
    ASSERT_EQ(table.find(record.key) != nullptr, found != naive.end());
    if (found == naive.end() || rng.below(2) == 0) {
      found == naive.end() ? table.add(record) : table.move(record.key, record.deadline);
      ASSERT_GE(table.find(record.key)->deadline, record.deadline);
      naive[port] = to_ns(table.find(record.key)->deadline);
    } else {
      table.remove(record.key);
      naive.erase(port);
    }
    ASSERT_EQ(table.size(), naive.size());
  }
  std::int64_t before = 0;
  std::size_t seen = 0;
  table.visit([&](const TimeWait& record) {
    EXPECT_LE(before, to_ns(record.deadline));
    EXPECT_EQ(naive.at(record.key.remote_port), to_ns(record.deadline));
    before = to_ns(record.deadline);
    ++seen;
  });
  EXPECT_EQ(seen, naive.size());
}

// RFC 9293 §3.6.1: for two MSL, and the peer's FIN again starts them anew.
TEST(TimeWait, LastsTwoMslFromTheLastFin) {
  TcpDialect tcp;
  tcp.established();
  close_actively(tcp);
  tcp.after(40s).peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
  tcp.after(59s);
  EXPECT_EQ(tcp.stack().connections(), 1U);
  tcp.after(1s);
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

TEST(TimeWait, AnswersOldDataAndSynsWithWhatItExpects) {
  TcpDialect tcp;
  tcp.established();
  close_actively(tcp);
  tcp.peer_sends(data(1, 1, 2));
  tcp.stack_sends(ack(2, 2));
  tcp.after(1s).peer_sends(syn(0).mss(1000));
  tcp.stack_sends(ack(2, 2));
  tcp.after(1s).peer_sends(ack(2, 1000));
  tcp.stack_sends(ack(2, 2));
  tcp.after(1s).peer_sends(ack(2, 2));
  tcp.stack_sends_nothing();
}

// RFC 1337 §2: old duplicates and resets must not end it; with fix F1 none does.
TEST(TimeWait, ResetsCanBeIgnored) {
  TcpConfig config;
  config.time_wait_ignores_resets = true;
  TcpDialect tcp(config);
  tcp.established();
  close_actively(tcp);
  tcp.peer_sends(rst(2));
  EXPECT_EQ(tcp.stack().connections(), 1U);
  tcp.peer_sends(rst(1000));
  tcp.stack_sends(ack(2, 2));  // RFC 5961 §3.2
}

TEST(TimeWait, ResetElsewhereInTheWindowIsChallenged) {
  TcpDialect tcp;
  tcp.established();
  close_actively(tcp);
  tcp.peer_sends(rst(1000));
  tcp.stack_sends(ack(2, 2));
  EXPECT_EQ(tcp.stack().connections(), 1U);
}

// RFC 7323 §5.3.
TEST(TimeWait, KeepsItsTimestamps) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).ts(1000, 0));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1).ts(1001, 1));
  tcp.user_accepts();
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(fin(1, 2).ts(1002, 1));
  tcp.stack_sends(ack(2, 2).ts(0, 1002));
  tcp.after(1s).peer_sends(fin(1, 2).ts(900, 1));  // older: PAWS
  tcp.stack_sends(ack(2, 2).ts(1000, 1002));
  // RFC 6191 §2: a SYN with an older timestamp is refused, with a newer one let in.
  tcp.after(1s).peer_sends(syn(100000).mss(1000).ts(900, 0));
  tcp.stack_sends(ack(2, 2).ts(2000, 1002));
  tcp.after(1s).peer_sends(syn(100000).mss(1000).ts(1003, 0));
  EXPECT_EQ(tcp.taken().at(0).flags, kSyn | kAck);
  EXPECT_EQ(tcp.stack().counters().time_waits_reused, 1U);
}

TEST(TimeWait, TheOldestMakesRoom) {
  TcpConfig config;
  config.time_wait_max = 10;
  TcpDialect tcp(config);
  for (std::uint16_t i = 0; i < 30; ++i) {
    tcp.peer_port = static_cast<std::uint16_t>(40000 + i);
    if (i == 0) {
      tcp.established();
    } else {
      tcp.peer_sends(syn(0).mss(1000));
      tcp.stack_sends(syn_ack(0, 1));
      tcp.peer_sends(ack(1, 1));
      tcp.user_accepts();
    }
    close_actively(tcp);
  }
  EXPECT_EQ(tcp.stack().connections(), 10U);
}

// A connection the user still holds is not reduced to a record: it can be read.
TEST(TimeWait, WaitsForItsUser) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_shuts_down();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(fin(1, 2).bytes(10));
  tcp.stack_sends(ack(2, 12));
  tcp.expect_state(TcpState::kTimeWait);
  tcp.user_reads(10);
  tcp.user_reads_end_of_stream();
  tcp.user_closes();
  tcp.stack_sends_nothing();
  EXPECT_EQ(tcp.stack().connections(), 1U);
  EXPECT_EQ(tcp.stack().flows().size(), 1U);
  EXPECT_EQ(tcp.stack().flows()[0].rx_bytes, 10U);
  tcp.after(60s);
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

// RFC 9293 §3.6.1 (1): with its initial number beyond the largest one used before.
TEST(TimeWait, WhatComesAfterBeginsBeyondItsNumbers) {
  TcpDialect tcp;
  tcp.established();
  close_actively(tcp);
  const SeqNum used = tcp.stack_isn() + 2;
  tcp.peer_sends(syn(1000).mss(1000));
  tcp.stack_sends(syn_ack(0, 1001));
  EXPECT_GT(tcp.stack_isn(), used);
}

TEST(TimeWait, StaysWhereNobodyTakesTheSyn) {
  TcpConfig config;
  config.syn_backlog_max = 1;
  config.syn_cookies = SynCookies::kOff;
  TcpDialect tcp(config);
  tcp.established();
  close_actively(tcp);
  const SeqNum isn = tcp.stack_isn();
  ++tcp.peer_port;
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  --tcp.peer_port;
  tcp.peer_sends(syn(1000).mss(1000));
  tcp.stack_sends_nothing();
  EXPECT_EQ(tcp.stack().counters().syns_dropped, 1U);
  tcp.speak_of(isn);
  tcp.peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
}

// RFC 6191 §4: when no port is left, one that waited a second in TIME-WAIT with timestamps does.
TEST(TimeWait, OwnPortsComeBackWhenNoneIsLeft) {
  TcpConfig config;
  config.ephemeral_port_min = config.ephemeral_port_max = 50000;
  TcpDialect tcp(config);
  const TcpEndpointAddress local{Ipv4Address(0xc6120001), 0};
  const TcpEndpointAddress remote{Ipv4Address(0xc6120002), tcp.peer_port};
  const auto opened = tcp.stack().connect(tcp.now(), local, remote);
  tcp.adopt(opened.id);
  tcp.stack_port = 50000;
  tcp.stack_sends(syn(0));
  tcp.peer_sends(syn_ack(0, 1).mss(1000).ts(5, 0));
  tcp.stack_sends(ack(1, 1));
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.peer_sends(fin(1, 2).ts(6, 0));
  tcp.stack_sends(ack(2, 2));
  EXPECT_EQ(tcp.stack().connect(tcp.now(), local, remote).error, Errno::kAddressNotAvailable);
  tcp.after(1001ms);
  EXPECT_EQ(tcp.stack().connect(tcp.now(), local, remote).error, Errno::kNone);
  EXPECT_EQ(tcp.taken().size(), 1U);
}

}  // namespace
}  // namespace twinpath::test
