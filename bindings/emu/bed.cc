// See bed.h.
#include "bindings/emu/bed.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "bindings/plan/plan.h"
#include "emu/setup_error.h"

namespace twinpath::bind {

Bed parse_bed(std::string_view job_json) {
  Bed bed;
  const auto job = nlohmann::json::parse(job_json, nullptr, false);
  if (!job.is_object()) return bed;
  try {
    if (job.contains("turn_log") && job.at("turn_log").is_object()) {
      bed.turn_log = job.at("turn_log").at("path");
      bed.turn_log_header = job.at("turn_log").at("header");
    }
    if (!job.contains("bed")) return bed;
    const auto& given = job.at("bed");
    bed.netns = given.value("netns", "");
    bed.ready_fd = given.value("ready_fd", -1);
    bed.peers_fd = given.value("peers_fd", -1);
    bed.offloads_on = given.value("offloads_on", std::vector<std::string>());
    for (const auto& port : given.value("ports", nlohmann::json::array())) {
      bed.ports.push_back({port.at("host"), port.at("link"), port.at("device"),
                           port.value("rate_bps", std::int64_t{0})});
    }
  } catch (const nlohmann::json::exception& error) {
    throw PlanError({{"bed", "", error.what(), "", ""}});
  }
  return bed;
}

void enter_namespace(const std::string& path) {
  if (path.empty()) return;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int result = fd < 0 ? -1 : setns(fd, CLONE_NEWNET);
  const int why = errno;
  if (fd >= 0) close(fd);
  if (result != 0) {
    throw emu::SetupError("cannot enter the namespace " + path + ": " + std::strerror(why),
                          "ip netns list");
  }
}

int polling_cpu() {
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof(allowed), &allowed);
  if (CPU_COUNT(&allowed) < 2) return -1;
  int cpu = CPU_SETSIZE - 1;
  while (!CPU_ISSET(cpu, &allowed)) --cpu;
  return cpu;
}

namespace {

// From now on new threads of this process stay off `cpu`.
void leave_cpu(int cpu) {
  if (cpu < 0) return;
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof(allowed), &allowed);
  CPU_CLR(cpu, &allowed);
  sched_setaffinity(0, sizeof(allowed), &allowed);
}

}  // namespace

int prepare_process(const Bed& bed) {
  enter_namespace(bed.netns);
  const int cpu = polling_cpu();
  leave_cpu(cpu);
  return cpu;
}

}  // namespace twinpath::bind
