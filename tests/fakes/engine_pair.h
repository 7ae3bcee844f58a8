// Two cores of the engine on one wire, "client" 198.18.0.1 and "server" 198.18.0.2, neighbours of
// each other.
#pragma once

#include <memory>

#include "models/base/heap_pool.h"
#include "models/mtcp/engine_core.h"

namespace twinpath {

inline const IpAddress kEngineClient(Ipv4Address(0xc6120001));
inline const IpAddress kEngineServer(Ipv4Address(0xc6120002));

inline EngineCoreConfig engine_core_config(bool is_client, EngineThreads threads) {
  constexpr std::uint64_t kMacs = 0x025450000000;
  const IpAddress& own = is_client ? kEngineClient : kEngineServer;
  const IpAddress& other = is_client ? kEngineServer : kEngineClient;
  EngineCoreConfig config;
  config.engine.threads = threads;
  config.host.name = is_client ? "client" : "server";
  config.host.seed = is_client ? 1 : 2;
  InterfaceConfig interface;
  interface.mac = MacAddress::from_u64(kMacs + (is_client ? 1 : 2));
  interface.addresses = {Ipv4Prefix(own.v4(), 24)};
  config.host.interfaces = {interface};
  config.host.neighbours = {{other.v4(), MacAddress::from_u64(kMacs + (is_client ? 2 : 1)), 0}};
  return config;
}

struct EnginePairPorts {
  Port& client;
  Port& server;
};

struct EnginePair {
  EnginePair(const EngineCoreConfig& at_client, const EngineCoreConfig& at_server,
             const EnginePairPorts& ports, BufPool& pool)
      : client(at_client, ports.client, pool), server(at_server, ports.server, pool) {}
  EngineCore client;
  EngineCore server;
};

}  // namespace twinpath
