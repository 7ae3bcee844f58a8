// See worker.h.
#include "bindings/plan/worker.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace twinpath::bind {
namespace {

constexpr const char* kKinds[] = {"", "config", "run", "privilege", "port"};
constexpr auto kBetweenLines = std::chrono::milliseconds(100);

nlohmann::json to_json(const std::vector<Problem>& problems) {
  auto list = nlohmann::json::array();
  for (const Problem& problem : problems) {
    list.push_back({{"field", problem.field},
                    {"value", problem.value},
                    {"message", problem.message},
                    {"allowed", problem.allowed},
                    {"hint", problem.hint}});
  }
  return list;
}

std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, value);
  return text;
}

RunResult failed(std::string error, FailureKind kind) {
  RunResult result;
  result.status = "failed";
  result.error = std::move(error);
  result.kind = kind;
  return result;
}

}  // namespace

std::string to_json(const RunResult& result) {
  const auto seconds = std::chrono::duration<double>(result.model).count();
  nlohmann::json json{{"status", result.status},
                      {"error", result.error},
                      {"kind", kKinds[static_cast<std::size_t>(result.kind)]},
                      {"command", result.command},
                      {"problems", to_json(result.problems)},
                      {"fingerprint", hex(result.fingerprint)},
                      {"model_s", seconds},
                      {"frames", result.frames}};
  if (result.content_hash) json["content_hash"] = hex(*result.content_hash);
  if (!result.validity.empty()) json["validity"] = result.validity;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string answer(const std::function<RunResult()>& body) {
  return answer_text([&] { return to_json(body()); });
}

std::string answer_text(const std::function<std::string()>& body) {
  try {
    return body();
  } catch (const PlanError& error) {
    RunResult result = failed(error.what(), FailureKind::kConfig);
    result.problems = error.problems();
    return to_json(result);
  } catch (const std::exception& error) {
    return to_json(failed(error.what(), FailureKind::kRun));
  }
}

void die_with_parent() {
  const pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) raise(SIGTERM);
}

void Progress::at(Nanoseconds model) {
  if (fd_ < 0 || calls_++ % kCallsPerLook != 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + kBetweenLines;
  // A slow reader loses this line, a reader that has gone all of them.
  std::array<char, 24> line;
  const int length = std::snprintf(line.data(), line.size(), "%" PRId64 "\n", model.count());
  const ssize_t written = write(fd_, line.data(), static_cast<std::size_t>(length));
  if (written < 0 && errno != EAGAIN && errno != EINTR) fd_ = -1;
}

}  // namespace twinpath::bind
