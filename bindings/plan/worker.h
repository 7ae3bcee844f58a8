// What both workers need around a run: the result they answer with, errors as JSON instead of
// exceptions, progress lines, and dying with the parent so that nothing transmits unsupervised.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bindings/plan/plan.h"

namespace twinpath::bind {

// Why a run did not succeed, so that the parent raises the right exception and exit code.
enum class FailureKind : std::uint8_t {
  kNone,
  kConfig,     // problems has them all; exit 2
  kRun,        // exit 3
  kPrivilege,  // command is what helps; exit 4
  kPort,       // a DPDK port refused; exit 4
};

struct RunResult {
  std::string status = "done";  // done failed interrupted timeout
  std::string error;
  FailureKind kind = FailureKind::kNone;
  std::string command;
  std::vector<Problem> problems;
  std::uint64_t fingerprint = 0;
  std::optional<std::uint64_t> content_hash;  // of the connections of our stack, without times
  std::string validity;                       // valid suspect invalid; empty in sim
  Nanoseconds model{0};                       // model time reached
  std::uint64_t frames = 0;
};

// The worker's answer, and also the outcome_json of SqliteSink::end_run().
std::string to_json(const RunResult& result);

// Runs `body` and answers with its result; a PlanError or any other std::exception becomes a
// failed result, never a Python exception.
std::string answer(const std::function<RunResult()>& body);
// The same for a body that makes its own answer.
std::string answer_text(const std::function<std::string()>& body);

// The kernel sends SIGTERM to this process when its parent dies.
void die_with_parent();

// Writes the model time to a pipe, at most ten lines a second of wall time; a full or closed pipe
// is ignored. at() is cheap enough to call every turn.
class Progress {
 public:
  explicit Progress(int fd) : fd_(fd) {}  // -1: nobody listens
  void at(Nanoseconds model);

 private:
  static constexpr unsigned kCallsPerLook = 1024;  // reading the clock costs more than the call
  int fd_;
  unsigned calls_ = 0;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace twinpath::bind
