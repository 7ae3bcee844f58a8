// Proves the time model of a core: effects are seen when their price has passed, outboxes go before
// turns at one instant, a full ring holds its sender back, a lossy one counts, idling costs no
// events, and a livelock is an error that names its Stages.
#include <gtest/gtest.h>
#include <ns3/simulator.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/base/ring.h"
#include "models/base/timer.h"
#include "sim/core_group.h"
#include "sim/sim_time.h"

namespace twinpath::sim {
namespace {

constexpr ContractId kItems = 1;  // PCV 0: items of the turn

// A Stage made of one function; its ledger has one row with the number of items.
class FunctionStage final : public Stage {
 public:
  using Body = std::function<Work(Turn&)>;
  FunctionStage(std::string name, Body body) : name_(std::move(name)), body_(std::move(body)) {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  Work run(Turn& turn) override {
    if (deadline <= turn.now) deadline = kNever;
    const Work work = body_(turn);
    Probe probe;
    probe.pcv[0] = work.items;
    turn.ledger.add(kItems, probe);
    return work;
  }
  [[nodiscard]] Instant next_deadline() override { return deadline; }
  [[nodiscard]] std::span<Input* const> inputs() override { return inputs_; }
  void charged(Instant now, Duration cost) override { charges.emplace_back(now, cost); }
  void listen(Input& input) { inputs_.push_back(&input); }

  Instant deadline = kNever;
  std::vector<std::pair<Instant, Duration>> charges;

 private:
  std::string name_;
  Body body_;
  std::vector<Input*> inputs_;
};

class ModelledCoreTest : public ::testing::Test {
 protected:
  ModelledCoreTest() { pricer_.set(kItems, {.base_cycles = 0, .pcv_cycles = {100}}); }
  ~ModelledCoreTest() override { ns3::Simulator::Destroy(); }

  // 1 GHz, so a cycle is a nanosecond.
  ModelledCore& core(const std::string& name, ModelledCoreConfig config = {.frequency_hz = 1e9}) {
    return group_.add_core(name, config, CoreConfig{.budget = 4}, pricer_);
  }
  void connect(Ring<int>& ring, ModelledCore& sender, ModelledCore& receiver) {
    ring.outlet().set_waker(&receiver);
    ring.inlet().set_waker(&sender);
  }
  // Sends `count` items at its deadline.
  FunctionStage source(Ring<int>& ring, int count) {
    return FunctionStage("source", [&ring, count](Turn& turn) {
      for (int item = 0; item < count; ++item) ring.outlet().push(turn.outbox, item);
      return Work{1, false};
    });
  }
  FunctionStage sink(Ring<int>& ring) {
    return FunctionStage("sink", [this, &ring](Turn& turn) {
      std::uint32_t taken = 0;
      while (taken < turn.budget && ring.inlet().available() > 0) {
        seen_.emplace_back(to_ns(turn.now), ring.inlet().pop(turn.outbox));
        ++taken;
      }
      return Work{taken, false};
    });
  }
  void run() {
    group_.start();
    ns3::Simulator::Run();
  }

