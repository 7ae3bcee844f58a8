// What a worker answers: results and failures as one JSON object, progress as lines.
#include "bindings/plan/worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace twinpath::bind {
namespace {

using nlohmann::json;

TEST(Answer, CarriesTheResult) {
  const json answered = json::parse(answer([] {
    RunResult result;
    result.fingerprint = 0xff;
    result.model = std::chrono::milliseconds(1500);
    result.frames = 12;
    return result;
  }));
  EXPECT_EQ(answered["status"], "done");
  EXPECT_EQ(answered["fingerprint"], "00000000000000ff");
  EXPECT_EQ(answered["model_s"], 1.5);
  EXPECT_EQ(answered["frames"], 12);
  EXPECT_FALSE(answered.contains("validity"));
}

TEST(Answer, AnyExceptionIsAFailedRun) {
  const json answered =
      json::parse(answer([]() -> RunResult { throw std::runtime_error("disk full \xff"); }));
  EXPECT_EQ(answered["status"], "failed");
  EXPECT_EQ(answered["kind"], "run");
}

TEST(Answer, APlanErrorCarriesItsProblems) {
  const json answered = json::parse(answer([]() -> RunResult {
    throw PlanError({{"a", "1", "is bad", "2", ""}, {"b", "", "is missing", "", ""}});
  }));
  EXPECT_EQ(answered["kind"], "config");
  ASSERT_EQ(answered["problems"].size(), 2u);
  EXPECT_EQ(answered["problems"][0]["field"], "a");
}

TEST(Progress, WritesAtMostAFewLines) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Progress progress(ends[1]);
  for (int i = 0; i < 100'000; ++i) progress.at(Nanoseconds(7));
  close(ends[1]);
  char text[256];
  const auto bytes = read(ends[0], text, sizeof text);
  close(ends[0]);
  ASSERT_GE(bytes, 2);
  EXPECT_EQ(std::string(text, 2), "7\n");
  EXPECT_LT(bytes, 20);
}

TEST(Progress, GoesOnAfterAReaderThatWasSlow) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
  const std::vector<char> full(1 << 20, 'x');
  ASSERT_GT(write(ends[1], full.data(), full.size()), 0);
  Progress progress(ends[1]);
  for (int i = 0; i < 2048; ++i) progress.at(Nanoseconds(7));
  std::vector<char> text(full.size());
  while (read(ends[0], text.data(), text.size()) > 0) continue;
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  for (int i = 0; i < 2048; ++i) progress.at(Nanoseconds(8));
  ASSERT_GE(read(ends[0], text.data(), text.size()), 2);
  EXPECT_EQ(std::string(text.data(), 2), "8\n");
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace twinpath::bind
