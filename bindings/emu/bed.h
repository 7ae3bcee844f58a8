// What the parent tells the worker about the network it made: which DPDK device stands for which
// end of which link, and how both talk while the run goes on. Part of the job, beside the Plan.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twinpath::bind {

struct BedPort {
  std::string host;
  std::string link;
  std::string device;         // as DPDK names it: "net_af_packet0,iface=p0a"
  std::int64_t rate_bps = 0;  // never sends faster; 0: no limit
};

struct Bed {
  std::string netns;           // path of the namespace the devices are in; empty: this one
  std::vector<BedPort> ports;  // empty on net_ring
  std::vector<std::string> offloads_on;  // what should be off and is not
  int ready_fd = -1;                     // the worker writes a line once it polls
  int peers_fd = -1;            // the parent writes the path of each Linux app that is done
  std::string turn_log;         // where to write it; empty: nowhere
  std::string turn_log_header;  // JSON: all that a replay needs beside the records
};

// The "bed" object of a job; an empty Bed when there is none. Throws PlanError.
Bed parse_bed(std::string_view job_json);

// Puts the process into the namespace at `path`. Throws SetupError.
void enter_namespace(const std::string& path);

// The CPU to poll on: the last this process may use, the others being left to peers and recorders;
// -1 when there is only one.
int polling_cpu();
// Into the namespace of `bed`; new threads stay off the CPU that is answered, the one to poll on.
// Throws SetupError.
int prepare_process(const Bed& bed);

}  // namespace twinpath::bind
