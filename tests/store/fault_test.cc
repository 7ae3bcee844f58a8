// The recorder under faults: full disk, locked database, kill -9. What was acknowledged stays, the
// file stays whole, and the message says what to do.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/store/store_test.h"

namespace twinpath::store {
namespace {

using ::testing::HasSubstr;

class Fault : public StoreTest {
 protected:
  // Records samples until recording fails; the message of the failure, or "" after `most` samples.
  static std::string fill(SqliteSink& sink, int most) {
    const MetricId cwnd = sink.define_metric(kCwnd);
    const EntityId app = sink.define_entity({"a", "app"});
    try {
      for (int i = 0; i < most; ++i) {
        sink.sample({at_ns(i), cwnd, app, 0.1 * i});
        if (i % 1000 == 999) sink.flush();
      }
    } catch (const StoreError& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(Fault, FileSizeLimitIsAClearMessageAndKeepsWhatWasCommitted) {
  struct rlimit before {};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  std::string message;
  {
    SqliteSink sink(options());
    sink.begin_run({"{}"});
    sink.flush();
    struct rlimit tight = before;
    tight.rlim_cur = 512 * 1024;
    setrlimit(RLIMIT_FSIZE, &tight);
    message = fill(sink, 1'000'000);
    EXPECT_TRUE(sink.failed());
    EXPECT_THROW(sink.end_run({"done", "", ""}), StoreError);
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(message, HasSubstr("disk full"));
  EXPECT_TRUE(whole());
  EXPECT_GE(ask("SELECT count(*) FROM sample"), 1000);
  EXPECT_EQ(ask("SELECT count(*) % 1000 FROM sample"), 0);
}

TEST_F(Fault, AFullFileSystemIsAClearMessageAndKeepsWhatWasCommitted) {
  if (geteuid() != 0) GTEST_SKIP() << "mounting a small tmpfs needs root";
  const auto small = folder_ / "small";
  std::filesystem::create_directory(small);
  if (mount("tmpfs", small.c_str(), "tmpfs", 0, "size=512k") != 0) {
    GTEST_SKIP() << "this machine does not let root mount a tmpfs";
  }
  const std::string file = (small / "run.db").string();
  std::string message;
  {
    auto full = options();
    full.path = file;
    SqliteSink sink(full);
    sink.begin_run({"{}"});
    message = fill(sink, 1'000'000);
  }
  EXPECT_THAT(message, HasSubstr("disk full"));
  EXPECT_EQ(ask(file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
  EXPECT_GE(ask(file, "SELECT count(*) FROM sample"), 1000);
  EXPECT_EQ(umount2(small.c_str(), MNT_DETACH), 0);
}

TEST_F(Fault, ADatabaseLockedAtTheStartIsAClearMessage) {
  {
    SqliteSink sink(options());
    sink.begin_run({"{}"});
    sink.end_run({"done", "", ""});
  }
  Database other(path(), std::chrono::seconds(0));
  other.run("BEGIN EXCLUSIVE");
  auto impatient = options();
  impatient.lock_wait = std::chrono::milliseconds(20);
  try {
    SqliteSink sink(impatient);
    FAIL() << "opened a locked database";
  } catch (const StoreError& error) {
    EXPECT_THAT(error.what(), HasSubstr("locked by another process"));
  }
}

TEST_F(Fault, ADatabaseLockedInTheMiddleIsAClearMessage) {
  auto impatient = options();
  impatient.lock_wait = std::chrono::milliseconds(20);
  std::string message;
  {
    SqliteSink sink(impatient);
    sink.begin_run({"{}"});
    sink.define_entity({"before", "host"});
    sink.flush();
    Database other(path(), std::chrono::seconds(0));
    other.run("BEGIN IMMEDIATE");
    message = fill(sink, 5000);
    other.run("ROLLBACK");
  }
  EXPECT_THAT(message, HasSubstr("locked by another process"));
  EXPECT_EQ(ask("SELECT count(*) FROM entity WHERE path = 'before'"), 1);
  EXPECT_TRUE(whole());
}

TEST_F(Fault, APollerNeverWaitsForALockedDatabase) {
  auto emu = options();
  emu.overflow = Overflow::kDropSample;
  emu.queue_items = 100;
  emu.lock_wait = std::chrono::seconds(20);
  {
    SqliteSink sink(emu);
    sink.begin_run({"{}"});
    const MetricId cwnd = sink.define_metric(kCwnd);
    const EntityId app = sink.define_entity({"a", "app"});
    sink.flush();
    Database other(path(), std::chrono::seconds(0));
    other.run("BEGIN IMMEDIATE");
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 10'000; ++i) {
      sink.sample({at_ns(i), cwnd, app, 1});
      sink.offer_event({app, at_ns(i), "tcp.rto", "{}"});
    }
    for (int i = 0; i < 200; ++i) sink.define_entity({"flow" + std::to_string(i), "flow"});
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    other.run("ROLLBACK");
    sink.end_run({"done", "", ""});
  }
  EXPECT_GT(ask("SELECT dropped FROM series"), 0);
  EXPECT_EQ(ask("SELECT dropped + (SELECT count(*) FROM sample) FROM series"), 10'000);
  EXPECT_EQ(ask("SELECT count(*) FROM entity WHERE kind = 'flow'"), 200);
  EXPECT_EQ(ask("SELECT sum(iif(kind = 'tcp.rto', 1, data_json ->> '$.events')) FROM event"),
            10'000);
}

TEST_F(Fault, AnUnwritableFolderIsAClearMessage) {
  auto nowhere = options();
  nowhere.path = (folder_ / "missing" / "run.db").string();
  try {
    SqliteSink sink(nowhere);
    FAIL() << "opened a file in a folder that does not exist";
  } catch (const StoreError& error) {
    EXPECT_THAT(error.what(), HasSubstr("does its folder exist"));
  }
}

// The child acknowledges every thousand committed samples on the pipe, until it is killed.
[[noreturn]] void record_for_ever(const SqliteSinkOptions& options, int acknowledge) {
  SqliteSink sink(options);
  sink.begin_run({"{}"});
  const MetricId cwnd = sink.define_metric(kCwnd);
  const EntityId app = sink.define_entity({"a", "app"});
  for (std::int64_t i = 0;; ++i) {
    sink.sample({at_ns(i), cwnd, app, 1});
    if (i % 1000 != 999) continue;
    sink.flush();
    if (write(acknowledge, "k", 1) != 1) _exit(1);
  }
}

TEST_F(Fault, WhatWasAcknowledgedSurvivesKill) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) record_for_ever(options(), pipe_ends[1]);
  close(pipe_ends[1]);
  char letter = 0;
  int acknowledged = 0;
  while (acknowledged < 5 && read(pipe_ends[0], &letter, 1) == 1) ++acknowledged;
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  while (read(pipe_ends[0], &letter, 1) == 1) ++acknowledged;
  close(pipe_ends[0]);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_GE(acknowledged, 5);
  EXPECT_GE(ask("SELECT count(*) FROM sample"), acknowledged * 1000);
  EXPECT_EQ(ask("SELECT count(*) FROM run WHERE status = 'running'"), 1);
  EXPECT_TRUE(whole());
}

}  // namespace
}  // namespace twinpath::store
