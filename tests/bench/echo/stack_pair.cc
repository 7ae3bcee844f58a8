// See stack_pair.h.
#include "tests/bench/echo/stack_pair.h"

#include <sched.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <vector>

#include "emu/worker.h"

namespace twinpath::bench {
namespace {

constexpr std::array<const char*, 2> kAddresses = {"198.18.0.1/24", "198.18.0.2/24"};
constexpr std::uint64_t kFirstMac = 0x025450000000;
constexpr std::uint32_t kPageMib = 2;
// By then a server on another thread listens.
constexpr Instant kListening = kStart + std::chrono::milliseconds(20);

// Whether there are 2 MiB pages enough for DPDK.
bool huge_pages_free(std::uint32_t memory_mib) {
  std::ifstream info("/proc/meminfo");
  for (std::string word; info >> word;) {
    std::uint32_t pages = 0;
    if (word == "HugePages_Free:" && info >> pages) return pages * kPageMib >= memory_mib;
  }
  return false;
}

}  // namespace

HostConfig pair_host(std::size_t number, std::uint16_t mtu_bytes) {
  HostConfig config;
  config.name = number == 0 ? "client" : "server";
  config.seed = number + 1;
  InterfaceConfig interface;
  interface.mac = MacAddress::from_u64(kFirstMac + number);
  interface.addresses = {*Ipv4Prefix::parse(kAddresses[number])};
  interface.mtu_bytes = mtu_bytes;
  config.interfaces = {interface};
  // Known beforehand: the first connections would wait for the answer.
  const std::size_t other = 1 - number;
  config.neighbours = {{Ipv4Prefix::parse(kAddresses[other])->address(),
                        MacAddress::from_u64(kFirstMac + other), 0}};
  return config;
}

IpAddress pair_address(std::size_t number) {
  return IpAddress(Ipv4Prefix::parse(kAddresses[number])->address());
}

void pin_to_bench_cpu() {
  cpu_set_t cpu;
  CPU_ZERO(&cpu);
  CPU_SET(kBenchCpu, &cpu);
  sched_setaffinity(0, sizeof(cpu), &cpu);
}

std::size_t TrustedPort::rx_burst(std::span<BufPtr> out) {
  const std::size_t got = inner().rx_burst(out);
  for (BufPtr& frame : out.first(got)) frame->flags |= kChecksumVerified;
  return got;
}

PairPorts::PairPorts(const StackPairOptions& options)
    : eal({.huge_pages = options.huge_pages && huge_pages_free(options.memory_mib),
           .memory_mib = options.memory_mib,
           .cpu = kBenchCpu}),
      pool({.name = "bench", .bufs = options.bufs, .frame_bytes_max = options.frame_bytes_max}),
      ring(eal, {.name = "bench"}),
      a(eal, {.device = ring.end_a(), .mtu_bytes = options.mtu_bytes}, std::array{&pool}),
      b(eal, {.device = ring.end_b(), .mtu_bytes = options.mtu_bytes}, std::array{&pool}),
      ports{emu::EthdevPort(a, 0), emu::EthdevPort(b, 0)} {}

StackPair::StackPair(const StackPairOptions& options)
    : base_(options),
      trusted_(options.trusted),
      trusted_ports_{TrustedPort(base_.ports[0]), TrustedPort(base_.ports[1])} {
  if (options.link) {
    const LinkConfig& way = options.link->both_ways;
    link_.emplace(base_.ports[0], LinkElementConfig{way, way}, Rng(options.link->seed), "box");
  }
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    hosts_[i] = std::make_unique<AppHost>(pair_host(i, options.mtu_bytes), options.tcp, base_.pool,
                                          options.sockets);
    Port* port = trusted_ ? static_cast<Port*>(&trusted_ports_[i]) : &base_.ports[i];
    if (i == 0 && link_) port = &*link_;
    engines_[i] = std::make_unique<Engine>(options.engine, *hosts_[i], *port);
  }
}

