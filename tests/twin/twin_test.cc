// The same code under three drivers: the fake network, ns-3 and DPDK's net_ring, all under model
// time. What passes every port must be equal in instant, direction and bytes.
#include <gtest/gtest.h>

#include "models/app/bulk.h"
#include "models/app/http_get.h"
#include "models/app/http_server.h"
#include "models/app/udp_apps.h"
#include "models/app/udp_bulk.h"
#include "models/host/echo_host.h"
#include "models/nf/ipv4_options_filter.h"
#include "models/nf/nf_stage.h"
#include "tests/twin/everywhere.h"
#include "tests/twin/pipeline.h"
#include "tests/twin/script_host.h"

namespace twinpath::test {
namespace {

using std::chrono::microseconds;

// Bursts of growing size and frames of every length class, with silence between.
std::vector<ScriptedFrame> bursts(int count) {
  std::vector<ScriptedFrame> script;
  for (int burst = 0; burst < count; ++burst) {
    for (int frame = 0; frame <= burst; ++frame) {
      const auto length = static_cast<std::uint32_t>(60 + (burst * 97 + frame * 31) % 1440);
      script.push_back(
          {at_ns(1000 + burst * 20'000), 0, length, static_cast<std::uint8_t>(burst * 16 + frame)});
    }
  }
  return script;
}

Machine sender(std::vector<ScriptedFrame> script) {
  return {.name = "sender",
          .make_host = [script = std::move(script)](
                           BufPool& pool) { return std::make_unique<ScriptHost>(script, pool); },
          .make_stages = {}};
}

Machine echo(Duration delay) {
  return {.name = "echo",
          .make_host =
              [delay](BufPool&) { return std::make_unique<EchoHost>(EchoConfig{.delay = delay}); },
          .make_stages = {}};
}

TEST(Twin, EchoAcrossADelay) {
  const Experiment experiment{.machines = {sender(bursts(40)), echo(microseconds(7))},
                              .wires = {{"wire", {0, 0}, {1, 0}, {.delay = microseconds(10)}}},
                              .until = at_ns(3'000'000)};
  expect_equal_everywhere(experiment, 4 * 40 * 41 / 2);
}

TEST(Twin, EchoAcrossARateAQueueAndEveryFault) {
  const LinkConfig link{.rate_bps = 1'000'000'000,
                        .delay = microseconds(10),
                        .jitter = microseconds(2),
                        .queue_bytes = 20'000,
                        .faults = {.loss = 0.05,
                                   .corrupt = 0.05,
                                   .duplicate = 0.05,
                                   .reorder = 0.1,
                                   .reorder_hold = microseconds(50)}};
  const Experiment experiment{.machines = {sender(bursts(40)), echo(microseconds(3))},
                              .wires = {{"wire", {0, 0}, {1, 0}, link}},
                              .until = at_ns(3'000'000),
                              .seed = 77};
  expect_equal_everywhere(experiment, 1200);
}

TEST(Twin, ACoreWithAFullRingATimerStageAndALossyRing) {
  const Machine core{.name = "core",
                     .ports = Pipeline::kPorts,
                     .make_host = {},
                     .make_stages = [](std::span<Port* const> ports, BufPool& pool) {
                       return std::make_unique<Pipeline>(ports, pool);
                     }};
  Machine listener = sender({});
  listener.name = "listener";
  const Experiment experiment{
      .machines = {sender(bursts(30)), core, listener},
      .wires = {{"in", {0, 0}, {1, 0}, {.delay = microseconds(10)}},
                {"out", {1, 1}, {2, 0}, {.rate_bps = 100'000'000, .delay = microseconds(1)}}},
      .until = at_ns(1'000'000)};
  const Records records = expect_equal_everywhere(experiment, 4 * 30 * 31 / 2);
  const std::vector<std::byte>& last_report = records.at("listener/0").back().bytes;
  EXPECT_GT(load_be64(last_report.data() + 14), 0U) << "bytes the audit saw";
  EXPECT_GT(load_be64(last_report.data() + 22), 0U) << "notes the lossy ring dropped";
}

// A network function on a core of its own, between two ports.
class FilterCore final : public StageSet {
 public:
  explicit FilterCore(std::span<Port* const> ports) : stage_("filter", filter_, ports, 1) {}
  [[nodiscard]] std::vector<Stage*> stages() override { return {&stage_}; }
  void set_waker(Waker&) override {}

 private:
  Ipv4OptionsFilter filter_;
  NfStage stage_;
};

// IPv4 headers with a router alert, a source route, no option, and no IPv4 at all.
std::vector<ScriptedFrame> packets_with_options(int count) {
  const std::vector<std::vector<std::uint8_t>> heads = {
      {8, 0, 0x46, 0}, {8, 0, 0x47, 0}, {8, 0, 0x45, 0}, {0x86, 0xdd, 0x60, 0}};
  std::vector<ScriptedFrame> script;
  for (int i = 0; i < count; ++i) {
    ScriptedFrame frame{at_ns(1000 + i / 8 * 3000), 0, static_cast<std::uint32_t>(60 + i % 900),
                        static_cast<std::uint8_t>(i), heads[static_cast<std::size_t>(i) % 4]};
    frame.head.resize(2 + 20, 0);
    const std::vector<std::uint8_t> alert = {148, 4, 0, 0};
    const std::vector<std::uint8_t> route = {1, 131, 7, 4, 10, 0, 0, 1};
    const std::vector<std::uint8_t>& options = i % 4 == 0 ? alert : route;
    if (i % 4 < 2) frame.head.insert(frame.head.end(), options.begin(), options.end());
    script.push_back(std::move(frame));
  }
  return script;
}

TEST(Twin, ANetworkFunctionBetweenTwoPorts) {
  constexpr int kPackets = 400;
  const Machine filter{.name = "filter",
                       .ports = 2,
                       .make_host = {},
                       .make_stages = [](std::span<Port* const> ports, BufPool&) {
                         return std::make_unique<FilterCore>(ports);
                       }};
  const Experiment experiment{
      .machines = {sender(packets_with_options(kPackets)), filter, echo(microseconds(3))},
      .wires = {{"in", {0, 0}, {1, 0}, {.delay = microseconds(10)}},
                {"out", {1, 1}, {2, 0}, {.rate_bps = 1'000'000'000, .delay = microseconds(1)}}},
      .until = at_ns(10'000'000)};
  const Records records = expect_equal_everywhere(experiment, 6 * kPackets * 3 / 4);
  EXPECT_EQ(records.at("filter/0").size(), kPackets + kPackets * 3 / 4) << "a quarter is refused";
}

TEST(Twin, UdpWithItsArpAndIcmp) {
  const auto client = stack(1, [](AppHost& host) {
    UdpEchoConfig echo;
    echo.count = 200;
    echo.size_bytes = 700;
    echo.to = kSecond;
    host.add<UdpEcho>("host1/app0", kStart, echo);
    UdpBulkConfig to_nobody;  // answered by port unreachable
    to_nobody.rate_bps = 1'000'000;
    to_nobody.count = 50;
    to_nobody.port = 9;
    to_nobody.to = kSecond;
    host.add<UdpBulk>("host1/app1", at_ns(5'000'000), to_nobody);
  });
  const auto server = stack(2, [](AppHost& host) {
    host.add<UdpEchoServer>("host2/app0", kStart, UdpEchoServerConfig());
  });
  const Experiment experiment{.machines = {client, server},
                              .wires = {{"wire", {0, 0}, {1, 0}, bad_link()}},
                              .until = at_ns(3'000'000'000),
                              .seed = 5};
  expect_equal_everywhere(experiment, 700);
}

TEST(Twin, TcpThroughLossReorderingAndCorruption) {
  const auto client = stack(1, [](AppHost& host) {
    BulkConfig bulk;
    bulk.size_bytes = 500'000;
    bulk.to = kSecond;
    host.add<Bulk>("host1/app0", kStart, bulk);
    HttpGetConfig get;
    get.size_bytes = 200'000;
    get.to = kSecond;
    host.add<HttpGet>("host1/app1", at_ns(1'000'000), get);
  });
  const auto server = stack(2, [](AppHost& host) {
    host.add<BulkSink>("host2/app0", kStart, BulkSinkConfig());
    host.add<HttpServer>("host2/app1", kStart, HttpServerConfig());
  });
  const Experiment experiment{.machines = {client, server},
                              .wires = {{"wire", {0, 0}, {1, 0}, bad_link()}},
                              .until = at_ns(120'000'000'000),
                              .seed = 9};
  expect_equal_everywhere(experiment, 1500);
}

}  // namespace
}  // namespace twinpath::test
