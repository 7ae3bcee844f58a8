// Applications in blocking style under all three drivers: a server that serves each client in a
// task of its own, and a client that connects, asks, sleeps, asks again.
#include <gtest/gtest.h>

#include "models/app/task_app.h"
#include "tests/twin/everywhere.h"

namespace twinpath::test {
namespace {

constexpr std::uint16_t kPort = 7;
constexpr std::uint32_t kQuestionBytes = 64;
constexpr std::uint32_t kAnswerBytes = 20'000;

class Answers final : public TaskApp {
 public:
  struct Config {};
  Answers(const Config&, const AppContext& context) : TaskApp(context) {}

 private:
  Task<> run() override {
    TaskSocket listener = listen(kPort);
    for (;;) {
      AcceptedSocket accepted = co_await listener.accept();
      if (accepted.error != Errno::kNone) co_return;
      spawn(serve(std::move(accepted.socket)));
    }
  }
  Task<> serve(TaskSocket socket) {
    std::array<std::byte, kQuestionBytes> question;
    std::vector<std::byte> answer(kAnswerBytes);
    while (co_await socket.receive_all(question) == kQuestionBytes) {
      co_await sleep(std::chrono::milliseconds(3));
      std::fill(answer.begin(), answer.end(), question[0]);
      if (co_await socket.send_all(answer) != Errno::kNone) co_return;
    }
  }
};

class Asks final : public TaskApp {
 public:
  struct Config {
    int questions = 10;
    int* answered;
  };
  Asks(const Config& config, const AppContext& context) : TaskApp(context), config_(config) {}

 private:
  Task<> run() override {
    for (int client = 0; client < 3; ++client) spawn(ask(static_cast<std::byte>(client)));
    co_return;
  }
  Task<> ask(std::byte name) {
    TaskSocket socket = stream();
    if (co_await socket.connect({kSecond, kPort}) != Errno::kNone) co_return;
    std::vector<std::byte> answer(kAnswerBytes);
    std::array<std::byte, kQuestionBytes> question;
    question.fill(name);
    for (int i = 0; i < config_.questions; ++i) {
      co_await socket.send_all(question);
      if (co_await socket.receive_all(answer) != kAnswerBytes) co_return;
      if (answer.front() == name && answer.back() == name) ++*config_.answered;
      co_await sleep(std::chrono::milliseconds(i));
    }
  }
  Config config_;
};

TEST(Twin, TasksInBlockingStyle) {
  int answered = 0;
  const auto client = stack(1, [&](AppHost& host) {
    host.add<Asks>("host1/app0", kStart, Asks::Config{.answered = &answered});
  });
  const auto server =
      stack(2, [](AppHost& host) { host.add<Answers>("host2/app0", kStart, Answers::Config()); });
  const Experiment experiment{.machines = {client, server},
                              .wires = {{"wire", {0, 0}, {1, 0}, bad_link()}},
                              .until = at_ns(60'000'000'000),
                              .seed = 11};
  expect_equal_everywhere(experiment, 500);
  EXPECT_EQ(answered, 3 * 3 * 10) << "clients, drivers, questions";
}

}  // namespace
}  // namespace twinpath::test
