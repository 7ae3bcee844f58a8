// A TCP transfer between two hosts of ours over net_ring in real time, written down turn by turn,
// then run again without DPDK and without a clock: every frame must come out at the same instant
// with the same bytes.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "emu/ring_pair.h"
#include "emu/tsc_clock.h"
#include "emu/turn_log.h"
#include "emu/worker.h"
#include "models/app/app_host.h"
#include "models/app/bulk.h"
#include "models/base/host_stage.h"
#include "models/base/turn_replay.h"
#include "models/port/link_port.h"
#include "models/port/trace.h"
#include "tests/emu/fake_port.h"
#include "tests/emu/logged_run.h"
#include "tests/emu/world.h"

namespace twinpath::emu {
namespace {

using test::LoggedRun;
using test::read_turn_log;

constexpr std::uint64_t kBytes = 300'000;
constexpr Instant kAtMost = at_ns(20'000'000'000);
constexpr std::array<const char*, 2> kAddresses = {"198.18.0.1/24", "198.18.0.2/24"};

HostConfig host_config(std::size_t number) {
  HostConfig config;
  config.name = number == 0 ? "sender" : "receiver";
  config.seed = number + 1;
  InterfaceConfig interface;
  interface.mac = MacAddress::from_u64(0x025450000000 + number);
  interface.addresses = {*Ipv4Prefix::parse(kAddresses[number])};
  config.interfaces = {interface};
  return config;
}

// Both hosts, the same in the emulation and in its replay.
struct Hosts {
  explicit Hosts(BufPool& pool) {
    for (std::size_t i = 0; i < 2; ++i) {
      hosts.push_back(std::make_unique<AppHost>(host_config(i), TcpConfig(), pool));
    }
    BulkConfig bulk{.size_bytes = kBytes};
    bulk.to = IpAddress(Ipv4Prefix::parse(kAddresses[1])->address());
    hosts[1]->add<BulkSink>("receiver/app0", kStart, BulkSinkConfig());
    sender = &hosts[0]->add<Bulk>("sender/app0", kStart, bulk);
  }
  std::vector<std::unique_ptr<AppHost>> hosts;
  Bulk* sender = nullptr;
};

LinkConfig lossy_link() {
  LinkConfig link;
  link.rate_bps = 50'000'000;
  link.delay = std::chrono::milliseconds(2);
  link.faults.loss = 0.02;
  return link;
}

// The far side of a LinkPort, as a part of the core that hears the time.
struct Interface final : Clocked {
  Interface(Device& device, bool has_link, TurnLog& log, std::uint16_t number)
      : ethdev(device, 0),
        link(has_link ? std::make_unique<LinkPort>(
                            ethdev, LinkElementConfig{lossy_link(), lossy_link()}, Rng(5), "wire")
                      : nullptr),
        trace(has_link ? TracePort(*link, 100'000) : TracePort(ethdev, 100'000)),
        logged(trace, log, number) {}
  void advance(Instant now) override {
    ethdev.advance(now);
    logged.begin_turn(now);
  }
  [[nodiscard]] Instant next_deadline() const override { return trace.next_deadline(); }

  EthdevPort ethdev;
  std::unique_ptr<LinkPort> link;
  TracePort trace;
  LoggedPort logged;
};

std::vector<TraceRecord> sent_of(const TracePort& trace) {
  std::vector<TraceRecord> sent;
  for (const TraceRecord& record : trace.records()) {
    if (record.direction == Direction::kTransmit) sent.push_back(record);
  }
  return sent;
}

using SentByHost = std::array<std::vector<TraceRecord>, 2>;

SentByHost emulate(const std::string& path) {
  Eal& eal = test::eal();
  MbufPool pool({.name = "replay", .bufs = 4095, .cached = 0});
  RingPair ring(eal, {.name = "replay"});
  Device a(eal, {.device = ring.end_a()}, std::array{&pool});
  Device b(eal, {.device = ring.end_b()}, std::array{&pool});
  Recorder recorder;
  TurnLog log(recorder, path, "{}");
  recorder.start();
  Interface left(a, true, log, 0);
  Interface right(b, false, log, 1);
  Hosts hosts(pool);
  std::array<Port*, 1> left_ports{&left.logged};
  std::array<Port*, 1> right_ports{&right.logged};
  HostStage sender("sender", *hosts.hosts[0], left_ports, 0);
  HostStage receiver("receiver", *hosts.hosts[1], right_ports, 0);
  TscClock clock;
  Worker worker(clock, {.all_wake = true});
  worker.add(left);
  worker.add(right);
  worker.add(sender);
  worker.add(receiver);
  worker.set_log(log);
  worker.set_finished([&](Instant now) { return hosts.sender->done() || now >= kAtMost; }, kAtMost);
  worker.run();
  EXPECT_TRUE(hosts.sender->done());
  EXPECT_TRUE(recorder.finish());
  EXPECT_TRUE(log.is_complete());
  return {sent_of(left.trace), sent_of(right.trace)};
}

// A port that gives what the log says and keeps account of what is sent.
class ReplayedPort final : public ReplayPort {
 public:
  [[nodiscard]] PortCaps caps() const override { return {}; }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    for (BufPtr& frame : frames) {
      sent.push_back({to_ns(now), Direction::kTransmit, frame->len, hash_bytes(frame->bytes())});
      frame.reset();
    }
    return frames.size();
  }
  [[nodiscard]] std::size_t tx_room() const override { return kBurst; }
  Instant now{};
  std::vector<TraceRecord> sent;
};

SentByHost replay(const LoggedRun& run) {
  HeapPool pool;
  std::array<ReplayedPort, 2> ports;
  for (std::uint16_t number = 0; number < 2; ++number) {
    for (const auto& bytes : run.frames.at(number)) {
      ports[number].feed(test::make_frame(pool, bytes));
    }
  }
  Hosts hosts(pool);
  std::array<Port*, 1> left{&ports[0]};
  std::array<Port*, 1> right{&ports[1]};
  HostStage sender("sender", *hosts.hosts[0], left, 0);
  HostStage receiver("receiver", *hosts.hosts[1], right, 0);
  CoreSchedule schedule;
  schedule.add(sender);
  schedule.add(receiver);
  for (const TurnRecord& record : run.turns) {
    ReplayedPort& port = ports[record.stage];
    port.now = at_ns(record.now_ns);
    std::array<ReplayPort*, 1> replayed{&port};
    EXPECT_TRUE(replay_turn(schedule, record, replayed));
  }
  EXPECT_TRUE(hosts.sender->done());
  return {ports[0].sent, ports[1].sent};
}

TEST(TcpReplay, ALoggedTransferIsRepeatedFrameByFrame) {
  char folder[] = "/tmp/tp-replay-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/core0";
  const SentByHost emulated = emulate(path);
  const SentByHost replayed = replay(read_turn_log(path));
  std::filesystem::remove_all(folder);
  ASSERT_GT(emulated[0].size(), kBytes / 1448);
  EXPECT_TRUE(replayed[0] == emulated[0]);
  EXPECT_TRUE(replayed[1] == emulated[1]);
}

}  // namespace
}  // namespace twinpath::emu
