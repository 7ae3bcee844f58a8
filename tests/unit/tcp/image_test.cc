// A connection that moves: the peer, and every byte on the wire, must not notice.
#include "models/tcp/image.h"

#include <gtest/gtest.h>

#include "tests/fakes/tcp_dialect.h"
#include "tests/fakes/tcp_pair.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;

struct Outcome {
  std::uint64_t trace;
  std::int64_t end_ns;
};

Outcome transfer(std::uint32_t migrate_every, CongestionKind kind) {
  TcpPair::Settings settings;
  settings.pipe.loss = 0.02;
  settings.pipe.reorder = 0.02;
  settings.client.congestion = settings.server.congestion = kind;
  TcpPair pair(settings);
  pair.migrate_every(migrate_every);
  pair.start({.client_bytes = 400'000, .server_bytes = 300'000, .write_bytes = 900});
  EXPECT_TRUE(pair.run(3600s));
  EXPECT_TRUE(pair.exact());
  return {pair.trace(), to_ns(pair.now())};
}

TEST(TcbImage, MovingAtAnyMomentChangesNothing) {
  for (const auto kind : {CongestionKind::kReno, CongestionKind::kCubic, CongestionKind::kBbr}) {
    const Outcome still = transfer(0, kind);
    for (const std::uint32_t every : {1U, 2U, 7U, 50U}) {
      const Outcome moved = transfer(every, kind);
      EXPECT_EQ(moved.trace, still.trace) << "moved every " << every;
      EXPECT_EQ(moved.end_ns, still.end_ns) << "moved every " << every;
    }
  }
}

TEST(TcbImage, EveryStateMoves) {
  TcpDialect tcp;
  tcp.user_connects();
  tcp.stack_sends(syn(0));
  tcp.migrate();  // SYN-SENT
  tcp.stack_sends_between(1s, 1s, syn(0));
  tcp.peer_sends(syn_ack(0, 1).mss(1000));
  tcp.stack_sends(ack(1, 1));
  tcp.peer_sends(data(1001, 500, 1));
  tcp.stack_sends(ack(1, 1));
  tcp.migrate();  // ESTABLISHED, with data beyond a hole
  tcp.peer_sends(data(1, 1000, 1));
  tcp.stack_sends(ack(1, 1501));
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 1501));
  tcp.user_reads(1500);
  tcp.user_shuts_down();
  tcp.stack_sends(fin(11, 1501));
  tcp.migrate();  // FIN-WAIT-1, with data and FIN in flight
  tcp.peer_sends(ack(1501, 12));
  tcp.expect_state(TcpState::kFinWait2);
  tcp.migrate();
  tcp.peer_sends(fin(1501, 12));
  tcp.stack_sends(ack(12, 1502));
  tcp.migrate();
  tcp.expect_state(TcpState::kTimeWait);
  tcp.after(61s);
  tcp.expect_state(TcpState::kClosed);
}

// What no user holds moves too.
TEST(TcbImage, HalfOpenConnectionsMove) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.migrate_unheld();
  tcp.stack_sends_between(1s, 1s, syn_ack(0, 1));
  tcp.migrate_unheld();
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
  tcp.expect_state(TcpState::kEstablished);
}

TEST(TcbImage, WaitingConnectionsMove) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.peer_sends(data(1, 10, 1));
  tcp.migrate_unheld();
  EXPECT_EQ(tcp.stack().acceptable(tcp.listener()), 1U);
  tcp.user_accepts();
  tcp.user_reads(10);
  tcp.stack_sends_between(0ms, 500ms, ack(1, 11));
}

TEST(TcbImage, ClosingConnectionsAndTimeWaitMove) {
  TcpDialect tcp;
  tcp.established();
  tcp.user_closes();
  tcp.stack_sends(fin(1, 1));
  tcp.migrate_unheld();  // FIN-WAIT-1, nobody's
  tcp.stack_sends_between(100ms, 1s, fin(1, 1));
  tcp.peer_sends(ack(1, 2));
  tcp.migrate_unheld();  // FIN-WAIT-2
  tcp.peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
  tcp.after(20s);
  tcp.migrate_unheld();  // TIME-WAIT
  EXPECT_EQ(tcp.stack().connections(), 1U);
  tcp.peer_sends(fin(1, 2));
  tcp.stack_sends(ack(2, 2));
  tcp.after(59s);
  EXPECT_EQ(tcp.stack().connections(), 1U);
  tcp.after(1s);
  EXPECT_EQ(tcp.stack().connections(), 0U);
}

