// Code in blocking style: it waits without blocking, is cancelled when its socket is closed, is
// bounded, and waiting costs no memory.
#include "models/app/task_app.h"

#include <gtest/gtest.h>

#include <functional>

#include "models/base/memory_sink.h"
#include "tests/fakes/app_pair.h"
#include "tests/unit/app/counted_new.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// An application whose run() is a function of the test.
class Scripted final : public TaskApp {
 public:
  struct Config {
    std::function<Task<>(Scripted&)> script;
    std::uint32_t tasks_max = TaskSet::kTasksMax;
  };
  Scripted(const Config& config, const AppContext& context)
      : TaskApp(context, config.tasks_max), script_(config.script) {}

  using TaskApp::context;
  using TaskApp::datagram;
  using TaskApp::fail;
  using TaskApp::listen;
  using TaskApp::now;
  using TaskApp::sleep;
  using TaskApp::spawn;
  using TaskApp::stream;
  using TaskApp::tasks;

 private:
  Task<> run() override { return script_(*this); }
  std::function<Task<>(Scripted&)> script_;
};

using Script = std::function<Task<>(Scripted&)>;

Scripted& add(AppHost& host, Script script, std::uint32_t tasks_max = TaskSet::kTasksMax) {
  return host.add<Scripted>("client/app", kStart, Scripted::Config{std::move(script), tasks_max});
}

std::vector<std::byte> numbered(std::size_t bytes) {
  std::vector<std::byte> data(bytes);
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::byte>(i * 7 + i / 251);
  return data;
}

Task<> echo(TaskSocket socket) {
  std::array<std::byte, 4096> data;
  for (;;) {
    const std::int64_t got = co_await socket.receive(data);
    if (got <= 0) co_return;
    const Errno error = co_await socket.send_all(std::span(data).first(std::size_t(got)));
    if (error != Errno::kNone) co_return;
  }
}

Task<> echo_server(Scripted& self) {
  TaskSocket listener = self.listen(7);
  for (;;) {
    AcceptedSocket accepted = co_await listener.accept();
    if (accepted.error != Errno::kNone) co_return;
    self.spawn(echo(std::move(accepted.socket)));
  }
}

