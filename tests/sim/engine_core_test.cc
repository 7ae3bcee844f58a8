// The engine on modelled cores: one thread or two per host, the same frames every time, and what
// two threads cost in modelled time.
#include <gtest/gtest.h>
#include <ns3/simulator.h>

#include "models/app/request_response.h"
#include "sim/core_group.h"
#include "sim/direct_link.h"
#include "sim/sim_time.h"
#include "tests/fakes/engine_pair.h"

namespace twinpath::sim {
namespace {

constexpr std::uint64_t kHz = 1'000'000'000;  // a cycle is a nanosecond

const LinkConfig kWire{.rate_bps = 10'000'000'000, .delay = std::chrono::microseconds(5)};

struct Outcome {
  std::uint64_t hash = 0;
  std::uint64_t completed = 0;
  std::uint64_t failures = 0;
  std::uint64_t turns = 0;
  std::uint64_t median_ns = 0;  // of the latency
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Two hosts of one or two cores each.
class EngineWorld {
 public:
  EngineWorld(EngineThreads threads, Duration wake_price)
      : wire_({.name = "wire", .from_a = kWire, .from_b = kWire}, Rng(1)),
        ends_{wire_.end(0), wire_.end(1)},
        pair_(engine_core_config(true, threads), engine_core_config(false, threads),
              {*ends_[0], *ends_[1]}, *pool_) {
    pricer_.set(EngineStage::kContract, {.base_cycles = 200, .pcv_cycles = {400, 100}});
    pricer_.set(AppStage::kContract, {.base_cycles = 200, .pcv_cycles = {100}});
    const ModelledCoreConfig core{.frequency_hz = kHz, .wake_price = wake_price};
    run_on(pair_.client, 0, core);
    run_on(pair_.server, 1, core);
  }
  ~EngineWorld() { ns3::Simulator::Destroy(); }
  EngineWorld(const EngineWorld&) = delete;
  EngineWorld& operator=(const EngineWorld&) = delete;

  Outcome play(std::uint32_t connections) {
    pair_.server.apps().add<EchoServer>("server/app0", kStart, EchoServerConfig{});
    RequestResponseConfig load;
    load.connections = connections;
    load.requests = 200;
    load.per_connection = 4;
    load.to = kEngineServer;
    auto& app = pair_.client.apps().add<RequestResponse>("client/app0", at_ns(100'000), load);
    group_.start();
    ns3::Simulator::Stop(ns3::Seconds(1));
    ns3::Simulator::Run();
    EXPECT_TRUE(app.done());
    EXPECT_EQ(app.verify_errors(), 0U);
    Outcome outcome{.completed = app.completed(), .failures = app.failures()};
    outcome.hash = wire_.chain(0, Direction::kTransmit).value();
    for (std::size_t i = 0; i < group_.size(); ++i) outcome.turns += group_.core(i).turns();
    outcome.median_ns = app.latency().quantile(0.5);
    return outcome;
  }

 private:
  void run_on(EngineCore& engine, std::size_t end, const ModelledCoreConfig& config) {
    const CoreConfig schedule{.budget = 256};
    ModelledCore& stack =
        group_.add_core(end == 0 ? "client0" : "server0", config, schedule, pricer_);
    stack.add(engine.stack());
    stack.add_port(*ends_[end]);
    if (engine.applications() == nullptr) return;
    ModelledCore& apps =
        group_.add_core(end == 0 ? "client1" : "server1", config, schedule, pricer_);
    apps.add(*engine.applications());
    engine.set_job_wakers({&apps, &stack});
  }

  std::shared_ptr<HeapPool> pool_ = frame_pool();
  LinearPricer pricer_;
  DirectLink wire_;
  std::array<std::shared_ptr<SimPort>, 2> ends_;
  CoreGroup group_;
  EnginePair pair_;
};

Outcome play(EngineThreads threads, std::uint32_t connections, Duration wake_price = {}) {
  return EngineWorld(threads, wake_price).play(connections);
}

TEST(EngineCores, OneThreadAndTwoServeAlike) {
  for (const EngineThreads threads : {EngineThreads::kOne, EngineThreads::kTwo}) {
    const Outcome outcome = play(threads, 50);
    EXPECT_EQ(outcome.completed, 200U);
    EXPECT_EQ(outcome.failures, 0U);
  }
}

TEST(EngineCores, TheSameRunAgainSendsTheSameFrames) {
  for (const EngineThreads threads : {EngineThreads::kOne, EngineThreads::kTwo}) {
    EXPECT_EQ(play(threads, 50), play(threads, 50));
  }
}

// What made mTCP slow for one connection: every message changes threads four times.
TEST(EngineCores, ALonelyConnectionPaysForTheSecondThread) {
  constexpr std::uint64_t kWakeNs = 5000;
  const Duration wake(kWakeNs);
  const Outcome one = play(EngineThreads::kOne, 1, wake);
  const Outcome two = play(EngineThreads::kTwo, 1, wake);
  EXPECT_GT(two.median_ns, one.median_ns + 2 * kWakeNs);
  EXPECT_LT(two.median_ns, one.median_ns + 10 * kWakeNs)
      << "and for nothing else: nobody waits for a batch";
}

}  // namespace
}  // namespace twinpath::sim
