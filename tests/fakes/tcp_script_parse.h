// Scripts as values: what one line of packetdrill's language says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "models/base/time.h"
#include "models/wire/ip.h"
#include "models/wire/tcp.h"

namespace twinpath::test {

// When something happens, or may happen.
struct ScriptTime {
  bool any = false;       // `*`
  bool relative = false;  // to the event before
  Duration from{};
  Duration until{};
};

struct ScriptSegment {
  bool outbound = false;
  TcpFlags flags;
  std::uint32_t seq = 0;
  std::uint32_t len = 0;
  std::optional<std::uint32_t> ack;
  std::optional<std::uint16_t> window;
  std::optional<Ecn> ecn;
  bool any_options = false;  // <...>
  TcpOptions options;
};

struct ScriptIcmp {
  std::uint8_t code = 0;  // of destination unreachable
  std::uint16_t mtu = 0;
  std::uint32_t seq = 0;  // quoted
};

struct ScriptCall {
  std::string name;
  std::vector<std::string> arguments;  // brackets and braces kept together
  std::int64_t result = 0;
  std::string error;  // ECONNRESET
};

struct ScriptEvent {
  unsigned line = 0;
  ScriptTime time;
  std::variant<ScriptSegment, ScriptIcmp, ScriptCall> what;
};

struct Script {
  Duration tolerance = std::chrono::milliseconds(4);  // packetdrill's own
  std::vector<ScriptEvent> events;
};

struct ScriptError {
  unsigned line;
  std::string message;
};

std::variant<Script, ScriptError> parse_script(std::string_view text);

}  // namespace twinpath::test
