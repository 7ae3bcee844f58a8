// What the store tests share: a folder per test and reading back what was written.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "analysis/store/sqlite_sink.h"

namespace twinpath::store {

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "tp-store-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return (folder_ / "run.db").string(); }
  SqliteSinkOptions options() const {
    SqliteSinkOptions options;
    options.path = path();
    return options;
  }

  static std::int64_t ask(const std::string& path, const char* sql) {
    Database database(path, std::chrono::seconds(5));
    return Statement(database, sql).integer().value_or(-1);
  }
  std::int64_t ask(const char* sql) const { return ask(path(), sql); }
  bool whole() const {
    Database database(path(), std::chrono::seconds(5));
    return Statement(database, "SELECT integrity_check = 'ok' FROM pragma_integrity_check")
               .integer() == 1;
  }

  std::filesystem::path folder_;
};

inline constexpr MetricInfo kCwnd{"cwnd_bytes",        "byte",
                                  MetricKind::kSeries, Better::kNeither,
                                  MetricClock::kModel, "congestion window"};
inline constexpr MetricInfo kGoodput{"goodput_bps",       "bit/s",
                                     MetricKind::kScalar, Better::kHigher,
                                     MetricClock::kModel, "verified application rate"};

}  // namespace twinpath::store
