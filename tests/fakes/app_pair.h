// Two hosts with applications, joined by one link of the fake network: "client" 198.18.0.1 and
// "server" 198.18.0.2. What most tests of hosts, sockets and applications stand on.
#pragma once

#include "models/app/app_host.h"
#include "models/base/heap_pool.h"
#include "tests/fakes/fake_network.h"

namespace twinpath {

struct AppPairOptions {
  std::uint64_t seed = 1;
  LinkConfig link{.delay = std::chrono::milliseconds(5)};
  TcpConfig client_tcp{};
  TcpConfig server_tcp{};
  HostConfig client{};  // interfaces are filled in
  HostConfig server{};
  HeapPoolOptions pool{};
};

inline const Ipv4Address kClientAddress(0xc6120001);
inline const Ipv4Address kServerAddress(0xc6120002);

inline HostConfig with_interface(HostConfig config, const char* name, Ipv4Address address) {
  config.name = name;
  config.interfaces = {{.mac = MacAddress::from_u64(0x020000000000 | (address.value() & 0xff)),
                        .addresses = {Ipv4Prefix(address, 24)}}};
  return config;
}

class AppPair {
 public:
  explicit AppPair(const AppPairOptions& options = AppPairOptions())
      : client_pool(options.pool),
        server_pool(options.pool),
        client(with_interface(options.client, "client", kClientAddress), options.client_tcp,
               client_pool),
        server(with_interface(options.server, "server", kServerAddress), options.server_tcp,
               server_pool),
        network(options.seed) {
    const FakeHostId a = network.add("client", client);
    const FakeHostId b = network.add("server", server);
    wire = network.join("wire", {a, 0}, {b, 0}, options.link);
  }

  RunEnd run(Duration at_most) { return network.run_for(at_most); }
  RunEnd run_until(const std::function<bool()>& condition, Duration at_most) {
    return network.run_until(condition, {.until = after(network.now(), at_most)});
  }

  HeapPool client_pool;
  HeapPool server_pool;
  AppHost client;
  AppHost server;
  FakeNetwork network;  // last: frames under way go home before the pools
  FakeLinkId wire = 0;
};

}  // namespace twinpath
