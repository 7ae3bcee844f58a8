// An emulation's turn log run again: the same hosts, turns, instants and frames, without DPDK and
// without a clock. What comes out must be what the emulation sent, byte by byte.
#pragma once

#include <string>

namespace twinpath::bind {

// The job of a run plus "log": {"path", "begin", "end", "stop_at_difference"}; begin and end are
// the records' place in the file. Answers like a run, with "turns", "chains", "chunks" and
// "difference". Throws PlanError for what the job asks and cannot be, std::runtime_error for a log
// that is none.
std::string replay(const std::string& job_json);

}  // namespace twinpath::bind
