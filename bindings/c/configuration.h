// A host's description as text: the statements twinpath_host_create() reads. The scalars of
// HostConfig and TcpConfig come from their fields(), so that a new option needs no line here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/base/field.h"
#include "models/host/host_config.h"
#include "models/tcp/config.h"

namespace twinpath::bind {

// Who embeds a host brings Linux's calls and expects its habits: Minshall's form of Nagle's rule,
// and the first segments acknowledged at once.
inline TcpConfig embedded_tcp() {
  constexpr std::uint32_t kQuickAcks = 16;
  TcpConfig config;
  config.minshall = true;
  config.quick_acks = kQuickAcks;
  return config;
}

struct EmbeddedConfig {
  HostConfig host;
  TcpConfig tcp = embedded_tcp();
  // By port: frames begin at the IP header. Interfaces with a port of their own come first in
  // `host`, those that share one behind them.
  std::vector<bool> raw;
  std::vector<std::string> interface_names;  // by interface

  [[nodiscard]] std::size_t ports() const { return raw.size(); }
};

struct ConfigurationProblem {
  std::size_t line = 0;  // 0: about the whole
  std::string text;
};

// Longest text; what is longer is one problem.
inline constexpr std::size_t kConfigurationBytesMax = 1U << 20;

// Everything wrong at once; `config` is usable when there is nothing.
std::vector<ConfigurationProblem> read_configuration(std::string_view text, EmbeddedConfig& config);

// Every statement and option, a line each.
std::string describe_options();

}  // namespace twinpath::bind
