// Source ports whose answers come back to the core that connects: the client computes the hash its
// network card will compute of the answer and takes a port that the card steers to its own queue,
// so that no connection is ever touched by two cores. Read: "mTCP", NSDI 2014, §3.3.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/host/port_chooser.h"
#include "models/port/toeplitz.h"

namespace twinpath {

class RssPorts {
 public:
  // `indirection`: the card's table, entry hash % size names the queue. Requires: not empty.
  RssPorts(const RssKey& key, std::vector<std::uint16_t> indirection, Rng rng);

  // The queue to which answers of `peers` to our `port` come.
  [[nodiscard]] std::uint16_t queue_of(const PortPeers& peers, std::uint16_t port) const;

  // The next such port for `queue` that `is_free` accepts; nothing after one round through all.
  template <typename IsFree>
  std::optional<std::uint16_t> choose(const PortPeers& peers, std::uint16_t queue, IsFree is_free) {
    return chooser_.choose(
        peers, [&](std::uint16_t port) { return queue_of(peers, port) == queue && is_free(port); });
  }

 private:
  ToeplitzHash hash_;
  std::vector<std::uint16_t> indirection_;
  PortChooser chooser_;
};

}  // namespace twinpath
