// Goodput of one connection over 1 Gb/s and 100 ms of round trip: our stack, against Linux with the
// same congestion control through the same box (bdp_linux.py). A seed decides by frame index which
// frames the box loses or delays. In real time over net_ring with the box between; points `sim-...`
// in ns-3.
//   bench_bdp_loss --side ours --point [sim-]loss0|loss0.1|loss1|reorder[-bbr] [--seed N]
//     [--time SECONDS] [--queue BYTES]
#include <ns3/object-factory.h>
#include <ns3/simulator.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "emu/setup_error.h"
#include "models/app/bulk.h"
#include "sim/sim_time.h"
#include "sim/twinpath_helper.h"
#include "tests/bench/echo/stack_pair.h"

namespace {

using namespace twinpath;
using namespace twinpath::bench;

constexpr std::uint32_t kBufferMaxBytes = 64U << 20;
constexpr std::uint32_t kFrames = 65'535;
constexpr std::uint32_t kMemoryMib = 512;
constexpr unsigned long kTimerSlackNs = 1'000;
constexpr timespec kNap{.tv_sec = 0, .tv_nsec = 100'000};

struct Trial {
  std::string point = "loss0";
  std::string side = "ours";
  std::uint64_t seed = 1;
  double time_s = 60;
  std::uint64_t queue_bytes = 12'500'000;  // 1 Gb/s for 100 ms
  [[nodiscard]] Duration time() const { return Duration(static_cast<std::int64_t>(time_s * 1e9)); }
  [[nodiscard]] bool is_simulated() const { return point.starts_with("sim-"); }
};

LinkConfig link_of(const Trial& trial) {
  LinkConfig link{.rate_bps = 1'000'000'000,
                  .delay = std::chrono::milliseconds(50),
                  .queue_bytes = trial.queue_bytes};
  const auto has = [&](const char* text) { return trial.point.find(text) != std::string::npos; };
  if (has("loss1")) link.faults.loss = 0.01;
  if (has("loss0.1")) link.faults.loss = 0.001;
  if (has("reorder")) link.faults.reorder = 0.01;
  return link;
}

// Linux's limits of buffers, and Linux's congestion control.
TcpConfig tcp_of(const Trial& trial) {
  TcpConfig tcp;
  tcp.send_buffer_max_bytes = tcp.receive_buffer_max_bytes = kBufferMaxBytes;
  if (trial.point.ends_with("-bbr")) tcp.congestion = CongestionKind::kBbr;
  return tcp;
}

// Ahead of other programs, as the box between Linux's hosts is; it sleeps whenever nothing moves.
void go_first() {
  const sched_param lowest{.sched_priority = sched_get_priority_min(SCHED_FIFO)};
  sched_setscheduler(0, SCHED_FIFO, &lowest);
  prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
}

double in_real_time(const Trial& trial) {
  StackPairOptions options;
  options.tcp = tcp_of(trial);
  options.bufs = kFrames;
  options.memory_mib = kMemoryMib;
  options.huge_pages = false;
  options.link = PairLink{link_of(trial), trial.seed};
  StackPair pair(options);
  const auto& sink = pair.server().add<BulkSink>("server/app0", kStart, BulkSinkConfig{});
  go_first();
  pair.turn_server();
  const Instant begin = pair.now();
  BulkConfig load;
  load.to = pair.server_address();
  pair.client().add<Bulk>("client/app0", begin, load);
  const Instant end = begin + trial.time();
  while (pair.now() < end) {
    if (!pair.turn_both()) clock_nanosleep(CLOCK_MONOTONIC, 0, &kNap, nullptr);
  }
  return static_cast<double>(sink.totals().bytes);
}

Ipv4Address address_of(std::size_t end) {
  return Ipv4Address(static_cast<std::uint32_t>(0xc6120001 + end));
}

MacAddress mac_of(std::size_t end) { return MacAddress::from_u64(0x020000000001 + end); }

double in_simulation(const Trial& trial) {
  ns3::Simulator::SetScheduler(ns3::ObjectFactory("ns3::PriorityQueueScheduler"));
  sim::DirectLink link({.name = "box", .from_a = link_of(trial), .from_b = link_of(trial)},
                       Rng(trial.seed));
  std::array<ns3::Ptr<sim::TwinpathHost>, 2> hosts;
  for (std::size_t end = 0; end < hosts.size(); ++end) {
    hosts[end] = ns3::CreateObject<sim::TwinpathHost>();
    static_cast<TcpConfig&>(hosts[end]->config()) = tcp_of(trial);
    // Neighbours are known everywhere: the first frame is a SYN.
    hosts[end]->config().neighbours = {{address_of(1 - end), mac_of(1 - end), 0}};
    InterfaceConfig interface;
    interface.mac = mac_of(end);
    interface.addresses = {Ipv4Prefix(address_of(end), 24)};
    hosts[end]->add_interface(interface, link.end(end));
  }
  const auto& sink = hosts[1]->apps().add<BulkSink>("b/app0", kStart, BulkSinkConfig{});
  BulkConfig load;
  load.to = address_of(1);
  hosts[0]->apps().add<Bulk>("a/app0", kStart, load);
  ns3::Simulator::Stop(sim::to_ns3_time(trial.time()));
  ns3::Simulator::Run();
  const auto bytes = static_cast<double>(sink.totals().bytes);
  for (const auto& host : hosts) host->Dispose();
  ns3::Simulator::Destroy();
  return bytes;
}

Trial parse(int count, char** words) {
  Trial trial;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i];
    if (name == "--point") trial.point = words[i + 1];
    if (name == "--side") trial.side = words[i + 1];
    if (name == "--seed") trial.seed = std::strtoull(words[i + 1], nullptr, 10);
    if (name == "--time") trial.time_s = std::strtod(words[i + 1], nullptr);
    if (name == "--queue") trial.queue_bytes = std::strtoull(words[i + 1], nullptr, 10);
  }
  return trial;
}

}  // namespace

int main(int count, char** words) {
  const Trial trial = parse(count, words);
  if (trial.side != "ours") {
    std::fprintf(stderr, "the peer is tests/bench/bdp_linux.py\n");
    return 2;
  }
  try {
    const double bytes = trial.is_simulated() ? in_simulation(trial) : in_real_time(trial);
    std::printf("{\"value\":%.4f,\"unit\":\"Mb/s\",\"offloads\":\"ours: none\"}\n",
                bytes * 8 / trial.time_s / 1e6);
  } catch (const emu::SetupError& error) {
    std::fprintf(stderr, "%s; run `%s`\n", error.what(), error.command().c_str());
    return 4;
  }
  return 0;
}
