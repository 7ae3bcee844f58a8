// What one seed means: a world as plain data, so that a violation can print it.
#pragma once

#include <string>
#include <vector>

#include "models/app/http_get.h"
#include "models/app/request_response.h"
#include "models/app/udp_apps.h"
#include "models/base/heap_pool.h"
#include "models/host/host_config.h"
#include "models/port/link.h"
#include "models/tcp/config.h"
#include "tests/swarm/adversary.h"
#include "tests/swarm/moody.h"

namespace twinpath::swarm {

struct SwarmHost {
  HostConfig config;
  TcpConfig tcp;
};

struct Outage {
  Instant from;
  Instant until;
};

struct SwarmLink {
  std::size_t a = 0;  // hosts
  std::size_t b = 0;
  PortId port_a = 0;
  PortId port_b = 0;
  LinkConfig config;
  std::vector<Outage> outages;
};

enum class Traffic : std::uint8_t { kBulk, kHttp, kRequests, kMoody, kEcho };
inline constexpr std::size_t kTraffics = 5;

// One client and its server, at the two ends of a link.
struct SwarmFlow {
  Traffic traffic = Traffic::kBulk;
  std::size_t client = 0;
  std::size_t server = 0;
  IpAddress server_address;
  std::uint16_t port = 0;
  Instant start{};
  std::uint64_t bytes = 0;
  MoodyConfig moody{};
  SlowSinkConfig slow{};
  RequestResponseConfig requests{};
  UdpEchoConfig echo{};
  HttpGetConfig http{};
};

// A connection leaves its stack as an image and comes back, at some moment.
struct Move {
  Instant at;
  std::size_t host = 0;
  std::uint64_t which = 0;  // of the connections it has then, counted round
};

struct Scenario {
  std::uint64_t seed = 0;
  std::vector<SwarmHost> hosts;
  std::vector<SwarmLink> links;
  std::vector<SwarmFlow> flows;
  HeapPoolOptions pool;
  bool shared_pool = false;  // one for all hosts, as in the simulator
  Instant healed{};          // faults end here
  std::vector<Move> moves;
  AdversaryConfig adversary{};
};

Scenario make_scenario(std::uint64_t seed);
// The same world with nothing scarce that a moved connection would take otherwise than one that
// stayed: its data is in other buffers.
Scenario with_room(Scenario scenario);
// And with connections that move.
Scenario with_moves(Scenario scenario);
// The same world, again with room, with somebody on the path who forges.
Scenario with_adversary(Scenario scenario);
std::string describe(const Scenario& scenario);

}  // namespace twinpath::swarm
