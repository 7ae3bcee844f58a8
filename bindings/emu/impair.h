// `twinpath impair`: a scenario's link as a live box between any two DPDK ports.
#pragma once

#include <string>
#include <string_view>

namespace twinpath::bind {

// Runs until SIGINT, SIGTERM or the job's duration; answers with counters per direction as JSON.
std::string impair(std::string_view job_json);

}  // namespace twinpath::bind
