// Source ports whose answers come back to the core that connects: the client computes the hash its
// network card will compute of the answer and takes a port that the card steers to its own queue,
// so that no connection is ever touched by two cores. Read: "mTCP", NSDI 2014, §3.3.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/port.h"
#include "models/port/toeplitz.h"
#include "models/tcp/stack.h"

namespace twinpath {

class RssPorts final : public TcpPortRule {
 public:
  // `indirection`: the card's table, entry hash % size names the queue; `queue`: ours.
  // Requires: not empty.
  RssPorts(const RssKey& key, std::vector<std::uint16_t> indirection, std::uint16_t queue);
  // For one queue of a card whose table goes round, as they come up.
  explicit RssPorts(const PortCaps& caps);

  // The queue to which answers of `remote` to `local` come.
  [[nodiscard]] std::uint16_t queue_of(const TcpEndpointAddress& local,
                                       const TcpEndpointAddress& remote) const;
  [[nodiscard]] bool may_use(const TcpEndpointAddress& local,
                             const TcpEndpointAddress& remote) const override {
    return queue_of(local, remote) == queue_;
  }

 private:
  ToeplitzHash hash_;
  std::vector<std::uint16_t> indirection_;
  std::uint16_t queue_;
};

// Whether a port is one of several queues a card spreads frames over.
bool has_rss(const PortCaps& caps);

}  // namespace twinpath
