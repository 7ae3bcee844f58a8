// The engine's threads: stack and applications on one each, rings between them, nothing shared.
// Free of DPDK, so the thread sanitizer runs it.
#include "emu/core_threads.h"

#include <gtest/gtest.h>

#include "models/app/bulk.h"
#include "models/app/request_response.h"
#include "tests/fakes/engine_pair.h"
#include "tests/fakes/port_wire.h"

namespace twinpath::emu {
namespace {

using namespace std::chrono_literals;

constexpr Instant kLatest = kStart + 60s;
constexpr Instant kBegin = kStart + 200ms;  // by then the server listens
constexpr CoreConfig kSchedule{.budget = 256};

// Both stacks on one thread, for the wire between them is that thread's; the applications of each
// side on a thread of their own where the configuration says so.
struct ThreadedPair {
  ThreadedPair(const EngineCoreConfig& client, const EngineCoreConfig& server,
               const CoreThreadsOptions& options = {.stack = {.schedule = kSchedule}})
      : pair(client, server, {wire.end(0), wire.end(1)}, pool), threads(pair.client, options) {
    threads.stack().add(pair.server.stack());
    if (pair.server.applications() == nullptr) return;
    server_apps = std::make_unique<Worker>(server_clock,
                                           WorkerOptions{.schedule = kSchedule, .all_wake = true});
    server_apps->add(*pair.server.applications());
    pair.server.set_job_wakers({server_apps.get(), &threads.stack()});
  }
  // Until `done`, which is asked on the thread of the client's applications.
  void run(const std::function<bool()>& done) {
    threads.set_finished([done](Instant now) { return done() || now >= kLatest; }, kLatest);
    if (server_apps) server_apps->start();
    threads.start();
    threads.join();
    if (!server_apps) return;
    server_apps->request_stop();
    server_apps->join();
  }

  HeapPool pool;
  PortWire wire;
  EnginePair pair;
  CoreThreads threads;
  TscClock server_clock;
  std::unique_ptr<Worker> server_apps;
};

// No end of requests where `count` is 0.
RequestResponse& add_requests(EnginePair& pair, std::uint32_t connections,
                              std::uint64_t count = 0) {
  pair.server.apps().add<EchoServer>("server/app0", kStart, EchoServerConfig{});
  RequestResponseConfig load;
  load.connections = connections;
  load.requests = count;
  load.per_connection = 5;
  load.to = kEngineServer;
  return pair.client.apps().add<RequestResponse>("client/app0", kBegin, load);
}

TEST(CoreThreads, RequestsAreAnsweredByEitherArrangement) {
  for (const EngineThreads client : {EngineThreads::kOne, EngineThreads::kTwo}) {
    for (const EngineThreads server : {EngineThreads::kOne, EngineThreads::kTwo}) {
      ThreadedPair world(engine_core_config(true, client), engine_core_config(false, server));
      RequestResponse& app = add_requests(world.pair, 20, 2000);
      world.run([&] { return app.done(); });
      EXPECT_EQ(app.completed(), 2000U);
      EXPECT_EQ(app.failures() + app.verify_errors(), 0U);
    }
  }
}

TEST(CoreThreads, AStreamOfManyBuffersArrivesWhole) {
  ThreadedPair world(engine_core_config(true, EngineThreads::kTwo),
                     engine_core_config(false, EngineThreads::kTwo));
  const BulkConfig load{.size_bytes = 10'000'000, .to = kEngineServer};
  auto& sink = world.pair.server.apps().add<BulkSink>("server/app0", kStart, BulkSinkConfig{});
  auto& sender = world.pair.client.apps().add<Bulk>("client/app0", kBegin, load);
  world.run([&] { return sender.done(); });
  EXPECT_EQ(sender.error(), Errno::kNone);
  EXPECT_EQ(sink.totals().bytes, load.size_bytes);
  EXPECT_EQ(sink.totals().verify_errors, 0U);
}

TEST(CoreThreads, TwoThreadsOfOneProcessorGiveWay) {
  EngineCoreConfig client = engine_core_config(true, EngineThreads::kTwo);
  CoreThreadsOptions options{.stack = {.cpu = 0, .schedule = kSchedule}, .applications_cpu = 0};
  options.stack.idle.spin = 1s;  // who polled on would keep the other waiting for a time slice
  ThreadedPair world(client, engine_core_config(false, EngineThreads::kOne), options);
  RequestResponse& app = add_requests(world.pair, 1, 500);
  world.run([&] { return app.done(); });
  EXPECT_EQ(app.completed(), 500U);
  EXPECT_LT(app.latency().quantile(0.5), 1'000'000U) << "ns; a time slice has at least 3 ms";
}

TEST(CoreThreads, StopsWithJobsUnderWay) {
  ThreadedPair world(engine_core_config(true, EngineThreads::kTwo),
                     engine_core_config(false, EngineThreads::kTwo));
  RequestResponse& app = add_requests(world.pair, 50);
  world.run([&] { return app.completed() > 1000; });
  EXPECT_GT(app.completed(), 1000U);
}

}  // namespace
}  // namespace twinpath::emu