TEST(TcbImage, WhatWaitsNeedsItsListener) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000));
  tcp.stack_sends(syn_ack(0, 1));
  const auto images = tcp.stack().export_unheld(tcp.now());
  ASSERT_EQ(images.size(), 1U);
  tcp.stack().close_listener(tcp.now(), tcp.listener());
  EXPECT_FALSE(tcp.stack().import_unheld(tcp.now(), images[0]));
  EXPECT_FALSE(tcp.stack().import_image(tcp.now(), images[0]).has_value()) << "another kind";
  EXPECT_EQ(tcp.stack().connections(), 0U);
  for (std::size_t len = 0; len < images[0].bytes().size(); ++len) {
    const auto bytes = images[0].bytes().first(len);
    EXPECT_FALSE(tcp.stack().import_unheld(tcp.now(), TcbImage({bytes.begin(), bytes.end()})));
  }
}

// RFC 2018 §4: which run grew last is part of what the peer sees.
TEST(TcbImage, RunsStayInTheOrderInWhichTheyGrew) {
  TcpDialect tcp;
  tcp.user_listens();
  tcp.peer_sends(syn(0).mss(1000).sack_permitted());
  tcp.stack_sends(syn_ack(0, 1));
  tcp.peer_sends(ack(1, 1));
  tcp.user_accepts();
  for (const std::uint32_t seq : {2001U, 6001U, 4001U}) tcp.peer_sends(data(seq, 1000, 1));
  EXPECT_EQ(tcp.taken().size(), 3U);
  tcp.migrate();
  tcp.peer_sends(data(8001, 1000, 1));
  tcp.stack_sends(ack(1, 1).sack(8001, 9001).sack(4001, 5001).sack(6001, 7001).sack(2001, 3001));
}

// What is refused half read leaves the account of text beyond holes as it was.
TEST(TcbImage, ARefusedOneHoldsNothing) {
  TcpDialect tcp;
  tcp.established();
  for (const std::uint32_t seq : {2001U, 4001U}) tcp.peer_sends(data(seq, 1000, 1));
  tcp.taken();
  const auto image = tcp.stack().export_image(tcp.now(), tcp.id());
  ASSERT_TRUE(image);
  for (std::size_t len = 0; len < image->bytes().size(); len += 7) {
    const auto bytes = image->bytes().first(len);
    EXPECT_FALSE(tcp.stack().import_image(tcp.now(), TcbImage({bytes.begin(), bytes.end()})));
  }
  const auto id = tcp.stack().import_image(tcp.now(), *image);
  ASSERT_TRUE(id);
  tcp.adopt(*id);
  tcp.peer_sends(data(6001, 1000, 1));
  tcp.taken();
  for (const std::uint32_t seq : {1U, 1001U, 3001U, 5001U}) tcp.peer_sends(data(seq, 1000, 1));
  tcp.user_reads(7000);
  tcp.taken();
}

TEST(TcbImage, ExportedConnectionIsGone) {
  TcpDialect tcp;
  tcp.established();
  const auto image = tcp.stack().export_image(tcp.now(), tcp.id());
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(tcp.stack().connections(), 0U);
  EXPECT_FALSE(tcp.stack().export_image(tcp.now(), tcp.id()).has_value());
  EXPECT_TRUE(tcp.stack().import_image(tcp.now(), *image).has_value());
  EXPECT_FALSE(tcp.stack().import_image(tcp.now(), *image).has_value()) << "addresses are taken";
}

// Whatever becomes of the bytes on their way, the answer is a refusal, never a crash.
TEST(TcbImage, DamagedImagesAreRefusedOrHarmless) {
  TcpDialect tcp;
  tcp.established();
  tcp.peer_sends(data(1001, 100, 1));
  tcp.taken();
  tcp.user_writes(3000);
  tcp.taken();
  const auto whole = tcp.stack().export_image(tcp.now(), tcp.id());
  const auto bytes = whole->bytes();
  for (std::size_t len = 0; len < bytes.size(); ++len) {
    const TcbImage cut({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(len)});
    EXPECT_FALSE(tcp.stack().import_image(tcp.now(), cut).has_value()) << len;
  }
  EXPECT_EQ(tcp.stack().connections(), 0U);
  std::vector<std::byte> longer(bytes.begin(), bytes.end());
  longer.push_back(std::byte{0});
  EXPECT_FALSE(tcp.stack().import_image(tcp.now(), TcbImage(longer)).has_value());
  for (std::size_t at = 0; at < 700; ++at) {
    std::vector<std::byte> bent(bytes.begin(), bytes.end());
    bent[at] ^= std::byte{0x80};
    if (const auto id = tcp.stack().import_image(tcp.now(), TcbImage(bent))) {
      tcp.stack().abort(tcp.now(), *id);
      TcpDeparture departure;  // to wherever the bent addresses point
      while (tcp.stack().next_segment(tcp.now(), departure)) departure.buf.reset();
    }
  }
  EXPECT_TRUE(tcp.stack().import_image(tcp.now(), *whole).has_value());
}

}  // namespace
}  // namespace twinpath::test
