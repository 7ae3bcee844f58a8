// The Stage around a function: verdicts carried out, a row per packet, losses counted.
#include "models/nf/nf_stage.h"

#include <gtest/gtest.h>

#include "models/base/core_schedule.h"
#include "models/base/heap_pool.h"
#include "tests/fakes/memory_port.h"

namespace twinpath {
namespace {

// Sends by the first byte: 0 and 1 to those ports, 2 nowhere, 3 where there is no port.
class ByFirstByte final : public NetworkFunction {
 public:
  Verdict process(Instant, PortId in, PacketBuf& packet, Probe& probe) override {
    const auto first = std::to_integer<std::uint32_t>(packet.data()[0]);
    probe.outcome = first;
    probe.count(in);
    EXPECT_GT(asked_for_, processed_++) << "prefetch comes first";
    return first == 2 ? Verdict::drop() : Verdict::forward(static_cast<PortId>(first));
  }
  void prefetch(const PacketBuf&) override { ++asked_for_; }

 private:
  int asked_for_ = 0;
  int processed_ = 0;
};

class NfStageTest : public ::testing::Test {
 protected:
  NfStageTest() { schedule_.add(stage_); }
  void arrive(MemoryPort& port, std::uint8_t first) {
    BufPtr frame(pool_.take());
    frame->push_back(60)[0] = std::byte{first};
    port.arrive(std::move(frame));
  }
  std::size_t run() {
    std::size_t rows = 0;
    while (const auto pick = schedule_.next(kStart)) {
      ledger_.clear();
      run_turn(schedule_, *pick, kStart, ledger_);
      rows += ledger_.rows().size();
      schedule_.publish(pick->index);
    }
    return rows;
  }

  HeapPool pool_;
  MemoryPort left_;
  MemoryPort right_{64};
  std::array<Port*, 2> ports_{&left_, &right_};
  ByFirstByte function_;
  NfStage stage_{"nf", function_, ports_, 5};
  CoreSchedule schedule_;
  CostLedger ledger_;
};

TEST_F(NfStageTest, CarriesOutVerdictsAndWritesARowForEach) {
  for (int i = 0; i < 100; ++i) arrive(left_, static_cast<std::uint8_t>(i % 4));
  arrive(right_, 0);
  EXPECT_EQ(run(), 101U);
  EXPECT_EQ(left_.sent().size(), 26U);
  EXPECT_EQ(right_.sent().size(), 25U);
  EXPECT_EQ(stage_.counters().packets, 101U);
  EXPECT_EQ(stage_.counters().forwarded, 51U);
  EXPECT_EQ(stage_.counters().dropped, 25U);
  EXPECT_EQ(stage_.counters().bad_port, 25U);
  EXPECT_EQ(pool_.outstanding(), 51U) << "those on their way out";
}

TEST_F(NfStageTest, RowsNameContractOutcomeAndCounts) {
  arrive(right_, 2);
  EXPECT_EQ(run(), 1U);
  const CostRow& row = ledger_.rows()[0];
  EXPECT_EQ(row.contract, 5U);
  EXPECT_EQ(row.probe.outcome, 2U);
  EXPECT_EQ(row.probe.pcv[0], 0U);
  EXPECT_EQ(row.probe.pcv[1], 1U);
}

TEST_F(NfStageTest, AFullPortLosesWhatIsSentToIt) {
  for (int i = 0; i < 70; ++i) arrive(left_, 1);
  arrive(left_, 0);
  run();
  EXPECT_EQ(right_.sent().size(), 64U);
  EXPECT_EQ(left_.sent().size(), 1U);
  EXPECT_EQ(stage_.counters().no_room, 6U);
}

}  // namespace
}  // namespace twinpath
