// See lwip_pair.h. A first connection is made before the clock starts: lwIP has no addresses known
// beforehand, and keeps one frame while it asks, so the rest of the first would wait three seconds.
#include "tests/bench/echo/lwip_pair.h"

#include <algorithm>

#include "bindings/lwip/lwip_library.h"
#include "models/foreign/lwip/lwip_app_host.h"

namespace twinpath::bench {
namespace {

class LwipPair {
 public:
  explicit LwipPair(PairPorts& base) : base_(base) {
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      HostConfig config = pair_host(i, kMtuBytes);
      config.neighbours.clear();
      hosts_[i] = std::make_unique<LwipAppHost>(config, bind::open_lwip(), base.pool);
      engines_[i] = std::make_unique<Engine>(EngineConfig(), *hosts_[i], base.ports[i]);
    }
  }

  // CPU seconds of `load`.
  double run(const EchoLoad& load) {
    hosts_[1]->add<EchoBenchServer>("server/app0", kStart, place(load));
    turn(1);
    EchoLoad first = load;
    first.connections = first.at_once = first.messages = 1;
    finish(hosts_[0]->add<EchoBenchClient>("client/app0", kStart, place(first)));
    const double begin = thread_cpu_s();
    finish(hosts_[0]->add<EchoBenchClient>("client/app1", kStart, place(load)));
    const double cpu_s = thread_cpu_s() - begin;
    for (int i = 0; i < kLastTurns; ++i) turn_both();
    return cpu_s;
  }

 private:
  static constexpr std::uint16_t kMtuBytes = 1500;
  static constexpr int kLastTurns = 1000;  // until the last connections are closed on both sides

  static EchoPlace place(const EchoLoad& load) { return {.load = load, .server = pair_address(1)}; }
  void finish(const EchoBenchClient& client) {
    while (!client.done()) turn_both();
  }
  void turn_both() {
    turn(0);
    turn(1);
  }
  void turn(std::size_t side) {
    const Instant now = clock_.now();
    base_.ports[side].advance(now);
    engines_[side]->run(now);
  }

  PairPorts& base_;
  emu::TscClock clock_;
  std::array<std::unique_ptr<LwipAppHost>, 2> hosts_;
  std::array<std::unique_ptr<Engine>, 2> engines_;
};

}  // namespace

EchoResult run_lwip(const EchoLoad& load, const LwipOptions& options) {
  PairPorts base({.huge_pages = options.huge_pages});
  pin_to_bench_cpu();
  EchoResult result;
  const std::uint64_t per_life = std::min(options.connections_per_life, kLwipConnectionsMax);
  for (std::uint64_t left = load.connections; left > 0;) {
    EchoLoad life = load;
    life.connections = std::min(left, per_life);
    left -= life.connections;
    result.cpu_s += LwipPair(base).run(life);
    result.transactions += life.transactions();
  }
  result.offloads = std::string("lwIP: none; ") + (base.eal.huge_pages() ? "2 MiB" : "4 kB") +
                    " pages; new hosts every " + std::to_string(per_life) +
                    " connections, as it walks a list of its TIME-WAITs";
  return result;
}

}  // namespace twinpath::bench
