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

// A key at rest: IPv4's addresses take 8 bytes of it, IPv6's stand elsewhere.
class PackedKey {
 public:
  explicit PackedKey(const FlowKey& key)
      : local_port_(key.local_port),
        remote_port_(key.remote_port),
        is_v4_(key.local.is_v4() && key.remote.is_v4()) {
    if (is_v4_) {
      v4_ = {key.local.v4(), key.remote.v4()};
    } else {
      v6_ = new Pair<IpAddress>{key.local, key.remote};
    }
  }
  PackedKey(const PackedKey&) = delete;
  PackedKey& operator=(const PackedKey&) = delete;
  ~PackedKey() {
    if (!is_v4_) delete v6_;
  }

  [[nodiscard]] IpAddress local() const { return is_v4_ ? IpAddress(v4_.local) : v6_->local; }
  [[nodiscard]] IpAddress remote() const { return is_v4_ ? IpAddress(v4_.remote) : v6_->remote; }
  [[nodiscard]] std::uint16_t local_port() const { return local_port_; }
  [[nodiscard]] std::uint16_t remote_port() const { return remote_port_; }
  [[nodiscard]] FlowKey unpack() const { return {local(), remote(), local_port_, remote_port_}; }
  friend bool operator==(const PackedKey& packed, const FlowKey& key) {
    return packed.remote_port_ == key.remote_port && packed.local_port_ == key.local_port &&
           packed.remote() == key.remote && packed.local() == key.local;
  }

 private:
  template <typename Address>
  struct Pair {
    Address local;
    Address remote;
  };
  union {
    Pair<Ipv4Address> v4_;
    Pair<IpAddress>* v6_;  // owned
  };
  std::uint16_t local_port_;
  std::uint16_t remote_port_;
  bool is_v4_;
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
