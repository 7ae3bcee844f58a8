// An application in blocking style: it reads top to bottom, and every co_await lets model time pass
// while others run. Several conversations with an echo_server at a time, each a task of its own.
#include <cstring>

#include "models/native/app.h"

namespace {

using namespace std::chrono_literals;
using twinpath::AppContext;
using twinpath::AppReport;
using twinpath::Duration;
using twinpath::Errno;
using twinpath::Field;
using twinpath::Instant;
using twinpath::Limits;
using twinpath::Task;
using twinpath::TaskSocket;

class Asker final : public twinpath::TaskApp {
 public:
  struct Config {
    std::uint32_t count = 10;
    std::uint32_t conversations = 2;
    std::uint32_t answer_bytes = 10'000;
    Duration pause = 10ms;
    twinpath::IpAddress to{};

    static constexpr auto fields() {
      return std::tuple(Field{"count", "questions of one conversation", &Config::count,
                              Limits{.min = 1, .max = 1e6}},
                        Field{"conversations", "connections at a time", &Config::conversations,
                              Limits{.min = 1, .max = 10'000}},
                        Field{"answer_bytes", "length of an answer", &Config::answer_bytes,
                              Limits{.unit = "bytes", .min = 1, .max = 1e7}},
                        Field{"pause", "between an answer and the next question", &Config::pause,
                              Limits{.unit = "ns", .min = 0, .max = 1e12}});
    }
  };

  Asker(const Config& config, const AppContext& context) : TaskApp(context), config_(config) {}

  void report(AppReport& report) const override {
    TaskApp::report(report);
    report.scalar(twinpath::metric::kRequests, static_cast<double>(answers_));
    report.histogram(twinpath::metric::kLatency, latency_);
  }

 private:
  static constexpr std::uint16_t kEchoPort = 7;
  static constexpr std::uint32_t kQuestionBytes = 64;

  Task<> run() override {
    for (std::uint32_t i = 0; i < config_.conversations; ++i) spawn(converse());
    co_return;
  }

  Task<> converse() {
    TaskSocket socket = stream();
    const Errno error = co_await socket.connect({config_.to, kEchoPort});
    if (error != Errno::kNone) co_return fail("connect", error);
    const std::array<std::byte, kQuestionBytes> question = header();
    std::vector<std::byte> answer(config_.answer_bytes);
    for (std::uint32_t i = 0; i < config_.count; ++i) {
      const Instant asked = now();
      const Errno sent = co_await socket.send_all(question);
      if (sent != Errno::kNone) co_return fail("send", sent);
      const std::int64_t got = co_await socket.receive_all(answer);
      if (got != config_.answer_bytes) co_return fail("receive", twinpath::errno_of(got));
      ++answers_;
      latency_.add(static_cast<std::uint64_t>((now() - asked).count()));
      co_await sleep(config_.pause);
    }
  }

  // What an echo_server expects: the lengths of question and answer, most significant byte first.
  [[nodiscard]] std::array<std::byte, kQuestionBytes> header() const {
    std::array<std::byte, kQuestionBytes> question{};
    for (std::uint32_t i = 0; i < 4; ++i) {
      question[i] = static_cast<std::byte>(kQuestionBytes >> (8 * (3 - i)));
      question[4 + i] = static_cast<std::byte>(config_.answer_bytes >> (8 * (3 - i)));
    }
    return question;
  }

  Config config_;
  std::uint32_t answers_ = 0;
  twinpath::Histogram latency_;
};

}  // namespace
TWINPATH_APP(Asker)
