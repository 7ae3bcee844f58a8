// Ports for sockets that did not ask for one. RFC 6056 §3.3.3 (algorithm 3): a counter, offset by a
// keyed hash of the endpoints, so that nobody outside can guess the next one, and one pair of hosts
// still walks through all ports before it repeats.
#pragma once

#include <cstdint>
#include <optional>

#include "models/base/hash.h"
#include "models/base/rng.h"
#include "models/wire/address.h"

namespace twinpath {

// What the offset is a function of.
struct PortPeers {
  IpAddress local;
  IpAddress remote;
  std::uint16_t remote_port = 0;
};

class PortChooser {
 public:
  // Linux's default range, which leaves the registered services below it alone.
  static constexpr std::uint16_t kFirst = 32768;
  static constexpr std::uint16_t kLast = 60999;

  explicit PortChooser(Rng rng) : secret_(rng.at(0)) {}

  // The first port that `is_free` accepts; nothing after one full round.
  template <typename IsFree>
  std::optional<std::uint16_t> choose(const PortPeers& peers, IsFree is_free) {
    constexpr std::uint32_t kCount = kLast - kFirst + 1;
    const std::uint64_t offset = offset_of(peers);
    for (std::uint32_t tried = 0; tried < kCount; ++tried) {
      const auto port = static_cast<std::uint16_t>(kFirst + (offset + next_++) % kCount);
      if (is_free(port)) return port;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::uint64_t offset_of(const PortPeers& peers) const {
    std::uint64_t hash = hash_pair({secret_, peers.local.high()});
    hash = hash_pair({hash, peers.local.low()});
    hash = hash_pair({hash, peers.remote.high()});
    hash = hash_pair({hash, peers.remote.low()});
    return hash_pair({hash, peers.remote_port}) >> 32;
  }

  std::uint64_t secret_;
  std::uint64_t next_ = 0;
};

}  // namespace twinpath
