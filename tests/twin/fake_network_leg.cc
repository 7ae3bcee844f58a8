// The experiment on the fake network.
#include "models/base/heap_pool.h"
#include "tests/fakes/fake_network.h"
#include "tests/twin/core_host.h"
#include "tests/twin/experiment.h"

namespace twinpath::test {

Records run_on_fake_network(const Experiment& experiment) {
  HeapPool pool;
  std::vector<std::unique_ptr<Host>> hosts;
  FakeNetwork network(experiment.seed);
  Records records;
  for (const Machine& machine : experiment.machines) {
    hosts.push_back(machine.make_host ? machine.make_host(pool)
                                      : std::make_unique<CoreHost>(machine, pool));
    network.add(machine.name, *hosts.back());
  }
  for (const Wire& wire : experiment.wires) {
    network.join(wire.name, {wire.a.first, wire.a.second}, {wire.b.first, wire.b.second},
                 wire.both_ways);
  }
  network.watch([&](const SeenFrame& seen) {
    const std::string port =
        experiment.machines[seen.end.host].name + "/" + std::to_string(seen.end.port);
    const char direction = seen.direction == Direction::kReceive ? 'r' : 't';
    records[port].push_back({to_ns(seen.at), direction, {seen.bytes.begin(), seen.bytes.end()}});
  });
  network.run_until(experiment.until);
  for (FakeHostId id = 0; id < hosts.size(); ++id) network.remove(id);
  return records;
}

}  // namespace twinpath::test
