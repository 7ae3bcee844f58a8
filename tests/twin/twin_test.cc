// The same code under three drivers: the fake network, ns-3 and DPDK's net_ring, all under model
// time. What passes every port must be equal in instant, direction and bytes.
#include <gtest/gtest.h>

#include "models/host/echo_host.h"
#include "tests/twin/experiment.h"
#include "tests/twin/pipeline.h"
#include "tests/twin/script_host.h"

namespace twinpath::test {
namespace {

using std::chrono::microseconds;

Records expect_equal_everywhere(const Experiment& experiment, std::size_t frames_at_least) {
  const Records fake = run_on_fake_network(experiment);
  EXPECT_GE(frames_of(fake), frames_at_least);
  EXPECT_EQ(first_difference(fake, run_on_ns3(experiment)), "") << "fake network against ns-3";
  EXPECT_EQ(first_difference(fake, run_on_net_ring(experiment)), "")
      << "fake network against net_ring";
  return fake;
}

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

}  // namespace
}  // namespace twinpath::test
