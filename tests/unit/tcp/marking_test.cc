// Queues that mark and senders that hear it: DCTCP keeps the queue at the threshold (RFC 8257),
// others slow down once a round trip and say so (RFC 3168 §6.1.2).
#include <gtest/gtest.h>

#include <algorithm>

#include "models/app/bulk.h"
#include "models/wire/ipv4.h"
#include "models/wire/tcp.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kThreshold = 60'000;

// A bulk transfer for two seconds over 1 Gb/s, 200 us round trip, watched in its second half.
class Marked {
 public:
  Marked(CongestionKind kind, std::uint64_t threshold_bytes)
      : pair_(options(kind, threshold_bytes)) {
    pair_.server.add<BulkSink>("server/app0", kStart, BulkSinkConfig());
    bulk_ = &pair_.client.add<Bulk>("client/app0", kStart,
                                    BulkConfig{.duration = 10s, .to = kServerAddress});
    pair_.network.watch([this](const SeenFrame& frame) { see(frame); });
    pair_.run(1s);
    const std::uint64_t before = bulk_->sent_bytes();
    double sum = 0;
    for (int step = 0; step < kSteps; ++step) {
      pair_.run(1ms);
      const double waiting = static_cast<double>(way().waiting_bytes());
      sum += waiting;
      highest = std::max(highest, waiting);
    }
    mean = sum / kSteps;
    retransmits = pair_.client.ip().tcp().counters().retransmits;
    goodput_bps = static_cast<double>(bulk_->sent_bytes() - before) * 8;
  }
  [[nodiscard]] const LinkModel& way() const {
    return pair_.network.link(pair_.wire).direction_from(LinkElement::kEndA);
  }

  double mean = 0;
  double highest = 0;
  double goodput_bps = 0;
  std::uint64_t said_cwr = 0;
  std::uint64_t echoed = 0;
  std::uint64_t retransmits = 0;

 private:
  static constexpr int kSteps = 1000;

  static AppPairOptions options(CongestionKind kind, std::uint64_t threshold_bytes) {
    AppPairOptions made;
    made.link = {.rate_bps = 1'000'000'000,
                 .delay = 100us,
                 .queue_bytes = 1'000'000,
                 .ecn_threshold_bytes = threshold_bytes};
    for (TcpConfig* tcp : {&made.client_tcp, &made.server_tcp}) {
      tcp->congestion = kind;
      tcp->ecn = EcnMode::kRequest;
      tcp->delayed_ack = 1ms;
    }
    return made;
  }
  void see(const SeenFrame& frame) {
    if (frame.direction != Direction::kTransmit) return;
    const auto packet = Ipv4View::parse(frame.bytes.subspan(14));
    if (!packet || packet->protocol() != IpProtocol::kTcp) return;
    const auto segment = TcpView::parse(packet->payload(), std::nullopt);
    if (!segment || segment->flags().syn()) return;
    if (segment->flags().cwr()) ++said_cwr;
    if (segment->flags().ece()) ++echoed;
  }

  AppPair pair_;
  Bulk* bulk_ = nullptr;
};

TEST(Marking, DctcpKeepsTheQueueNearTheThreshold) {
  const Marked run(CongestionKind::kDctcp, kThreshold);
  EXPECT_GT(run.goodput_bps, 0.9e9);
  EXPECT_GT(run.mean, 0.5 * kThreshold);
  EXPECT_LT(run.mean, 1.5 * kThreshold);
  EXPECT_LT(run.highest, 2.5 * kThreshold);
  EXPECT_EQ(run.way().counters().dropped_queue, 0U);
  EXPECT_EQ(run.retransmits, 0U);
  EXPECT_GT(run.way().counters().marked, 100U);
}

TEST(Marking, CubicIsToldSlowsDownAndSaysSo) {
  const Marked run(CongestionKind::kCubic, kThreshold);
  EXPECT_GT(run.way().counters().marked, 10U);
  EXPECT_GT(run.said_cwr, 10U);
  EXPECT_GE(run.echoed, run.said_cwr);
  EXPECT_LT(run.highest, 4.0 * kThreshold);
  EXPECT_EQ(run.way().counters().dropped_queue, 0U);
  EXPECT_EQ(run.retransmits, 0U);
}

// The same without marks fills the queue until it overflows.
TEST(Marking, WithoutAThresholdTheQueueFills) {
  const Marked run(CongestionKind::kCubic, 0);
  EXPECT_GT(run.highest, 10.0 * kThreshold);
  EXPECT_EQ(run.way().counters().marked, 0U);
  EXPECT_GT(run.said_cwr, 0U);  // RFC 3168 §6.1.2: for a loss too
}

}  // namespace
}  // namespace twinpath
