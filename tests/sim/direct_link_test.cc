// Proves the direct link: arrival to the nanosecond by rate, size and delay, one event per frame
// and hop, one turn for what arrives together, drops where the model says, and traces of them.
#include <gtest/gtest.h>
#include <ns3/simulator.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "models/host/echo_host.h"
#include "models/port/pcap.h"
#include "sim/direct_link.h"
#include "sim/host_node.h"
#include "sim/sim_time.h"

namespace twinpath::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Sends what it was told to at its deadlines, notes what it receives.
class ScriptHost final : public Host {
 public:
  struct Sending {
    Instant at;
    std::uint32_t length;
    std::uint32_t count = 1;
  };
  struct Received {
    Instant at;
    std::uint32_t length;
    PortId port;
    friend bool operator==(const Received&, const Received&) = default;
  };
  explicit ScriptHost(std::vector<Sending> script) : script_(std::move(script)) {}

  void on_rx(Instant now, PortId port, std::span<BufPtr> frames) override {
    ++rx_calls;
    for (BufPtr& frame : frames) {
      received.push_back({now, frame->len, port});
      EXPECT_EQ(frame->arrived, now);
      frame.reset();
    }
  }
  void on_time(Instant now) override {
    while (next_ < script_.size() && script_[next_].at <= now) {
      for (std::uint32_t i = 0; i < script_[next_].count; ++i) ready_.push_back(make(next_));
      ++next_;
    }
  }
  std::size_t poll_tx(Instant, PortId port, std::span<BufPtr> out) override {
    if (port != 0) return 0;
    std::size_t count = 0;
    while (count < out.size() && !ready_.empty()) {
      out[count++] = std::move(ready_.front());
      ready_.erase(ready_.begin());
    }
    return count;
  }
  [[nodiscard]] Instant next_deadline() override {
    return next_ < script_.size() ? script_[next_].at : kNever;
  }

  std::vector<Received> received;
  int rx_calls = 0;

 private:
  BufPtr make(std::size_t index) {
    BufPtr frame(pool_->take());
    auto bytes = frame->push_back(script_[index].length);
    std::fill(bytes.begin(), bytes.end(), std::byte{0x45});
    return frame;
  }
  std::shared_ptr<HeapPool> pool_ = frame_pool();
  std::vector<Sending> script_;
  std::size_t next_ = 0;
  std::vector<BufPtr> ready_;
};

class DirectLinkTest : public ::testing::Test {
 protected:
  ~DirectLinkTest() override {
    for (const auto& node : nodes_) node->Dispose();
    ns3::Simulator::Destroy();
  }
  template <typename H>
  H& host(std::unique_ptr<H> model) {
    H& result = *model;
    nodes_.push_back(ns3::CreateObject<HostNode>());
    nodes_.back()->set_name("host" + std::to_string(nodes_.size() - 1));
    nodes_.back()->set_host(std::move(model));
    return result;
  }
  ScriptHost& script(std::vector<ScriptHost::Sending> sendings) {
    return host(std::make_unique<ScriptHost>(std::move(sendings)));
  }
  DirectLink link(const LinkConfig& config, std::pair<std::size_t, std::size_t> ends = {0, 1}) {
    DirectLink wire({.name = "wire", .from_a = config, .from_b = config}, Rng(1));
    nodes_[ends.first]->add_port(wire.end(0));
    nodes_[ends.second]->add_port(wire.end(1));
    return wire;
  }
  std::vector<ns3::Ptr<HostNode>> nodes_;
};

