// See stack_pair.h.
#include "tests/bench/echo/stack_pair.h"

#include <sched.h>

#include <fstream>

namespace twinpath::bench {
namespace {

constexpr std::array<const char*, 2> kAddresses = {"198.18.0.1/24", "198.18.0.2/24"};
constexpr std::uint64_t kFirstMac = 0x025450000000;
constexpr std::uint32_t kPageMib = 2;
constexpr std::uint32_t kMemoryMib = 128;

// Whether there are 2 MiB pages enough for DPDK.
bool huge_pages_free() {
  std::ifstream info("/proc/meminfo");
  for (std::string word; info >> word;) {
    std::uint32_t pages = 0;
    if (word == "HugePages_Free:" && info >> pages) return pages * kPageMib >= kMemoryMib;
  }
  return false;
}

HostConfig host_config(std::size_t number, std::uint16_t mtu_bytes) {
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

}  // namespace

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

StackPair::StackPair(const StackPairOptions& options)
    : eal_({.huge_pages = options.huge_pages && huge_pages_free(),
            .memory_mib = kMemoryMib,
            .cpu = kBenchCpu}),
      pool_({.name = "bench", .bufs = options.bufs, .frame_bytes_max = options.frame_bytes_max}),
      ring_(eal_, {.name = "bench"}),
      a_(eal_, {.device = ring_.end_a(), .mtu_bytes = options.mtu_bytes}, std::array{&pool_}),
      b_(eal_, {.device = ring_.end_b(), .mtu_bytes = options.mtu_bytes}, std::array{&pool_}),
      trusted_(options.trusted),
      ports_{emu::EthdevPort(a_, 0), emu::EthdevPort(b_, 0)},
      trusted_ports_{TrustedPort(ports_[0]), TrustedPort(ports_[1])} {
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    hosts_[i] = std::make_unique<AppHost>(host_config(i, options.mtu_bytes), options.tcp, pool_);
    Port& port = trusted_ ? static_cast<Port&>(trusted_ports_[i]) : ports_[i];
    engines_[i] = std::make_unique<Engine>(options.engine, *hosts_[i], port);
  }
}

IpAddress StackPair::server_address() const {
  return IpAddress(Ipv4Prefix::parse(kAddresses[1])->address());
}

std::string StackPair::offloads() const {
  return std::string(trusted_ ? "receivers check no sums; " : "none; both ends sum every byte; ") +
         (eal_.huge_pages() ? "2 MiB pages" : "4 kB pages");
}

void StackPair::turn(std::size_t side) {
  const Instant now = clock_.now();
  ports_[side].advance(now);
  engines_[side]->run(now);
}

void StackPair::run() {
  turn(1);  // it listens before anybody asks
  while (!client().done()) turn_both();
}

EchoResult run_ours(const EchoLoad& load, const StackPairOptions& options) {
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
