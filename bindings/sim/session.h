// A run in lock step with the parent: it says how far to go, reads, sets, says how far to go.
// One JSON line each way (bindings/README.md). A session that only steps is the plain run: stopping
// the clock between two events changes neither. "set" names a host and a field of its TCP, or a
// link and a field of its Plan; what is set for a population is set for each member.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bindings/plan/live_metrics.h"
#include "bindings/plan/series.h"
#include "bindings/sim/world.h"

namespace twinpath::bind {

// The parent's ends of the talk.
struct SessionPipes {
  int commands_fd = -1;
  int answers_fd = -1;
};
SessionPipes parse_session(const std::string& job_json);

class Session {
 public:
  static constexpr auto kSampleEvery = std::chrono::milliseconds(10);  // flows' cwnd and goodput
  static constexpr std::size_t kCommandBytesMax = 1 << 16;

  Session(World& world, const SessionPipes& pipes);
  // Answers commands until "end" or the parent is gone. True: the awaited apps are done, or the
  // parent ended it before its time was used up.
  bool serve();

 private:
  nlohmann::json handle(const nlohmann::json& command);
  nlohmann::json state() const;
  nlohmann::json metrics();
  nlohmann::json set(const nlohmann::json& command);
  void set_host(const nlohmann::json& command, std::size_t host);
  void set_link(const nlohmann::json& command, std::size_t link);
  // What the simulated links did up to now, by direction.
  void export_links();
  bool read_line(std::string& line);
  void write_line(const std::string& line);

  World& world_;
  SessionPipes pipes_;
  std::string received_;
  LiveMetrics live_;
  std::deque<SeriesRecorder> series_;
  std::vector<LinkPlan> link_plans_;  // by index into world_.links(), as they are now
};

}  // namespace twinpath::bind
