// Applications behind job queues: whatever the order in which application and stack get their
// turns, and whatever trick is off, they see what they would see in the stack's own turn.
#include "models/mtcp/job_queues.h"

#include <gtest/gtest.h>

#include <array>

#include "models/app/bulk.h"
#include "models/app/request_response.h"
#include "models/app/udp_apps.h"
#include "models/base/core_schedule.h"
#include "models/base/rng.h"
#include "models/socket/host_stack.h"
#include "tests/fakes/app_pair.h"
#include "tests/fakes/engine_pair.h"
#include "tests/fakes/port_wire.h"

namespace twinpath {
namespace {

constexpr std::uint16_t kPort = 7;
using std::chrono::microseconds;

// Four Stages, each with a schedule of its own: who gets the next turn is drawn.
class JobWorld {
 public:
  explicit JobWorld(EngineCoreConfig client = engine_core_config(true, EngineThreads::kTwo),
                    EngineCoreConfig server = engine_core_config(false, EngineThreads::kTwo),
                    std::uint64_t seed = 1)
      : pair_(client, server, {wire_.end(0), wire_.end(1)}, pool_), dice_(seed) {
    for (Stage* stage : {pair_.server.applications(), &pair_.server.stack(),
                         pair_.client.applications(), &pair_.client.stack()}) {
      if (stage != nullptr) schedules_.emplace_back(CoreConfig{.budget = 256}).add(*stage);
    }
  }
  // Turns in drawn order until `done`, or 10 s of model time; true when done.
  template <typename Done>
  bool run(Done done) {
    const Instant latest = now_ + std::chrono::seconds(10);
    while (!done() && now_ < latest) {
      step();
      now_ += microseconds(1);
    }
    return done();
  }
  [[nodiscard]] EngineCore& client() { return pair_.client; }
  [[nodiscard]] EngineCore& server() { return pair_.server; }
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] std::uint64_t frames() const { return wire_.frames(); }
  [[nodiscard]] std::uint32_t frames_out() const { return pool_.outstanding(); }
  [[nodiscard]] std::uint64_t turns() const { return turns_; }

 private:
  void step() {
    for (std::size_t tries = 0; tries < schedules_.size(); ++tries) {
      const std::uint64_t drawn = dice_.next();
      CoreSchedule& schedule = schedules_[drawn % schedules_.size()];
      schedule.retry_blocked();
      if (const auto pick = schedule.next(now_)) {
        run_turn(schedule, *pick, now_, ledger_);
        schedule.publish(pick->index);
        EXPECT_FALSE(schedule.blocked(pick->index)) << "nobody waits with a full ring";
        ++turns_;
      }
    }
  }

  HeapPool pool_;
  PortWire wire_;
  std::deque<CoreSchedule> schedules_;
  EnginePair pair_;
  Rng dice_;
  CostLedger ledger_;
  Instant now_ = kStart;
  std::uint64_t turns_ = 0;
};

constexpr Instant kBegin = kStart + microseconds(500);  // by then the server listens

// Ten per connection in use.
RequestResponseConfig requests(std::uint32_t count) {
  RequestResponseConfig load;
  load.connections = count / 10;
  load.requests = count;
  load.per_connection = 3;
  load.to = kEngineServer;
  return load;
}

TEST(MtcpJobs, RequestsAreAnsweredInAnyOrderOfTurns) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    JobWorld world(engine_core_config(true, EngineThreads::kTwo),
                   engine_core_config(false, EngineThreads::kTwo), seed);
    auto& server =
        world.server().apps().add<EchoServer>("server/app0", kStart, EchoServerConfig{kPort});
    auto& app = world.client().apps().add<RequestResponse>("client/app0", kBegin, requests(400));
    ASSERT_TRUE(world.run([&] { return app.done() && server.done(); })) << "seed " << seed;
    EXPECT_EQ(app.completed(), 400U);
    EXPECT_EQ(app.failures(), 0U);
    EXPECT_EQ(app.verify_errors(), 0U);
    EXPECT_EQ(server.requests(), 400U);
  }
}

TEST(MtcpJobs, ServesWithEveryTrickOff) {
  std::vector<EngineCoreConfig> configs(6, engine_core_config(true, EngineThreads::kTwo));
  configs[0].jobs.job_batch = 1;
  configs[1].jobs.event_batch = 1;
  configs[2].jobs.batch_sends = false;
  configs[3].jobs.slots = 64;
  configs[4].engine.batch_events = false;
  configs[5].engine.threads = EngineThreads::kOne;
  for (const EngineCoreConfig& config : configs) {
    JobWorld world(config);
    world.server().apps().add<EchoServer>("server/app0", kStart, EchoServerConfig{kPort});
    auto& app = world.client().apps().add<RequestResponse>("client/app0", kBegin, requests(1000));
    ASSERT_TRUE(world.run([&] { return app.done(); }));
    EXPECT_EQ(app.completed(), 1000U);
    EXPECT_EQ(app.failures() + app.verify_errors(), 0U);
  }
}

