// Requests and answers of 64 B between two ends on one core: our stack over net_ring against
// Linux's over its loopback, or against lwIP's over net_ring. CPU time of both ends counts,
// TIME-WAIT, timestamps (not lwIP's: it has none), checksums and random sequence numbers are on.
// Points: `linux` and `linux-default` (a connection per request, Linux as fast as its calls go and
// as commonly programmed), `lwip` and `lwip-time-wait` (the same against Debian's lwIP: with few
// connections in TIME-WAIT, and with as many as it has ports for), `p50` and `p99` (one connection,
// round trips in microseconds), a number (requests per connection), a trick of the engine (`peer`
// is the same stack without it; `none`: without any; `threads`: applications on a thread of their
// own). With `-default` behind it a point has Linux as commonly programmed.
//   bench_echo --point LABEL --side ours|peer [--transactions N] [--pages 4k]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "emu/setup_error.h"
#include "tests/bench/echo/linux.h"
#include "tests/bench/echo/lwip_pair.h"
#include "tests/bench/echo/stack_pair.h"

namespace {

using namespace twinpath::bench;
using twinpath::EngineConfig;

constexpr std::uint64_t kShortTransactions = 30'000;
constexpr std::uint64_t kLongTransactions = 200'000;
constexpr std::uint64_t kRoundTrips = 200'000;
constexpr std::uint64_t kConnectionsMin = 2'000;
constexpr std::uint64_t kLwipLife = 500;
constexpr std::string_view kDefaultStyle = "-default";

// A trick switched off by its point's name, for `peer` alone; nothing for other points.
std::optional<EngineConfig> without(const std::string& trick) {
  EngineConfig config;
  if (trick == "rx-batch") {
    config.rx_batch = 1;
  } else if (trick == "tx-batch") {
    config.tx_batch = 1;
  } else if (trick == "events") {
    config.batch_events = false;
  } else if (trick == "transmit") {
    config.batch_transmit = false;
  } else if (trick == "order") {
    config.prioritise = false;
  } else if (trick == "threads") {
    config.threads = twinpath::EngineThreads::kTwo;
  } else if (trick == "none") {
    config = {.rx_batch = 1,
              .tx_batch = 1,
              .batch_events = false,
              .batch_transmit = false,
              .prioritise = false};
  } else {
    return std::nullopt;
  }
  return config;
}

struct Trial {
  std::string point = "linux";
  std::string side = "ours";
  std::uint64_t transactions = 0;
  bool huge_pages = true;
  LinuxStyle linux_style = LinuxStyle::kTuned;
  [[nodiscard]] bool is_short() const {
    return point.starts_with("linux") || is_lwip() || without(point).has_value();
  }
  [[nodiscard]] bool is_lwip() const { return point.starts_with("lwip"); }
  [[nodiscard]] bool is_timed() const { return point.starts_with("p"); }
};

Trial parse(int count, char** words) {
  Trial trial;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i];
    if (name == "--point") trial.point = words[i + 1];
    if (name == "--side") trial.side = words[i + 1];
    if (name == "--pages") trial.huge_pages = std::string(words[i + 1]) != "4k";
    if (name == "--transactions") trial.transactions = std::strtoull(words[i + 1], nullptr, 10);
  }
  if (trial.point.ends_with(kDefaultStyle)) {
    trial.linux_style = LinuxStyle::kDefault;
    trial.point.resize(trial.point.size() - kDefaultStyle.size());
  }
  return trial;
}

EchoLoad load_of(const Trial& trial) {
  EchoLoad load;
  load.timed = trial.is_timed();
  if (load.timed) {
    load.connections = load.at_once = 1;
    load.messages =
        static_cast<std::uint32_t>(trial.transactions > 0 ? trial.transactions : kRoundTrips);
    return load;
  }
  load.messages = trial.is_short()
                      ? 1
                      : static_cast<std::uint32_t>(std::max(1, std::atoi(trial.point.c_str())));
  const std::uint64_t wanted = trial.transactions > 0            ? trial.transactions
                               : trial.point == "lwip-time-wait" ? kLwipConnectionsMax
                               : load.messages == 1              ? kShortTransactions
                                                                 : kLongTransactions;
  load.connections = std::max(kConnectionsMin, wanted / load.messages);
  load.connections = std::min(load.connections, kShortTransactions);
  if (trial.transactions > 0) load.connections = trial.transactions;
  return load;
}

double percentile_us(std::vector<std::uint32_t> values_ns, double share) {
  const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(values_ns.size() - 1));
  std::nth_element(values_ns.begin(), values_ns.begin() + rank, values_ns.end());
  return values_ns[static_cast<std::size_t>(rank)] / 1e3;
}

}  // namespace

int main(int count, char** words) {
  const Trial trial = parse(count, words);
  const EchoLoad load = load_of(trial);
  EchoResult result;
  try {
    const std::optional<EngineConfig> reduced = without(trial.point);
    if (trial.side == "ours") {
      result = run_ours(load, {.huge_pages = trial.huge_pages});
    } else if (reduced) {
      result = run_ours(load, {.engine = *reduced, .huge_pages = trial.huge_pages});
    } else if (trial.is_lwip()) {
      const bool whole = trial.point == "lwip-time-wait";
      result = run_lwip(load, {.connections_per_life = whole ? kLwipConnectionsMax : kLwipLife,
                               .huge_pages = trial.huge_pages});
    } else {
      result = run_linux(load, trial.linux_style);
    }
  } catch (const twinpath::emu::SetupError& error) {
    std::fprintf(stderr, "%s; run `%s`\n", error.what(), error.command().c_str());
    return 4;
  }
  double value = 1e6 * result.cpu_s / static_cast<double>(result.transactions);
  if (trial.is_timed()) {
    value = percentile_us(std::move(result.round_trips_ns), trial.point == "p99" ? 0.99 : 0.5);
  }
  std::printf("{\"value\":%.4f,\"unit\":\"us\",\"transactions\":%llu,\"offloads\":\"%s\"}\n", value,
              static_cast<unsigned long long>(result.transactions), result.offloads.c_str());
  return 0;
}