std::string StackPair::offloads() const {
  return std::string(trusted_ ? "receivers check no sums; " : "none; both ends sum every byte; ") +
         (base_.eal.huge_pages() ? "2 MiB pages" : "4 kB pages");
}

void StackPair::touch_buffers() {
  std::vector<BufPtr> all;
  while (PacketBuf* buf = base_.pool.take()) {
    std::memset(buf->room, 0, buf->capacity);
    all.emplace_back(buf);
  }
}

bool StackPair::turn(std::size_t side) {
  const Instant now = clock_.now();
  base_.ports[side].advance(now);
  if (side == 0 && link_) link_->begin_turn(now);
  const PumpWork work = engines_[side]->run(now);
  return work.received + work.sent > 0;
}

void StackPair::run() {
  turn(1);  // it listens before anybody asks
  while (!client().done()) turn_both();
}

namespace {

EchoResult run_threads(const EchoLoad& load, const StackPairOptions& options) {
  PairPorts base(options);
  std::array<std::optional<EngineCore>, 2> cores;
  for (std::size_t i = 0; i < 2; ++i) {
    const EngineCoreConfig config{
        .engine = options.engine, .host = pair_host(i, options.mtu_bytes), .tcp = options.tcp};
    cores[i].emplace(config, base.ports[i], base.pool);
  }
  const EchoPlace place{.load = load, .server = pair_address(1)};
  cores[1]->apps().add<EchoBenchServer>("server/app0", kStart, place);
  auto& client = cores[0]->apps().add<EchoBenchClient>("client/app0", kListening, place);
  emu::WorkerOptions shared{.cpu = kBenchCpu, .schedule = {.budget = kEngineBatchMax}};
  shared.idle.yields = true;
  std::array<emu::TscClock, 3> clocks;
  emu::Worker stacks(clocks[2], shared);
  std::array<emu::Worker, 2> apps{emu::Worker(clocks[0], shared), emu::Worker(clocks[1], shared)};
  for (std::size_t i = 0; i < 2; ++i) {
    stacks.add(base.ports[i]);
    stacks.add(cores[i]->stack());
    apps[i].add(*cores[i]->applications());
    cores[i]->set_job_wakers({&apps[i], &stacks});
  }
  std::atomic<bool> over{false};
  const auto is_over = [&](Instant) {
    if (client.done()) over = true;
    return over.load();
  };
  apps[0].set_finished(is_over, kNever);
  stacks.set_finished([&](Instant) { return over.load(); }, kNever);
  for (emu::Worker& worker : apps) worker.start();
  stacks.run();
  apps[1].request_stop();
  for (emu::Worker& worker : apps) worker.join();
  Duration cpu = stacks.stats().cpu;
  for (const emu::Worker& worker : apps) cpu += worker.stats().cpu;
  return {.transactions = load.transactions(),
          .cpu_s = 1e-9 * static_cast<double>(cpu.count()),
          .round_trips_ns = std::move(client.round_trips_ns()),
          .offloads = "none; both ends sum every byte"};
}

}  // namespace

EchoResult run_ours(const EchoLoad& load, const StackPairOptions& options) {
  if (options.engine.threads == EngineThreads::kTwo) return run_threads(load, options);
  StackPair pair(options);
  const EchoPlace place{.load = load, .server = pair.server_address()};
  pair.server().add<EchoBenchServer>("server/app0", kStart, place);
  auto& client = pair.client().add<EchoBenchClient>("client/app0", kStart, place);
  pin_to_bench_cpu();
  const double begin = thread_cpu_s();
  pair.run();
  EchoResult result{.transactions = load.transactions(),
                    .cpu_s = thread_cpu_s() - begin,
                    .round_trips_ns = std::move(client.round_trips_ns()),
                    .offloads = pair.offloads()};
  return result;
}

}  // namespace twinpath::bench
