// What idle connections cost: bytes of each end, and CPU time per request and answer of 64 B when
// they are asked in random order. Both ends are ours, over net_ring on one core. `peer` is the same
// with 10,000 connections, so the ratio says what the number alone makes slower.
//   bench_conn_scale --point 10k|100k|1M --side ours|peer [--transactions N]
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "emu/setup_error.h"
#include "tests/bench/echo/scale.h"
#include "tests/bench/echo/stack_pair.h"

namespace {

using namespace twinpath;
using namespace twinpath::bench;

constexpr std::uint32_t kFewConnections = 10'000;
constexpr std::uint64_t kTransactions = 400'000;
constexpr std::int64_t kQuietMaxNs = 20'000'000'000;
constexpr std::size_t kTimersOfHosts = 8;  // beside those of connections

std::uint32_t connections_of(const std::string& point) {
  if (point == "100k") return 100'000;
  return point == "1M" ? 1'000'000 : kFewConnections;
}

std::uint64_t resident_bytes() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm").ignore(64, ' ') >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// What is in memory now, in pages of 2 MiB wherever they fit; kernels without the call leave it.
void use_large_pages() {
  constexpr int kCollapse = 25;  // MADV_COLLAPSE of Linux 6.1
  constexpr std::uint64_t kLarge = 2U << 20;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long long begin = 0;
    unsigned long long end = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx rw-p", &begin, &end) != 2) continue;
    const std::uint64_t first = (begin + kLarge - 1) / kLarge * kLarge;
    if (first + kLarge > end) continue;
    madvise(reinterpret_cast<void*>(first), (end - first) / kLarge * kLarge, kCollapse);
  }
}

struct Answer {
  double us_per_transaction = 0;
  double idle_bytes = 0;
};

class Trial {
 public:
  Trial(const StackPairOptions& options, ScaleLoad load) : pair_(options) {
    load.server = pair_.server_address();
    connections_ = load.connections;
    pair_.server().add<ScaleServer>("server/app0", kStart, load);
    client_ = &pair_.client().add<ScaleClient>("client/app0", kStart, load);
    pair_.touch_buffers();
  }

  Answer run(std::uint64_t transactions) {
    pin_to_bench_cpu();
    const std::uint64_t before = resident_bytes();
    pair_.turn_server();
    while (!client_->is_open()) pair_.turn_both();
    wait_until_quiet();
    malloc_trim(0);
    const std::uint64_t grown = resident_bytes() - std::min(before, resident_bytes());
    use_large_pages();
    ask(transactions / 2);
    const double begin = thread_cpu_s();
    ask(transactions);
    const double cpu_s = thread_cpu_s() - begin;
    return {1e6 * cpu_s / static_cast<double>(transactions),
            static_cast<double>(grown) / (2.0 * connections_)};
  }

 private:
  void wait_until_quiet() {
    const std::int64_t end = monotonic_ns() + kQuietMaxNs;
    const auto armed = [this] {
      return pair_.client().ip().timers().size() + pair_.server().ip().timers().size();
    };
    while (armed() > kTimersOfHosts && monotonic_ns() < end) pair_.turn_both();
  }
  void ask(std::uint64_t transactions) {
    const std::uint64_t wanted = client_->answered() + transactions;
    client_->ask(pair_.now(), transactions);
    while (client_->answered() < wanted) pair_.turn_both();
  }

  StackPair pair_;
  ScaleClient* client_ = nullptr;
  std::uint32_t connections_ = 0;
};

StackPairOptions options_for(std::uint32_t connections) {
  StackPairOptions options;
  options.tcp.connections_max = 2 * connections;
  options.tcp.connections_per_listener_max = connections;
  options.tcp.ephemeral_port_min = 1024;
  options.tcp.ephemeral_port_max = 65535;
  // Answered at once, so that a transaction is three segments however rarely its connection is
  // asked.
  options.tcp.delayed_ack = Duration::zero();
  options.sockets.sockets_max = 2 * connections;
  return options;
}

}  // namespace

int main(int count, char** words) {
  std::string point = "10k";
  std::string side = "ours";
  std::uint64_t transactions = kTransactions;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i];
    if (name == "--point") point = words[i + 1];
    if (name == "--side") side = words[i + 1];
    if (name == "--transactions") transactions = std::strtoull(words[i + 1], nullptr, 10);
  }
  ScaleLoad load;
  load.connections = side == "ours" ? connections_of(point) : kFewConnections;
  try {
    Trial trial(options_for(load.connections), load);
    const Answer answer = trial.run(transactions);
    std::printf(
        "{\"value\":%.4f,\"idle_bytes_per_connection\":%.1f,\"offloads\":\"none; "
        "bytes of one end, its socket and its poller's entry included\"}\n",
        answer.us_per_transaction, answer.idle_bytes);
    std::fflush(stdout);
    std::_Exit(0);  // a million connections need no farewell
  } catch (const emu::SetupError& error) {
    std::fprintf(stderr, "%s; run `%s`\n", error.what(), error.command().c_str());
    return 4;
  }
}
