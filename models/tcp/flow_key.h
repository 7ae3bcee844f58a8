// Which connection: the four numbers every segment names it by.
#pragma once

#include <cstdint>

#include "models/base/hash.h"
#include "models/tcp/endpoint.h"
#include "models/wire/address.h"

namespace twinpath::tcp {

struct FlowKey {
  IpAddress local;
  IpAddress remote;
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;

  [[nodiscard]] std::uint64_t ports() const {
    return static_cast<std::uint64_t>(local_port) << 16 | remote_port;
  }
  [[nodiscard]] TcpEndpointAddress local_end() const { return {local, local_port}; }
  [[nodiscard]] TcpEndpointAddress remote_end() const { return {remote, remote_port}; }
  friend bool operator==(const FlowKey&, const FlowKey&) = default;
};

// Two multiplications per address keep the table's buckets apart for anybody without the seed.
inline std::uint64_t hash_flow(std::uint64_t seed, const FlowKey& key) {
  const std::uint64_t local = key.local.low() ^ (key.local.high() * 0x9e3779b97f4a7c15ULL);
  const std::uint64_t remote = key.remote.low() ^ (key.remote.high() * 0x9e3779b97f4a7c15ULL);
  return mix64(mix64(seed ^ local ^ key.ports() << 32) + remote);
}

// The same number at both ends, whatever their seeds: names the flow in events.
inline std::uint64_t flow_id(const FlowKey& key) {
  const auto end = [](const IpAddress& address, std::uint16_t port) {
    return hash_pair({hash_pair({address.high(), address.low()}), port});
  };
  const std::uint64_t local = end(key.local, key.local_port);
  const std::uint64_t remote = end(key.remote, key.remote_port);
  return local < remote ? hash_pair({local, remote}) : hash_pair({remote, local});
}

}  // namespace twinpath::tcp
