// Every connection has a row at both ends, however it ends; UDP flows by their peers; rows are
// bounded and what they leave out is counted.
#include "models/host/flow_log.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>
#include <utility>

#include "models/app/bulk.h"
#include "models/app/udp_apps.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

using std::chrono::seconds;

class Flows : public ::testing::Test {
 protected:
  void transfer(AppPair& pair, std::uint64_t size_bytes) {
    pair.server.add<BulkSink>("server/app0", kStart, BulkSinkConfig());
    auto& bulk = pair.client.add<Bulk>("client/app0", kStart,
                                       BulkConfig{.size_bytes = size_bytes, .to = kServerAddress});
    pair.run_until([&] { return bulk.done(); }, seconds(100));
  }
};

TEST_F(Flows, ATransferHasARowAtBothEnds) {
  AppPair pair;
  transfer(pair, 100'000);
  const FlowTotals client = pair.client.ip().flows();
  const FlowTotals server = pair.server.ip().flows();
  ASSERT_EQ(client.rows.size(), 1u);
  ASSERT_EQ(server.rows.size(), 1u);
  const TcpFlow& sent = client.rows[0].flow;
  const TcpFlow& got = server.rows[0].flow;
  EXPECT_EQ(sent.remote, got.local);
  EXPECT_EQ(sent.local, got.remote);
  EXPECT_EQ(sent.remote.port, 5001);
  EXPECT_EQ(sent.tx_bytes, 100'000u);
  EXPECT_EQ(got.rx_bytes, 100'000u);
  EXPECT_EQ(sent.lost_packets, 0u);
  EXPECT_GE(sent.tx_packets, got.rx_packets);
  EXPECT_LT(sent.first_tx, got.last_rx);
  EXPECT_LT(got.first_tx, sent.last_rx);
}

TEST_F(Flows, AfterTimeWaitBothHaveClosed) {
  AppPair pair;
  transfer(pair, 1000);
  pair.run(seconds(300));
  for (AppHost* host : {&pair.client, &pair.server}) {
    const FlowTotals flows = host->ip().flows();
    ASSERT_EQ(flows.rows.size(), 1u);
    EXPECT_EQ(flows.rows[0].flow.end, TcpEnd::kClosed);
    EXPECT_EQ(host->ip().tcp().connections(), 0u);
  }
}

TEST_F(Flows, WhatIsLostIsSentAgainAndCounted) {
  AppPairOptions options;
  options.link.faults.loss = 0.02;
  AppPair pair(options);
  transfer(pair, 1'000'000);
  const TcpFlow sent = pair.client.ip().flows().rows.at(0).flow;
  EXPECT_GT(sent.lost_packets, 0u);
  EXPECT_GT(sent.retransmitted, 0u);
  EXPECT_GT(sent.tx_bytes, 1'000'000u);
  EXPECT_EQ(pair.server.ip().flows().rows.at(0).flow.rx_bytes, 1'000'000u);
}

TEST_F(Flows, ContentDoesNotSeeLossOrTime) {
  AppPair smooth;
  transfer(smooth, 300'000);
  AppPairOptions options;
  options.link.faults.loss = 0.02;
  options.link.delay = std::chrono::milliseconds(1);
  AppPair rough(options);
  transfer(rough, 300'000);
  AppPair longer;
  transfer(longer, 300'001);
  const auto content = [](AppPair& pair) { return pair.server.ip().flows().content.value(); };
  EXPECT_EQ(content(smooth), content(rough));
  EXPECT_NE(content(smooth), content(longer));
}

TEST_F(Flows, ARefusedConnectionSaysSo) {
  AppPair pair;
  auto& bulk = pair.client.add<Bulk>("client/app0", kStart,
                                     BulkConfig{.size_bytes = 1, .to = kServerAddress});
  pair.run_until([&] { return bulk.done(); }, seconds(10));
  EXPECT_EQ(pair.client.ip().flows().rows.at(0).flow.end, TcpEnd::kRefused);
  EXPECT_TRUE(pair.server.ip().flows().rows.empty());
}

TEST_F(Flows, APeerThatIsSilentTimesOut) {
  AppPairOptions options;
  options.link.faults.loss = 1;
  AppPair pair(options);
  auto& bulk = pair.client.add<Bulk>("client/app0", kStart,
                                     BulkConfig{.size_bytes = 1, .to = kServerAddress});
  pair.run_until([&] { return bulk.done(); }, seconds(1000));
  const TcpFlow flow = pair.client.ip().flows().rows.at(0).flow;
  EXPECT_TRUE(flow.end == TcpEnd::kTimeout || flow.end == TcpEnd::kUnreachable);
  EXPECT_EQ(flow.last_rx, kNever);
}

TEST_F(Flows, UdpHasARowPerPeer) {
  AppPair pair;
  pair.server.add<UdpEchoServer>("server/app0", kStart, UdpEchoServerConfig());
  auto& echo = pair.client.add<UdpEcho>("client/app0", kStart,
                                        UdpEchoConfig{.count = 5, .to = kServerAddress});
  pair.run_until([&] { return echo.done(); }, seconds(10));
  for (AppHost* host : {&pair.client, &pair.server}) {
    const FlowTotals flows = host->ip().flows();
    ASSERT_EQ(flows.rows.size(), 1u);
    EXPECT_EQ(flows.rows[0].protocol, FlowProtocol::kUdp);
    EXPECT_EQ(flows.rows[0].flow.tx_packets, 5u);
    EXPECT_EQ(flows.rows[0].flow.rx_packets, 5u);
    EXPECT_EQ(flows.rows[0].flow.tx_bytes, 5u * 64);
  }
}

TEST_F(Flows, RowsAreBoundedAndTheRestCounted) {
  FlowLog log;
  constexpr std::uint64_t kMore = 10;
  for (std::uint64_t flow = 1; flow <= FlowLog::kFlowRowsMax + kMore; ++flow) {
    log.on_tcp_open(flow);
    EXPECT_EQ(log.number_of(flow), flow - 1);
    log.on_tcp_end({.flow = flow, .end = TcpEnd::kClosed, .rx_bytes = 1});
    EXPECT_EQ(log.number_of(flow), std::nullopt);
  }
  const FlowTotals totals = log.totals({});
  EXPECT_EQ(totals.rows.size(), FlowLog::kFlowRowsMax);
  EXPECT_EQ(totals.left_out, kMore);
  EXPECT_EQ(totals.content.items(), FlowLog::kFlowRowsMax + kMore);
}

TEST_F(Flows, ContentHasEveryDatagramThatCameInWhateverOrder) {
  const auto key = [](std::uint32_t peer) {
    return tcp::FlowKey{Ipv4Address(1), Ipv4Address(peer), 7, 9};
  };
  const auto content = [&](std::initializer_list<std::pair<std::uint32_t, std::size_t>> came) {
    FlowLog log;
    for (const auto& [peer, len] : came) log.on_udp_received(kStart, key(peer), len);
    log.on_udp_sent(kStart, key(2), 77);
    log.on_udp_lost(key(2));
    return log.totals({}).content;
  };
  EXPECT_EQ(content({}).items(), 0u);
  EXPECT_EQ(content({{2, 100}, {2, 50}, {3, 10}}).value(),
            content({{3, 10}, {2, 50}, {2, 100}}).value());
  const std::set<std::uint64_t> all{content({{2, 100}, {2, 50}}).value(),
                                    content({{2, 75}, {2, 75}}).value(),
                                    content({{2, 100}, {3, 50}}).value(),
                                    content({{2, 100}}).value(), content({{2, 150}}).value()};
  EXPECT_EQ(all.size(), 5u);
}

TEST_F(Flows, DatagramsOfFlowsWithoutARowAreContentToo) {
  const auto came = [](std::uint32_t first, std::uint32_t step) {
    constexpr std::uint32_t kPeers = FlowLog::kFlowRowsMax + 3;
    FlowLog log;
    for (std::uint32_t i = 0, peer = first; i < kPeers; ++i, peer = (peer + step) % kPeers) {
      log.on_udp_received(kStart, {Ipv4Address(1), Ipv4Address(peer + 2), 7, 9}, peer);
    }
    return log.totals({}).content;
  };
  EXPECT_EQ(came(0, 1).items(), FlowLog::kFlowRowsMax + 3);
  EXPECT_EQ(came(0, 1).value(), came(9, FlowLog::kFlowRowsMax + 2).value());
}

TEST_F(Flows, APortUsedAgainIsAnotherFlow) {
  FlowLog log;
  log.on_tcp_open(7);
  log.on_tcp_end({.flow = 7, .end = TcpEnd::kReset});
  log.on_tcp_open(7);
  const TcpFlow alive{.flow = 7, .end = TcpEnd::kOpen};
  const FlowTotals totals = log.totals(std::span(&alive, 1));
  ASSERT_EQ(totals.rows.size(), 2u);
  EXPECT_EQ(totals.rows[0].flow.end, TcpEnd::kReset);
  EXPECT_EQ(totals.rows[1].number, 1u);
}

}  // namespace
}  // namespace twinpath
