// What an emulated core writes down is enough to run it again: same turns, same bytes out.
#include "emu/turn_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "emu/setup_error.h"
#include "emu/worker.h"
#include "models/base/host_stage.h"
#include "models/base/turn_replay.h"
#include "models/host/echo_host.h"
#include "models/port/fingerprint.h"
#include "tests/emu/fake_port.h"
#include "tests/emu/logged_run.h"

namespace twinpath::emu {
namespace {

using test::FakePort;
using test::LoggedRun;
using test::read_turn_log;
using test::SentFrame;
using test::SteppedClock;

class TempDir {
 public:
  TempDir() { EXPECT_NE(mkdtemp(name_), nullptr); }
  ~TempDir() { std::filesystem::remove_all(name_); }
  [[nodiscard]] std::string file(const std::string& name) const {
    return std::string(name_) + "/" + name;
  }

 private:
  char name_[32] = "/tmp/tp-log-XXXXXX";
};

// Stamps what a fake port sends.
struct PortTime final : Clocked {
  explicit PortTime(FakePort& stamped) : port(stamped) {}
  void advance(Instant now) override { port.now = now; }
  FakePort& port;
};

constexpr int kFrames = 300;

std::vector<SentFrame> emulate(const std::string& log_path) {
  HeapPool pool;
  FakePort port;
  for (int i = 0; i < kFrames; ++i) {
    port.arriving.push_back(test::marked_frame(pool, 60, static_cast<std::uint8_t>(i)));
  }
  Recorder recorder;
  TurnLog log(recorder, log_path, R"({"seed":1})");
  recorder.start();
  LoggedPort logged(port, log, 7);
  EchoHost host({.delay = Duration(12'345)});
  std::array<Port*, 1> ports{&logged};
  HostStage stage("echo", host, ports, 0);
  SteppedClock clock;
  PortTime time(port);
  Worker worker(clock);
  worker.add(stage);
  worker.add(time);
  worker.set_log(log);
  worker.set_finished([&](Instant) { return port.sent.size() == kFrames; }, at_ns(10'000'000));
  worker.run();
  EXPECT_TRUE(recorder.finish());
  EXPECT_TRUE(log.is_complete());
  return port.sent;
}

// A ReplayPort that keeps what is sent.
class KeepingPort final : public ReplayPort {
 public:
  [[nodiscard]] PortCaps caps() const override { return {}; }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    for (BufPtr& frame : frames) {
      sent.push_back({now, {frame->bytes().begin(), frame->bytes().end()}});
      frame.reset();
    }
    return frames.size();
  }
  [[nodiscard]] std::size_t tx_room() const override { return kBurst; }
  std::vector<SentFrame> sent;
  Instant now{};
};

TEST(TurnLog, AReplayedLogGivesTheSameBytes) {
  const TempDir dir;
  const std::vector<SentFrame> emulated = emulate(dir.file("core0"));
  ASSERT_EQ(emulated.size(), std::size_t{kFrames});

  const LoggedRun run = read_turn_log(dir.file("core0"));
  EXPECT_EQ(run.frames.at(7).size(), std::size_t{kFrames});
  EXPECT_TRUE(run.is_whole);
  EXPECT_EQ(run.header, R"({"seed":1})");
  ASSERT_EQ(run.sent.at(7).size(), std::size_t{kFrames});
  EXPECT_EQ(run.sent.at(7)[0].hash, hash_bytes(emulated[0].bytes));
  HeapPool pool;
  KeepingPort port;
  for (const auto& bytes : run.frames.at(7)) port.feed(test::make_frame(pool, bytes));
  EchoHost host({.delay = Duration(12'345)});
  std::array<Port*, 1> ports{&port};
  HostStage stage("echo", host, ports, 0);
  CoreSchedule schedule;
  schedule.add(stage);
  std::array<ReplayPort*, 1> replayed{&port};
  for (const TurnRecord& record : run.turns) {
    port.now = at_ns(record.now_ns);
    ASSERT_TRUE(replay_turn(schedule, record, replayed));
  }
  EXPECT_EQ(port.sent, emulated);
}

TEST(TurnLog, AnotherProgramDoesNotGiveTheSameBytes) {
  const TempDir dir;
  const std::vector<SentFrame> emulated = emulate(dir.file("core0"));
  const LoggedRun run = read_turn_log(dir.file("core0"));
  HeapPool pool;
  KeepingPort port;
  for (const auto& bytes : run.frames.at(7)) port.feed(test::make_frame(pool, bytes));
  EchoHost slower({.delay = Duration(99'999)});
  std::array<Port*, 1> ports{&port};
  HostStage stage("echo", slower, ports, 0);
  CoreSchedule schedule;
  schedule.add(stage);
  std::array<ReplayPort*, 1> replayed{&port};
  for (const TurnRecord& record : run.turns) {
    port.now = at_ns(record.now_ns);
    static_cast<void>(replay_turn(schedule, record, replayed));
  }
  EXPECT_NE(port.sent, emulated);
}

// A log of 300 turns, cut or damaged anywhere, is read up to there and said to be damaged, or is a
// shorter log; it is never read beyond its end.
TEST(TurnLog, DamagedRecordsAreTold) {
  const TempDir dir;
  static_cast<void>(emulate(dir.file("core0")));
  const LoggedRun whole = read_turn_log(dir.file("core0"));
  std::ifstream file(dir.file("core0"), std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  const auto records = std::as_bytes(std::span(text)).subspan(12 + whole.header.size());
  std::size_t told = 0;
  for (std::size_t kept = 0; kept < 2000; ++kept) {
    TurnLogReader reader(records.first(kept));
    while (reader.next()) continue;
    told += reader.is_good() ? 0 : 1;
  }
  EXPECT_GT(told, 1800U);
  const std::array<std::byte, 16> nonsense{std::byte{9}, {}, {}, {}, {}, {}, {}, std::byte{0xff}};
  TurnLogReader reader(nonsense);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.is_good());
}

TEST(Recorder, WritesAllThatWasHandedOverInOrder) {
  const TempDir dir;
  Recorder recorder;
  RecorderStream& stream = recorder.open(dir.file("numbers"));
  recorder.start();
  constexpr std::uint32_t kNumbers = 1'000'000;  // 16 chunks' worth
  for (std::uint32_t i = 0; i < kNumbers; ++i) stream.write(std::as_bytes(std::span(&i, 1)));
  EXPECT_TRUE(recorder.finish());
  EXPECT_TRUE(stream.is_complete());
  EXPECT_EQ(std::filesystem::file_size(dir.file("numbers")), kNumbers * sizeof(std::uint32_t));
}

TEST(Recorder, WithoutRoomItEndsThereAndSaysSo) {
  const TempDir dir;
  Recorder recorder;
  RecorderStream& stream = recorder.open(dir.file("flood"));  // never started: nobody drains
  const std::vector<std::byte> piece(RecorderStream::kChunkBytes);
  for (std::size_t i = 0; i <= RecorderStream::kChunks; ++i) stream.write(piece);
  EXPECT_FALSE(stream.is_complete());
  EXPECT_EQ(stream.bytes_left_out(), RecorderStream::kChunkBytes);
}

TEST(Recorder, AFullDiskIsToldAtTheEnd) {
  Recorder recorder;
  RecorderStream& stream = recorder.open("/dev/full");
  recorder.start();
  stream.write(std::as_bytes(std::span("x")));
  EXPECT_FALSE(recorder.finish());
}

TEST(Recorder, AnImpossiblePathIsRefusedInWords) {
  Recorder recorder;
  EXPECT_THROW(static_cast<void>(recorder.open("/nowhere/log")), SetupError);
}

}  // namespace
}  // namespace twinpath::emu
