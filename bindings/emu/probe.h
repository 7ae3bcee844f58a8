// `testbed check`: what the ports of a test-bed are and can do, measured by a worker of its own.
#pragma once

#include <string>
#include <string_view>

namespace twinpath::bind {

// The job: {"netns":PATH,"rate_bps":0,"trial_ns":N,"ports":[{"name","device","mtu","queues"}],
// "ask":[{"port":NAME,"address":IPV4}]}; a device "net_ring" is one end of a ring, in pairs.
// Answers {"status","ports","cables","paths","answers","tsc"} as JSON.
std::string probe(std::string_view job_json);

}  // namespace twinpath::bind
