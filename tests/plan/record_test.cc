// Rows both drivers write: a port's chain with the instants of its frames, a link's drops by cause.
#include "bindings/plan/record.h"

#include <functional>

#include "models/base/heap_pool.h"
#include "tests/store/store_test.h"

namespace twinpath::bind {
namespace {

class Record : public store::StoreTest {
 protected:
  void written_by(const std::function<void(store::SqliteSink&)>& write) {
    store::SqliteSink sink(options());
    sink.begin_run({.run_json = "{}"});
    write(sink);
    sink.end_run({"done", "", "{}"});
  }
  static FrameChain chain_of(std::uint64_t frames) {
    FrameChain chain;
    for (std::uint64_t i = 1; i <= frames; ++i) {
      chain.add_hashed(kStart + Duration(static_cast<std::int64_t>(i)), 60, i);
    }
    return chain;
  }
  void record_frames(std::uint64_t frames) {
    const FrameChain chain = chain_of(frames);
    written_by([&](store::SqliteSink& sink) {
      record_chain(sink, {"client/eth0", Direction::kTransmit, frames, chain.value()}, chain);
    });
  }
};

TEST_F(Record, AChunkCarriesTheInstantOfItsLastFrame) {
  record_frames(25'000);
  EXPECT_EQ(ask("SELECT count(*) FROM chunk JOIN entity USING (entity_id) "
                "WHERE path = 'client/eth0/tx'"),
            3);
  EXPECT_EQ(ask("SELECT t_ns FROM chunk WHERE seq = 0"), 10'000);
  EXPECT_EQ(ask("SELECT t_ns FROM chunk WHERE seq = 1"), 20'000);
  EXPECT_EQ(ask("SELECT t_ns FROM chunk WHERE seq = 2"), 25'000);
}

TEST_F(Record, AFullChunkIsNotRecordedTwice) {
  record_frames(10'000);
  EXPECT_EQ(ask("SELECT count(*) FROM chunk"), 1);
  EXPECT_EQ(ask("SELECT max(t_ns) FROM chunk"), 10'000);
}

TEST_F(Record, APortWithoutFramesSaysSo) {
  record_frames(0);
  EXPECT_EQ(ask("SELECT count(*) FROM chunk WHERE t_ns = 0 AND hash = '0000000000000000'"), 1);
}

TEST_F(Record, ALinkCountsACopyThatFoundNoBuffer) {
  LinkConfig config;
  config.faults.duplicate = 1;
  HeapPool pool({.bufs_max = 1});
  LinkModel from_a(config, Rng(1));
  const LinkModel from_b(config, Rng(2));
  from_a.offer(kStart, BufPtr(pool.take()));
  written_by([&](store::SqliteSink& sink) { record_link(sink, "wire", {from_a, from_b}); });
  EXPECT_EQ(ask("SELECT packets FROM drop_count WHERE reason = 'not_duplicated' "
                "AND cause = 'resource'"),
            1);
  EXPECT_EQ(ask("SELECT count(*) FROM drop_count"), 1);
}

struct Judged {
  std::vector<double> values;  // of rules bounded by 10
  const char* verdict;
};

class Rules : public Record, public ::testing::WithParamInterface<Judged> {};

TEST_P(Rules, TheWorstOfThemIsTheVerdict) {
  std::vector<store::ValidityRow> rows{{"never", 0, 0, "times", false}};
  for (const double value : GetParam().values) {
    rows.push_back({"rule" + std::to_string(rows.size()), value, 10, "ns", true});
  }
  std::string verdict;
  written_by([&](store::SqliteSink& sink) { verdict = record_rules(sink, rows); });
  EXPECT_EQ(verdict, GetParam().verdict);
  EXPECT_EQ(ask("SELECT count(*) FROM validity"), static_cast<std::int64_t>(rows.size()));
  EXPECT_EQ(ask("SELECT count(*) FROM validity WHERE ok <> (value <= bound)"), 0);
}

INSTANTIATE_TEST_SUITE_P(Values, Rules,
                         ::testing::Values(Judged{{1, 5}, "valid"}, Judged{{1, 5.1}, "suspect"},
                                           Judged{{10, 1}, "suspect"}, Judged{{10.1}, "invalid"},
                                           Judged{{11, 6}, "invalid"}, Judged{{6, 11}, "invalid"}));

}  // namespace
}  // namespace twinpath::bind