TEST(MtcpJobs, TheSameTurnsGiveTheSameRun) {
  const auto play = [] {
    JobWorld world;
    world.server().apps().add<EchoServer>("server/app0", kStart, EchoServerConfig{kPort});
    auto& app = world.client().apps().add<RequestResponse>("client/app0", kBegin, requests(400));
    EXPECT_TRUE(world.run([&] { return app.done(); }));
    return std::tuple(world.frames(), world.turns(), world.now());
  };
  EXPECT_EQ(play(), play());
}

TEST(MtcpJobs, ALongStreamArrivesWholeAndBuffersComeHome) {
  JobWorld world;
  const BulkConfig load{.size_bytes = 20'000'000, .to = kEngineServer};
  auto& sink = world.server().apps().add<BulkSink>("server/app0", kStart, BulkSinkConfig{});
  auto& sender = world.client().apps().add<Bulk>("client/app0", kBegin, load);
  ASSERT_TRUE(world.run([&] { return sender.done() && sink.done(); }));
  EXPECT_EQ(sender.error(), Errno::kNone);
  EXPECT_EQ(sink.totals().bytes, load.size_bytes);
  EXPECT_EQ(sink.totals().verify_errors, 0U);
  EXPECT_TRUE(world.run([&] { return world.frames_out() == 0; }));
}

TEST(MtcpJobs, DatagramsKeepTheirBounds) {
  JobWorld world;
  world.server().apps().add<UdpEchoServer>("server/app0", kStart, UdpEchoServerConfig{});
  const UdpEchoConfig load{.count = 100, .interval = microseconds(50), .to = kEngineServer};
  auto& app = world.client().apps().add<UdpEcho>("client/app0", kBegin, load);
  ASSERT_TRUE(world.run([&] { return app.done(); }));
  EXPECT_EQ(app.answered(), 100U);
}

// An application that never reads holds back only its own connection.
TEST(MtcpJobs, WhoDoesNotReadDoesNotStopOthers) {
  class Deaf final : public App {
   public:
    Deaf(int, const AppContext& context) : sockets_(context.sockets) {}
    void start(Instant) override {
      const Fd fd = sockets_.socket(SocketKind::kStream).fd;
      EXPECT_EQ(sockets_.bind(fd, {IpAddress(), 5001}), Errno::kNone);
      EXPECT_EQ(sockets_.listen(fd, 16), Errno::kNone);
    }
    void on_ready(Instant) override {}
    [[nodiscard]] bool done() const override { return false; }
    void report(AppReport&) const override {}

   private:
    SocketApi& sockets_;
  };
  EngineCoreConfig server = engine_core_config(false, EngineThreads::kTwo);
  server.jobs.slots = 64;
  JobWorld world(engine_core_config(true, EngineThreads::kTwo), server);
  world.server().apps().add<Deaf>("server/deaf", kStart, 0);
  world.server().apps().add<EchoServer>("server/app0", kStart, EchoServerConfig{kPort});
  const BulkConfig load{.size_bytes = 4'000'000, .to = kEngineServer};
  for (const char* path : {"client/bulk0", "client/bulk1", "client/bulk2"}) {
    world.client().apps().add<Bulk>(path, kBegin, load);
  }
  auto& app = world.client().apps().add<RequestResponse>(
      "client/app0", kStart + std::chrono::milliseconds(50), requests(100));
  ASSERT_TRUE(world.run([&] { return app.done(); }));
  EXPECT_EQ(app.completed(), 100U);
}

// A client that asks and never hears: its jobs stay in their ring, and it is told to stop.
TEST(MtcpJobs, WhoNeverReapsGrowsNobodysMemory) {
  constexpr std::uint32_t kSlots = 64;
  AppPair pair;
  HeapPool at_client;
  HeapPool at_server;
  JobRings rings(kSlots, {at_client, at_server});
  HostStack stack(pair.client.sockets());
  JobServer server(rings, stack);
  JobClient client(rings);
  Outbox client_box;
  Outbox server_box;
  const auto serve = [&] {
    server.begin_turn(server_box);
    server.take(kStart, kSlots);
    server.give();
    ASSERT_TRUE(server_box.publish());
  };
  std::uint64_t submitted = 0;
  for (int turn = 0; turn < 1000; ++turn) {
    client.begin_turn(client_box);
    for (std::uint32_t i = 0; i < kSlots && client.takes_ops(); ++i, ++submitted) {
      StackOp op;
      op.kind = StackOpKind::kSetOption;
      client.submit(kStart, std::move(op));
    }
    ASSERT_TRUE(client_box.publish());
    serve();
  }
  EXPECT_FALSE(client.takes_ops());
  EXPECT_FALSE(server.ready()) << "nothing to do until the client reaps";
  EXPECT_LE(server.taken(), HostStack::kUnreapedMax + 4 * kSlots);
  EXPECT_LE(submitted, HostStack::kUnreapedMax + JobClient::kWaitingMax + 5 * kSlots);
  std::uint64_t reaped = 0;
  for (int turn = 0; turn < 1000 && reaped < submitted; ++turn) {
    client.begin_turn(client_box);
    std::array<StackCompletion, kSlots> done;
    reaped += client.reap(done);
    ASSERT_TRUE(client_box.publish());
    serve();
  }
  EXPECT_EQ(reaped, submitted) << "each completes in the end";
  EXPECT_TRUE(client.takes_ops());
  client.end();
  server.end();
}

}  // namespace
}  // namespace twinpath
