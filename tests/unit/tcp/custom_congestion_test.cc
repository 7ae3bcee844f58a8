// Congestion control from outside: the same algorithm in that dress does the same, moves with its
// connection, keeps within its bounds; and a running stack changes what may change.
#include "models/tcp/custom_congestion.h"

#include <gtest/gtest.h>

#include "models/tcp/congestion.h"
#include "models/tcp/reno.h"
#include "tests/fakes/tcp_dialect.h"
#include "tests/fakes/tcp_pair.h"

namespace twinpath::test {
namespace {

using namespace std::chrono_literals;
using tcp::AckSample;
using tcp::CongestionControl;
using tcp::CongestionWindow;
using tcp::CustomCongestion;
using tcp::LossSample;

struct Outcome {
  std::uint64_t trace = 0;
  std::int64_t end_ns = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome transfer(const TcpConfig& config, std::uint32_t migrate_every = 0) {
  TcpPair::Settings settings;
  settings.pipe.loss = 0.02;
  settings.client = settings.server = config;
  TcpPair pair(settings);
  pair.migrate_every(migrate_every);
  pair.start({.client_bytes = 400'000, .server_bytes = 300'000, .write_bytes = 900});
  EXPECT_TRUE(pair.run(3600s));
  EXPECT_TRUE(pair.exact());
  return {pair.trace(), to_ns(pair.now())};
}

TcpConfig with(const CustomCongestion& custom) {
  TcpConfig config;
  config.custom_congestion = custom;
  return config;
}

TEST(CustomCongestion, RenoInThatDressIsReno) {
  TcpConfig reno;
  reno.congestion = CongestionKind::kReno;
  const TcpConfig dressed = with(CustomCongestion::of(tcp::Reno()));
  EXPECT_EQ(transfer(dressed), transfer(reno));
  EXPECT_NE(transfer(dressed), transfer(TcpConfig()));
}

TEST(CustomCongestion, MovesWithItsConnection) {
  const TcpConfig config = with(CustomCongestion::of(tcp::Cubic()));
  const Outcome still = transfer(config);
  for (const std::uint32_t every : {1U, 7U}) EXPECT_EQ(transfer(config, every), still) << every;
}

// Grows its window to nothing, and asks for no slow start.
struct Nothing {
  static constexpr bool kOwnSlowStart = true;
  void on_ack(CongestionWindow& window, const AckSample&) { window.cwnd_bytes = 0; }
  std::uint32_t ssthresh_after_loss(const CongestionWindow&, const LossSample&) { return 0; }
};

TEST(CustomCongestion, AWindowIsNeverBelowOneSegment) {
  CongestionControl control(CustomCongestion::of(Nothing()),
                            {.cwnd_bytes = 5000, .mss_bytes = 1000});
  control.on_ack({.now = kStart, .acked_bytes = 1000, .srtt = 1ms});
  EXPECT_EQ(control.cwnd_bytes(), 1000);
  control.on_congestion({kStart, 0});
  EXPECT_EQ(control.cwnd_bytes(), 2000);
  transfer(with(CustomCongestion::of(Nothing())));
}

TEST(CustomCongestion, SlowStartRunsUnlessItBringsItsOwn) {
  CongestionControl reno(CustomCongestion::of(tcp::Reno()),
                         {.cwnd_bytes = 2000, .mss_bytes = 1000});
  reno.on_ack({.now = kStart, .acked_bytes = 1000, .srtt = 1ms});
  EXPECT_EQ(reno.cwnd_bytes(), 3000);
}

TEST(Reconfigure, ChangesWhatMayChangeAndNothingElse) {
  TcpPair pair({});
  pair.start({.client_bytes = 100'000, .server_bytes = 100'000});
  TcpStack& stack = pair.client();
  TcpConfig asked = stack.config();
  asked.delayed_ack = 7ms;
  asked.congestion = CongestionKind::kReno;
  asked.mss_bytes = 500;
  stack.reconfigure(asked);
  EXPECT_EQ(stack.config().delayed_ack, Duration(7ms));
  EXPECT_EQ(stack.config().congestion, CongestionKind::kReno);
  EXPECT_EQ(stack.config().mss_bytes, TcpConfig().mss_bytes);
  EXPECT_TRUE(pair.run(100s));
  EXPECT_TRUE(pair.exact());
}

TEST(Reconfigure, SparesWhatASocketSet) {
  TcpDialect tcp;
  tcp.established();
  TcpOpenOptions own;
  own.congestion = CongestionKind::kReno;
  own.nagle = false;
  tcp.stack().set_options(tcp.now(), tcp.id(), own);
  TcpConfig asked = tcp.stack().config();
  asked.congestion = CongestionKind::kBbr;
  asked.delayed_ack = 7ms;
  tcp.stack().reconfigure(asked);
  EXPECT_EQ(tcp.info().congestion, CongestionKind::kReno);
  tcp.user_writes(10);
  tcp.stack_sends(data(1, 10, 1).push());
  tcp.user_writes(10);
  tcp.stack_sends(data(11, 10, 1).push());
}

}  // namespace
}  // namespace twinpath::test