  CoreGroup group_;
  LinearPricer pricer_;
  std::vector<std::pair<std::int64_t, int>> seen_;
};

TEST_F(ModelledCoreTest, EffectsAreSeenWhenTheTurnIsPaidFor) {
  Ring<int> ring(8);
  FunctionStage from = source(ring, 2);
  FunctionStage to = sink(ring);
  to.listen(ring.inlet());
  ModelledCore& first = core("core0");
  ModelledCore& second = core("core1");
  first.add(from);
  second.add(to);
  connect(ring, first, second);
  from.deadline = at_ns(1000);
  run();
  EXPECT_EQ(seen_, (std::vector<std::pair<std::int64_t, int>>{{1100, 0}, {1100, 1}}));
  ASSERT_EQ(from.charges.size(), 1U);
  EXPECT_EQ(from.charges[0], std::pair(at_ns(1100), Duration(100)));
  EXPECT_EQ(second.busy(), Duration(200));
}

TEST_F(ModelledCoreTest, AFullRingHoldsItsSenderUntilSlotsAreGivenBack) {
  Ring<int> ring(2);
  int turns = 0;
  FunctionStage from("source", [&](Turn& turn) {
    for (int item = 0; item < 4; ++item) ring.outlet().push(turn.outbox, item);
    return Work{1, ++turns < 2};  // wants to run again at once
  });
  FunctionStage to = sink(ring);
  to.listen(ring.inlet());
  ModelledCore& first = core("core0");
  ModelledCore& second = core("core1");
  first.add(from);
  second.add(to);
  connect(ring, first, second);
  from.deadline = at_ns(0);
  run();
  // 0: source runs; 100: two of four fit, the source is held. 100-300: the sink takes two; 300: the
  // slots come back, the other two fit at once and the source runs its second turn until 400.
  const std::vector<std::pair<std::int64_t, int>> expected = {
      {100, 0}, {100, 1}, {300, 2}, {300, 3}, {500, 0}, {500, 1}, {700, 2}, {700, 3}};
  EXPECT_EQ(seen_, expected);
  EXPECT_EQ(from.charges[1].first, at_ns(400));
}

TEST_F(ModelledCoreTest, ALossyRingDropsAtPublicationAndCounts) {
  Ring<int> ring(2, RingPolicy::kLossy);
  FunctionStage from = source(ring, 5);
  FunctionStage to = sink(ring);
  to.listen(ring.inlet());
  ModelledCore& first = core("core0");
  ModelledCore& second = core("core1");
  first.add(from);
  second.add(to);
  connect(ring, first, second);
  from.deadline = at_ns(7);
  run();
  EXPECT_EQ(seen_.size(), 2U);
  EXPECT_EQ(ring.outlet().dropped(), 3U);
}

TEST_F(ModelledCoreTest, OutboxesGoBeforeTurnsAtOneInstant) {
  // core1's source is paid for at 100, the instant at which core0's sink looks for timers.
  Ring<int> ring(8);
  FunctionStage to = sink(ring);
  to.listen(ring.inlet());
  FunctionStage from = source(ring, 1);
  ModelledCore& first = core("core0");
  ModelledCore& second = core("core1");
  first.add(to);
  second.add(from);
  connect(ring, second, first);
  from.deadline = at_ns(0);
  to.deadline = at_ns(100);
  run();
  EXPECT_EQ(seen_, (std::vector<std::pair<std::int64_t, int>>{{100, 0}}));
  EXPECT_EQ(first.turns(), 1U) << "one turn for the timer and the news together";
}

TEST_F(ModelledCoreTest, StagesOfOneCoreShareItsTime) {
  std::vector<std::pair<std::int64_t, char>> log;
  FunctionStage a("a", [&](Turn& turn) {
    log.emplace_back(to_ns(turn.now), 'a');
    return Work{2, log.size() < 4};
  });
  FunctionStage b("b", [&](Turn& turn) {
    log.emplace_back(to_ns(turn.now), 'b');
    return Work{1, log.size() < 4};
  });
  ModelledCore& only = core("core0");
  only.add(a);
  only.add(b);
  a.deadline = b.deadline = at_ns(10);
  run();
  EXPECT_EQ(log, (std::vector<std::pair<std::int64_t, char>>{
                     {10, 'a'}, {210, 'b'}, {310, 'a'}, {510, 'b'}, {610, 'a'}}));
  EXPECT_EQ(only.busy(), Duration(800));
}

TEST_F(ModelledCoreTest, IdlingIsNoEventAndWakingHasItsPrice) {
  int turns = 0;
  FunctionStage timer("timer", [&](Turn&) {
    ++turns;
    return Work{1, false};
  });
  ModelledCore& only = core("core0", {.frequency_hz = 1e9, .wake_price = Duration(50)});
  only.add(timer);
  timer.deadline = at_ns(1'000'000'000);
  run();
  EXPECT_EQ(turns, 1);
  EXPECT_EQ(sim_now(), at_ns(1'000'000'150));
  EXPECT_LE(ns3::Simulator::GetEventCount(), 4U);
}

TEST_F(ModelledCoreTest, ATurnCostsANanosecondAtLeastAndCyclesAreCarried) {
  int turns = 0;
  FunctionStage busy("busy", [&](Turn&) { return Work{1, ++turns < 1000}; });
  LinearPricer pricer;
  pricer.set(kItems, {.base_cycles = 3, .pcv_cycles = {}});
  ModelledCore& two_ghz =
      group_.add_core("core0", {.frequency_hz = 2e9}, CoreConfig{}, pricer);  // 1.5 ns a turn
  two_ghz.add(busy);
  busy.deadline = at_ns(0);
  run();
  EXPECT_EQ(two_ghz.busy(), Duration(1500));
  turns = 0;
  FunctionStage cheap("cheap", [&](Turn&) { return Work{1, ++turns < 1000}; });
  ZeroPricer zero;
  ModelledCore& nothing = group_.add_core("core1", {}, CoreConfig{}, zero);
  nothing.add(cheap);
  cheap.deadline = sim_now();
  run();
  EXPECT_EQ(nothing.busy(), Duration(1000));
}

TEST_F(ModelledCoreTest, AnOverLongTurnIsSeenAsIfSliced) {
  std::vector<std::pair<std::int64_t, char>> log;
  FunctionStage lengthy("lengthy", [&](Turn&) {
    return Work{4, false};  // 400 ns
  });
  FunctionStage brief("brief", [&](Turn& turn) {
    log.emplace_back(to_ns(turn.now), 'b');
    return Work{1, log.size() < 2};  // 100 ns each
  });
  ModelledCore& only = core("core0", {.frequency_hz = 1e9, .quantum = Duration(150)});
  only.add(lengthy);
  only.add(brief);
  lengthy.deadline = brief.deadline = at_ns(0);
  run();
  // lengthy 0-150, brief 150-250, lengthy 250-400, brief 400-500, lengthy 500-600.
  EXPECT_EQ(log, (std::vector<std::pair<std::int64_t, char>>{{150, 'b'}, {400, 'b'}}));
  ASSERT_EQ(lengthy.charges.size(), 1U);
  EXPECT_EQ(lengthy.charges[0], std::pair(at_ns(600), Duration(400)));
}

TEST_F(ModelledCoreTest, ALivelockNamesItsStages) {
  FunctionStage left("left", [](Turn&) { return Work{0, true}; });
  FunctionStage right("right", [](Turn&) { return Work{0, true}; });
  ModelledCore& free_core = core("dut/core0", {.is_free = true});
  free_core.add(left);
  free_core.add(right);
  left.deadline = at_ns(5);
  right.deadline = at_ns(5);
  group_.start();
  try {
    ns3::Simulator::Run();
    FAIL() << "no livelock found";
  } catch (const SimError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("dut/core0/left"), std::string::npos) << text;
    EXPECT_NE(text.find("dut/core0/right"), std::string::npos) << text;
    EXPECT_NE(text.find("1000000 turns at 5 ns"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace twinpath::sim