TEST_F(DirectLinkTest, ArrivalIsTransmissionPlusDelayToTheNanosecond) {
  script({{at_ns(1000), 1250}, {at_ns(1000), 125}});
  ScriptHost& sink = script({});
  link({.rate_bps = 10'000'000'000, .delay = microseconds(10)});
  ns3::Simulator::Run();
  const std::vector<ScriptHost::Received> expected = {{at_ns(1000 + 1000 + 10'000), 1250, 0},
                                                      {at_ns(1000 + 1100 + 10'000), 125, 0}};
  EXPECT_EQ(sink.received, expected);
}

TEST_F(DirectLinkTest, AFrameIsOneEventAtMostAndABurstIsOneTurn) {
  script({{at_ns(1000), 1000, 20}, {at_ns(50'000), 1000, 20}});
  ScriptHost& sink = script({});
  link({.rate_bps = 0, .delay = microseconds(10)});
  ns3::Simulator::Run();
  EXPECT_EQ(sink.received.size(), 40U);
  EXPECT_EQ(sink.rx_calls, 2);
  EXPECT_EQ(ns3::Simulator::GetEventCount(), 4U);
}

TEST_F(DirectLinkTest, AtARateEveryFrameIsExactlyOneEvent) {
  script({{at_ns(1000), 1000, 100}});
  ScriptHost& sink = script({});
  link({.rate_bps = 1'000'000'000, .delay = microseconds(10)});
  ns3::Simulator::Run();
  EXPECT_EQ(sink.received.size(), 100U);
  EXPECT_EQ(ns3::Simulator::GetEventCount(), 101U);
}

TEST_F(DirectLinkTest, PortsOfOneInstantAreServedInOrderInOneTurn) {
  script({{at_ns(0), 100, 2}});
  script({{at_ns(0), 200, 1}});
  ScriptHost& sink = script({});
  link({.delay = microseconds(5)}, {2, 1});  // the sink's port 0 leads to host 1
  link({.delay = microseconds(5)}, {2, 0});
  ns3::Simulator::Run();
  const Instant at = kStart + microseconds(5);
  EXPECT_EQ(sink.received,
            (std::vector<ScriptHost::Received>{{at, 200, 0}, {at, 100, 1}, {at, 100, 1}}));
  EXPECT_EQ(nodes_[2]->turns(), 1U);
}

TEST_F(DirectLinkTest, AFullQueueDropsAndIsTracedAsMacTxDrop) {
  script({{at_ns(0), 1000, 10}});
  ScriptHost& sink = script({});
  int tx_drops = 0;
  nodes_[0]->TraceConnectWithoutContext("MacTxDrop",
                                        ns3::Callback<void, ns3::Ptr<const ns3::Packet>>(
                                            [&](ns3::Ptr<const ns3::Packet>) { ++tx_drops; }));
  const DirectLink wire = link({.rate_bps = 1'000'000, .queue_bytes = 3000});
  ns3::Simulator::Run();
  EXPECT_EQ(sink.received.size(), 4U) << "one being sent, three waiting";
  EXPECT_EQ(tx_drops, 6);
  EXPECT_EQ(wire.direction_from(0).counters().dropped_queue, 6U);
}

TEST_F(DirectLinkTest, LossIsTracedAtTheReceiverAsPhyRxDrop) {
  script({{at_ns(0), 1000, 1000}});
  ScriptHost& sink = script({});
  std::size_t rx_drops = 0;
  nodes_[1]->TraceConnectWithoutContext("PhyRxDrop",
                                        ns3::Callback<void, ns3::Ptr<const ns3::Packet>>(
                                            [&](ns3::Ptr<const ns3::Packet>) { ++rx_drops; }));
  link({.delay = milliseconds(1), .faults = {.loss = 0.1}});
  ns3::Simulator::Run();
  EXPECT_EQ(sink.received.size() + rx_drops, 1000U);
  EXPECT_GT(rx_drops, 60U);
  EXPECT_LT(rx_drops, 140U);
}

TEST_F(DirectLinkTest, EchoOverTwoHopsComesBackAtTwiceThePath) {
  ScriptHost& client = script({{at_ns(0), 1250}});
  host(std::make_unique<EchoHost>(EchoConfig{.delay = microseconds(7)}));
  link({.rate_bps = 10'000'000'000, .delay = microseconds(10)});
  ns3::Simulator::Run();
  ASSERT_EQ(client.received.size(), 1U);
  EXPECT_EQ(client.received[0].at, kStart + microseconds(1 + 10 + 7 + 1 + 10));
}

TEST_F(DirectLinkTest, FramesUnderWayGoHomeWhenTheSimulationIsGivenUp) {
  const auto pool = frame_pool();
  script({{at_ns(0), 1000, 5}});
  script({});
  link({.delay = std::chrono::seconds(1)});
  ns3::Simulator::Stop(ns3::MilliSeconds(1));
  ns3::Simulator::Run();
  EXPECT_EQ(pool->outstanding(), 5U);
  for (const auto& node : nodes_) node->Dispose();
  EXPECT_EQ(pool->outstanding(), 0U);
}

// A link that was set anew hashes frames at both ends; what was under way is hashed right too.
TEST_F(DirectLinkTest, ALinkThatIsSetAnewKeepsItsFingerprint) {
  const LinkConfig config{.rate_bps = 10'000'000, .delay = milliseconds(1)};
  std::vector<std::uint64_t> received;
  for (const bool is_set : {false, true}) {
    const std::size_t first = nodes_.size();
    script({{at_ns(1000), 1000, 5}, {at_ns(9'000'000), 500, 5}});
    script({});
    DirectLink wire = link(config, {first, first + 1});
    if (is_set) {
      ns3::Simulator::Schedule(ns3::MilliSeconds(2), [&] {
        EXPECT_GT(wire.queued_bytes(0), 0U);
        wire.reconfigure(0, config);
      });
    }
    ns3::Simulator::Run();
    EXPECT_EQ(wire.chain(1, Direction::kReceive).frames(), 10U);
    received.push_back(wire.chain(1, Direction::kReceive).value());
    for (const auto& node : nodes_) node->Dispose();
    nodes_.clear();
    ns3::Simulator::Destroy();
  }
  EXPECT_EQ(received[0], received[1]);
}

std::vector<std::byte> bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST_F(DirectLinkTest, CapturesAnyPortWithStampsOfModelTime) {
  const std::string prefix = ::testing::TempDir() + "tp-pcap-" + std::to_string(::getpid());
  script({{at_ns(1000), 1250}, {at_ns(5000), 125}});
  script({});
  nodes_[1]->enable_pcap(prefix);
  link({.rate_bps = 10'000'000'000, .delay = microseconds(10)});
  ns3::Simulator::Run();
  for (const auto& node : nodes_) node->Dispose();  // closes the file
  const std::vector<std::byte> file = bytes_of_file(prefix + "-0.pcap");
  std::remove((prefix + "-0.pcap").c_str());
  PcapReader reader(file);
  const auto first = reader.next();
  const auto second = reader.next();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->at, at_ns(1000 + 1000 + 10'000));
  EXPECT_EQ(first->frame.size(), 1250U);
  EXPECT_EQ(second->at, at_ns(5000 + 100 + 10'000));
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.is_good());
}

}  // namespace
}  // namespace twinpath::sim
