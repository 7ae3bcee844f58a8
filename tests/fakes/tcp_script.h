// Runs conformance scripts in packetdrill's language against one TcpStack under virtual time. The
// subset: times (`+0.1`, `0.5`, `*`, and windows `+0~+0.5`), segments in and out with flags,
// sequence numbers, ack, win and options (`<...>` = any), IP ECN marks, ICMP errors, and the socket
// calls that scripts of TCP use. Comments are //. `--tolerance_usecs=N` widens every time.
//
// Numbers are packetdrill's: sequence numbers are relative to each side's SYN, and outbound
// timestamps to the first one the script expects.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/tcp/config.h"

namespace twinpath::test {

struct ScriptResult {
  // Empty when the script passed; otherwise one sentence with the line it is about.
  std::string failure;
  unsigned line = 0;
  [[nodiscard]] bool passed() const { return failure.empty(); }
};

ScriptResult run_tcp_script(std::string_view text, const TcpConfig& config = TcpConfig());

}  // namespace twinpath::test