TEST(Task, ATransferIsWrittenTopToBottom) {
  AppPair pair;
  add(pair.server, echo_server);
  const std::vector<std::byte> sent = numbered(300'000);
  std::vector<std::byte> back(sent.size());
  std::int64_t got = 0;
  Instant slept_from{};
  Instant slept_to{};
  Scripted& client = add(pair.client, [&](Scripted& self) -> Task<> {
    TaskSocket socket = self.stream();
    EXPECT_EQ(co_await socket.connect({kServerAddress, 7}), Errno::kNone);
    // The echo fills both windows unless somebody reads: two tasks, one socket.
    self.spawn([](TaskSocket& to, std::span<const std::byte> data) -> Task<> {
      EXPECT_EQ(co_await to.send_all(data), Errno::kNone);
    }(socket, sent));
    got = co_await socket.receive_all(back);
    slept_from = self.now();
    co_await self.sleep(milliseconds(250));
    slept_to = self.now();
  });
  EXPECT_EQ(pair.run_until([&] { return client.done(); }, seconds(60)), RunEnd::kMet);
  EXPECT_EQ(got, std::int64_t(sent.size()));
  EXPECT_EQ(back, sent);
  EXPECT_EQ(slept_to - slept_from, milliseconds(250));
}

TEST(Task, ErrorsAreResults) {
  AppPair pair;
  Errno refused = Errno::kNone;
  Errno none = Errno::kNone;
  Scripted& client = add(pair.client, [&](Scripted& self) -> Task<> {
    TaskSocket socket = self.stream();
    refused = co_await socket.connect({kServerAddress, 9});
    socket.close();
    none = co_await socket.send_all(numbered(1));
  });
  EXPECT_EQ(pair.run_until([&] { return client.done(); }, seconds(60)), RunEnd::kMet);
  EXPECT_EQ(refused, Errno::kConnectionRefused);
  EXPECT_EQ(none, Errno::kBadDescriptor);
}

TEST(Task, ClosingASocketCancelsWhoWaitsAtIt) {
  AppPair pair;
  std::vector<Errno> ends;
  Instant cancelled{};
  Scripted& server = add(pair.server, [&](Scripted& self) -> Task<> {
    TaskSocket listener = self.listen(7);
    const auto wait = [&](TaskSocket& at) -> Task<> {
      const AcceptedSocket accepted = co_await at.accept();
      ends.push_back(accepted.error);
      cancelled = self.now();
    };
    self.spawn(wait(listener));
    self.spawn(wait(listener));  // one may wait
    co_await self.sleep(seconds(1));
    listener.close();
    co_await self.sleep(seconds(1));
  });
  EXPECT_EQ(pair.run_until([&] { return server.done(); }, seconds(60)), RunEnd::kMet);
  EXPECT_EQ(ends, (std::vector{Errno::kAlready, Errno::kCanceled}));
  EXPECT_EQ(cancelled, kStart + seconds(1));
}

TEST(Task, TasksAreBounded) {
  AppPair pair;
  int ran = 0;
  std::vector<bool> accepted;
  // Not inside the task below: the last of them outlives it, and what a task captured must not go.
  const auto one = [&ran](Scripted& at) -> Task<> {
    ++ran;
    co_await at.sleep(seconds(1));
  };
  Scripted& app = add(
      pair.client,
      [&](Scripted& self) -> Task<> {
        for (int i = 0; i < 4; ++i) accepted.push_back(self.spawn(one(self)));
        co_await self.sleep(seconds(2));
        accepted.push_back(self.spawn(one(self)));
      },
      3);
  EXPECT_EQ(pair.run_until([&] { return app.done(); }, seconds(60)), RunEnd::kMet);
  EXPECT_EQ(accepted, (std::vector{true, true, false, false, true}));
  EXPECT_EQ(ran, 3);
}

TEST(Task, ATaskThatThrowsEndsAloneAndIsReported) {
  AppPair pair;
  bool caught = false;
  Scripted& app = add(pair.client, [&](Scripted& self) -> Task<> {
    const auto thrower = [](Scripted& at) -> Task<int> {
      co_await at.sleep(milliseconds(1));
      throw std::runtime_error("no good");
    };
    try {
      static_cast<void>(co_await thrower(self));
    } catch (const std::runtime_error&) {
      caught = true;
    }
    static_cast<void>(co_await thrower(self));
  });
  EXPECT_EQ(pair.run_until([&] { return app.done(); }, seconds(60)), RunEnd::kMet);
  EXPECT_TRUE(caught);
  MemorySink sink;
  pair.client.export_results(sink);
  EXPECT_EQ(sink.find(metric::kFailures, "client/app"), 1);
}

TEST(Task, UnfinishedTasksGoWithTheirHost) {
  int destroyed = 0;
  struct Guard {
    int& count;
    ~Guard() { ++count; }
  };
  {
    AppPair pair;
    add(pair.server, echo_server);
    add(pair.client, [&](Scripted& self) -> Task<> {
      const Guard outer{destroyed};
      TaskSocket socket = self.stream();
      EXPECT_EQ(co_await socket.connect({kServerAddress, 7}), Errno::kNone);
      const auto read = [&](TaskSocket& from) -> Task<std::int64_t> {
        const Guard inner{destroyed};
        std::array<std::byte, 8> data;
        co_return co_await from.receive(data);
      };
      EXPECT_EQ(co_await read(socket), 0);
    });
    pair.run(seconds(1));
    EXPECT_EQ(destroyed, 0);
  }
  EXPECT_EQ(destroyed, 2);
}

TEST(Task, DatagramsGoBothWays) {
  AppPair pair;
  add(pair.server, [](Scripted& self) -> Task<> {
    TaskSocket socket = self.datagram();
    EXPECT_EQ(socket.bind({IpAddress(), 7}), Errno::kNone);
    for (;;) {
      const Received asked = co_await socket.receive_slice(2000);
      if (asked.result < 0) co_return;
      EXPECT_EQ(co_await socket.send_to(asked.source, asked.data.bytes()), Errno::kNone);
    }
  });
  std::int64_t got = 0;
  Scripted& client = add(pair.client, [&](Scripted& self) -> Task<> {
    TaskSocket socket = self.datagram();
    EXPECT_EQ(co_await socket.send_to({kServerAddress, 7}, numbered(100)), Errno::kNone);
    got = (co_await socket.receive_slice(2000)).result;
  });
  EXPECT_EQ(pair.run_until([&] { return client.done(); }, seconds(60)), RunEnd::kMet);
  EXPECT_EQ(got, 100);
}

// Sleeping, and waiting for a socket: the operation is part of the frame.
TEST(Task, AwaitingAllocatesNothing) {
  AppPair pair;
  add(pair.server, echo_server);
  std::uint64_t sleeping = 0;
  std::uint64_t asking = 0;
  Scripted& client = add(pair.client, [&](Scripted& self) -> Task<> {
    TaskSocket socket = self.stream();
    EXPECT_EQ(co_await socket.connect({kServerAddress, 7}), Errno::kNone);
    std::array<std::byte, 64> data{};
    for (int i = 0; i < 3000; ++i) {
      if (i == 1000) asking = test::allocations();
      co_await socket.send_all(data);
      co_await socket.receive_all(data);
    }
    asking = test::allocations() - asking;
    sleeping = test::allocations();
    for (int i = 0; i < 1000; ++i) co_await self.sleep(milliseconds(1));
    sleeping = test::allocations() - sleeping;
  });
  EXPECT_EQ(pair.run_until([&] { return client.done(); }, seconds(600)), RunEnd::kMet);
  EXPECT_EQ(sleeping, 0);
  EXPECT_EQ(asking, 0);
}

}  // namespace
}  // namespace twinpath
