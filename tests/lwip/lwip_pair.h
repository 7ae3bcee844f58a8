// One host of ours and one of lwIP, or two of lwIP, joined by one link of the fake network.
#pragma once

#include "bindings/lwip/lwip_library.h"
#include "models/foreign/lwip/lwip_app_host.h"
#include "tests/fakes/app_pair.h"

namespace twinpath {

struct MixedPairOptions {
  std::uint64_t seed = 1;
  LinkConfig link{.delay = std::chrono::milliseconds(5)};
};

inline HostConfig seeded(const char* name, Ipv4Address address, std::uint64_t seed) {
  HostConfig config = with_interface({}, name, address);
  config.seed = hash_text(seed, name);
  return config;
}

// `Client` and `Server` are AppHost or LwipAppHost.
template <typename H>
std::unique_ptr<H> make_host(const HostConfig& config, BufPool& pool) {
  if constexpr (std::is_same_v<H, LwipAppHost>) {
    return std::make_unique<LwipAppHost>(config, bind::open_lwip(), pool);
  } else {
    return std::make_unique<H>(config, TcpConfig(), pool);
  }
}

template <typename Client, typename Server>
class MixedPair {
 public:
  explicit MixedPair(const MixedPairOptions& options = MixedPairOptions())
      : client(make_host<Client>(seeded("client", kClientAddress, options.seed), pool)),
        server(make_host<Server>(seeded("server", kServerAddress, options.seed), pool)),
        network(options.seed) {
    const FakeHostId a = network.add("client", *client);
    const FakeHostId b = network.add("server", *server);
    network.join("wire", {a, 0}, {b, 0}, options.link);
  }
  RunEnd run_until(const std::function<bool()>& condition, Duration at_most) {
    return network.run_until(condition, {.until = after(network.now(), at_most)});
  }

  HeapPool pool;
  std::unique_ptr<Client> client;
  std::unique_ptr<Server> server;
  FakeNetwork network;  // last: frames under way go home before the pool
};

}  // namespace twinpath
